public import Checkpoints
public import Families
public import Networks

/// Why a model could not be opened.
public enum ModelError: Error, Sendable, CustomStringConvertible {
  /// The file is no checkpoint, or a broken one.
  case checkpoint(CheckpointError)

  /// The file is of no family that is run here, or what is said of it does not fit.
  case family(FamilyError)

  /// The tensors make no Faster R-CNN.
  case architecture(ArchitectureError)

  /// Tensors, profile and settings contradict each other.
  case mismatch(String)

  /// One or two sentences: what is wrong, where, and how to mend it.
  public var description: String {
    switch self {
    case .checkpoint(let error): "\(error)"
    case .family(let error): "\(error)"
    case .architecture(let error): "\(error)"
    case .mismatch(let reason): reason
    }
  }
}
