public import Tensors

/// What the backbone made of a picture: enough to go on from there.
public struct FeatureMap: Sendable, Equatable {
  /// The features of each level that the RPN looks at, (C, H, W), from the finest; one unless the model
  /// has a feature pyramid.
  public var levels: [Tensor]

  /// The size of the resized picture that they were computed from, in pixels.
  public var imageSize: PictureSize

  /// The size of the original picture, in pixels, which boxes refer to.
  public var originalSize: PictureSize

  /// Pixels of the resized picture for each pixel of the original one, down.
  public var yScale: Float

  /// Pixels of the resized picture for each pixel of the original one, across.
  public var xScale: Float

  /// Makes a feature map with a scale for each axis.
  public init(
    levels: [Tensor], imageSize: PictureSize, originalSize: PictureSize, yScale: Float,
    xScale: Float
  ) {
    self.levels = levels
    self.imageSize = imageSize
    self.originalSize = originalSize
    self.yScale = yScale
    self.xScale = xScale
  }

  /// Makes a feature map whose original size is that of the resized picture divided by the scales.
  ///
  /// A shrunken picture's size is rounded, so that its original's may come out a pixel or two off:
  /// state it where it is known.
  ///
  /// - Parameters:
  ///   - levels: the features of each level, (C, H, W), from the finest.
  ///   - imageSize: the size of the resized picture, in pixels.
  ///   - yScale: resized pixels to one of the original picture, down; finite and above 0, or a
  ///     detector refuses the map.
  ///   - xScale: the same across; `yScale` where it is left out.
  public init(levels: [Tensor], imageSize: PictureSize, yScale: Float, xScale: Float? = nil) {
    func original(_ side: Int, _ scale: Float) -> Int {
      let length = (Float(side) / scale).rounded()
      return length.isFinite ? Int(min(max(length, 0), 1e9)) : 0
    }
    let xScale = xScale ?? yScale
    self.init(
      levels: levels, imageSize: imageSize,
      originalSize: PictureSize(
        height: original(imageSize.height, yScale), width: original(imageSize.width, xScale)),
      yScale: yScale, xScale: xScale)
  }
}
