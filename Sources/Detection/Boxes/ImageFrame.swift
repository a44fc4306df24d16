/// The two frames that boxes of one picture are told in, and how they relate.
///
/// Anchors and proposals are in pixels of the resized picture, detections in pixels of the original.
public struct ImageFrame: Sendable, Hashable {
  /// The height of the resized picture, without padding, in pixels.
  public var height: Float

  /// The width of the resized picture, without padding, in pixels.
  public var width: Float

  /// The height of the original picture, in pixels.
  public var originalHeight: Float

  /// The width of the original picture, in pixels.
  public var originalWidth: Float

  /// Pixels of the resized picture for each pixel of the original one, down.
  public var yScale: Float

  /// Pixels of the resized picture for each pixel of the original one, across.
  ///
  /// This one also scales the minimum side of a proposal where a family scales it.
  public var xScale: Float

  /// Makes a frame with a scale of its own for each axis: the ratio of the two sizes.
  public init(height: Int, width: Int, originalHeight: Int, originalWidth: Int) {
    self.height = Float(height)
    self.width = Float(width)
    self.originalHeight = Float(originalHeight)
    self.originalWidth = Float(originalWidth)
    self.yScale = Float(Double(height) / Double(max(originalHeight, 1)))
    self.xScale = Float(Double(width) / Double(max(originalWidth, 1)))
  }

  /// Makes a frame with one scale for both axes, as families do that keep the resize factor.
  public init(height: Int, width: Int, originalHeight: Int, originalWidth: Int, scale: Float) {
    self.init(
      height: height, width: width, originalHeight: originalHeight, originalWidth: originalWidth)
    self.yScale = scale
    self.xScale = scale
  }
}
