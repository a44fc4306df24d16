public import Compute
public import Images

/// Why a picture was not answered.
public enum DetectorError: Error, Sendable, CustomStringConvertible {
  /// The picture could not be taken in: its shape, say.
  case image(ImageError)

  /// A feature map does not fit the model.
  case features(String)

  /// The engine failed; the next picture may well succeed.
  case compute(ComputeError)

  /// The caller asked for the work to stop.
  case cancelled

  /// The network's own outputs were not finite: the checkpoint holds NaN or overflows.
  case notFinite

  /// One or two sentences: what is wrong, and how to mend it.
  public var description: String {
    switch self {
    case .image(let error): "\(error)"
    case .features(let reason): reason
    case .compute(let error): "the engine failed: \(error)"
    case .cancelled: "the work was cancelled"
    case .notFinite:
      "the network's outputs are not finite numbers; the checkpoint is broken or has another profile"
    }
  }
}
