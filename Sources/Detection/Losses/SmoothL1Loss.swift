/// Smooth L1: a square near zero, a straight line further out, so that an outlier pulls no harder
/// than a near miss.
///
/// `0.5 * sigma^2 * d^2` where `|d| < 1 / sigma^2`, else `|d| - 0.5 / sigma^2`. Source: Girshick,
/// Fast R-CNN, 2015, equation 3 (sigma = 1); the sigma is py-faster-rcnn's, and `1 / sigma^2` is
/// PyTorch's `beta`.
public struct SmoothL1Loss: Sendable, Hashable {
  /// How sharp the bend is; the square ends at `1 / sigma^2`.
  ///
  /// Infinity is L1, without any square.
  public let sigma: Float

  /// Makes a loss; traps unless sigma is above 0.
  public init(sigma: Float) {
    precondition(sigma > 0, "sigma, \(sigma), is not a positive number")
    self.sigma = sigma
  }

  /// The loss of one difference, prediction minus target.
  public func value(_ difference: Float) -> Float {
    let distance = abs(difference)
    let square = sigma * sigma
    return distance < 1 / square ? 0.5 * square * distance * distance : distance - 0.5 / square
  }

  /// The derivative of `value` with respect to the prediction; between -1 and 1.
  public func derivative(_ difference: Float) -> Float {
    let square = sigma * sigma
    if abs(difference) < 1 / square { return square * difference }
    return difference.isNaN || difference == 0 ? difference : difference < 0 ? -1 : 1
  }

  /// The loss of four differences, summed.
  ///
  /// - Returns: 0 or more, NaN where a number is.
  public func value(_ prediction: BoxOffset, _ target: BoxOffset) -> Float {
    value(prediction.dy - target.dy) + value(prediction.dx - target.dx)
      + value(prediction.dh - target.dh) + value(prediction.dw - target.dw)
  }

  /// The derivatives of the sum of four losses, each multiplied with a factor.
  ///
  /// - Returns: The derivative by each number of the prediction.
  public func derivative(
    _ prediction: BoxOffset, _ target: BoxOffset, factor: Float
  ) -> BoxOffset {
    BoxOffset(
      dy: derivative(prediction.dy - target.dy) * factor,
      dx: derivative(prediction.dx - target.dx) * factor,
      dh: derivative(prediction.dh - target.dh) * factor,
      dw: derivative(prediction.dw - target.dw) * factor)
  }
}
