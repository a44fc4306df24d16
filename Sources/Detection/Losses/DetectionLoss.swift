/// How the sum of the box losses becomes a number that does not grow with the sample.
public enum LossNormalisation: Sendable, Hashable {
  /// Divides by the number of rows whose label is not ignored: the sampled anchors, or all sampled
  /// RoIs (the authors' code, simple-faster-rcnn and chainercv). A sum over nothing is 0.
  case sampledCount

  /// Divides by the number of objects, and by 1 where there are none (bubbliiiing).
  case positiveCount

  /// Divides by a number: the paper's N_reg, the number of cells of the feature map, about 2400.
  case fixed(Int)

  /// Finds the divisor for a batch.
  ///
  /// - Parameters:
  ///   - sampledCount: How many boxes were drawn.
  ///   - positiveCount: How many of them are objects.
  /// - Returns: At least 1.
  public func divisor(sampledCount: Int, positiveCount: Int) -> Float {
    switch self {
    case .sampledCount: Float(max(sampledCount, 1))
    case .positiveCount: Float(max(positiveCount, 1))
    case .fixed(let count): Float(max(count, 1))
    }
  }
}

/// The two parts of a loss of the RPN or of the head, and how the total changes with each
/// prediction.
public struct DetectionLoss: Sendable, Hashable {
  /// The cross-entropy of the scores: a mean over the rows that count.
  public let classification: Float

  /// The smooth L1 loss of the offsets, normalised but not weighted.
  public let regression: Float

  /// `classification + lambda * regression`.
  public let total: Float

  /// The derivative of `total` by each score, `[R, K]`, row-major.
  public let scoreGradient: [Float]

  /// The derivative of `total` by each offset, in the order of the predicted offsets.
  public let offsetGradient: [BoxOffset]
}
