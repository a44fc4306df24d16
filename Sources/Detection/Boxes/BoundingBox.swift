/// A box in pixels, half-open: it covers `yMin..<yMax` by `xMin..<xMax`.
///
/// So a side is the plain difference of its ends. The frame (resized or original picture) is the
/// caller's.
///
/// This is the one form in which boxes pass between algorithms: which order a family stores
/// coordinates in matters only where raw network outputs are read.
public struct BoundingBox: Sendable, Hashable, BitwiseCopyable {
  /// The upper edge.
  public var yMin: Float
  /// The left edge.
  public var xMin: Float
  /// The lower edge.
  public var yMax: Float
  /// The right edge.
  public var xMax: Float

  /// Makes a box from its edges, in pixels.
  public init(yMin: Float, xMin: Float, yMax: Float, xMax: Float) {
    self.yMin = yMin
    self.xMin = xMin
    self.yMax = yMax
    self.xMax = xMax
  }

  /// The distance from the upper to the lower edge, in pixels; negative in a box that is inside out.
  public var height: Float { yMax - yMin }

  /// The distance from the left to the right edge, in pixels; negative in a box that is inside out.
  public var width: Float { xMax - xMin }
}
