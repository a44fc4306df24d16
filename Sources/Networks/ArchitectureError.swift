public import Tensors

/// Why a checkpoint's tensors make no Faster R-CNN.
///
/// Tensors have canonical names; whoever knows the file's own says those instead.
public enum ArchitectureError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A tensor that the architecture needs is not there.
  case missing(tensor: String, neededFor: String)

  /// A tensor has a shape that does not fit the others.
  ///
  /// `wanted` says in words which shape would fit and why.
  case mismatch(tensor: String, found: Shape, wanted: String)

  /// A tensor holds values that nothing can be computed with; `reason` is a clause about it.
  case unusable(tensor: String, reason: String)

  /// The names themselves make no sense.
  case unrecognised(reason: String)

  /// One sentence with the tensor's name, the shape found and the shape wanted.
  public var description: String {
    switch self {
    case .missing(let tensor, let purpose):
      "the checkpoint has no tensor \"\(tensor)\", which \(purpose) needs"
    case .mismatch(let tensor, let found, let wanted):
      "tensor \"\(tensor)\" has shape \(found), but \(wanted)"
    case .unusable(let tensor, let reason):
      "tensor \"\(tensor)\" \(reason)"
    case .unrecognised(let reason):
      reason
    }
  }
}
