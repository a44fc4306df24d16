public import Checkpoints
public import Networks

/// Why a model could not be opened.
public enum ModelError: Error, Sendable, CustomStringConvertible {
  /// The file is no checkpoint, or a broken one.
  case checkpoint(CheckpointError)

  /// The settings beside the checkpoint, or in it, do not fit.
  case settings(source: String, reason: String)

  /// The tensors make no Faster R-CNN.
  case architecture(ArchitectureError)

  /// No profile has the name.
  case unknownProfile(String)

  /// Tensors, profile and settings contradict each other.
  case mismatch(String)

  /// One or two sentences: what is wrong, where, and how to mend it.
  public var description: String {
    switch self {
    case .checkpoint(let error): "\(error)"
    case .settings(let source, let reason): "the settings in \(source) cannot be used: \(reason)"
    case .architecture(let error): "\(error)"
    case .unknownProfile(let name):
      "there is no profile \"\(name)\"; choose one of "
        + ModelProfile.all.map(\.name).joined(separator: ", ")
    case .mismatch(let reason): reason
    }
  }
}
