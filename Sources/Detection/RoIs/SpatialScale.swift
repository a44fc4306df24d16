internal import Tensors

/// How a box in pixels becomes a box in cells of a feature map: `coordinate / divisor * multiplier`
/// on each axis, in that order.
///
/// simple-faster-rcnn and py-faster-rcnn multiply by 1/16. bubbliiiing divides by the size of the
/// picture first and multiplies by the size of the map afterwards; float32 rounds the two
/// differently, and RoIPool turns half a unit in the last place into a whole cell, so the order is
/// kept.
public struct SpatialScale: Sendable, Hashable {
  /// What a vertical coordinate is divided by, first.
  public let yDivisor: Float

  /// What a horizontal coordinate is divided by, first.
  public let xDivisor: Float

  /// What a vertical coordinate is multiplied with, afterwards.
  public let yMultiplier: Float

  /// What a horizontal coordinate is multiplied with, afterwards.
  public let xMultiplier: Float

  /// One multiplier for both axes: 1 / 16 for a feature stride of 16.
  public init(_ multiplier: Float) {
    self.init(y: multiplier, x: multiplier)
  }

  /// A multiplier for each axis.
  public init(y: Float, x: Float) {
    (yDivisor, xDivisor, yMultiplier, xMultiplier) = (1, 1, y, x)
  }

  /// The size of the map over the size of the picture, divided before it is multiplied.
  ///
  /// Source: bubbliiiing/faster-rcnn-pytorch, `nets/classifier.py`.
  public init(featureHeight: Int, featureWidth: Int, imageHeight: Float, imageWidth: Float) {
    (yDivisor, xDivisor) = (imageHeight, imageWidth)
    (yMultiplier, xMultiplier) = (Float(featureHeight), Float(featureWidth))
  }

  /// The ends of a box on the vertical axis, in cells, within `maximumSide` of the origin.
  func vertical(_ box: BoundingBox) -> AxisExtent {
    AxisExtent(scaled(box.yMin, yDivisor, yMultiplier), scaled(box.yMax, yDivisor, yMultiplier))
  }

  /// The ends of a box on the horizontal axis, in cells, within `maximumSide` of the origin.
  func horizontal(_ box: BoundingBox) -> AxisExtent {
    AxisExtent(scaled(box.xMin, xDivisor, xMultiplier), scaled(box.xMax, xDivisor, xMultiplier))
  }

  private func scaled(_ coordinate: Float, _ divisor: Float, _ multiplier: Float) -> Float {
    coordinate / divisor * multiplier
  }
}

/// The two ends of a box on one axis, in cells; `nil` ends do not exist: a box with a NaN has no
/// extent.
struct AxisExtent {
  let start: Float
  let end: Float

  /// Whether both ends are numbers; where they are not, an RoI covers nothing.
  let isNumber: Bool

  /// Bounds the ends, so that integers made of them cannot overflow and the work of an RoI is
  /// bounded.
  init(_ start: Float, _ end: Float) {
    let limit = Float(ChannelLayout.maximumSide)
    isNumber = !(start.isNaN || end.isNaN)
    self.start = isNumber ? min(max(start, -limit), limit) : 0
    self.end = isNumber ? min(max(end, -limit), limit) : 0
  }
}
