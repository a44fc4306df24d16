/// How the features of RoIs are gathered from one feature map or several.
public struct RoISettings: Sendable, Hashable {
  /// How cells are shared out to bins.
  public var `operator`: RoIPooling.Operator

  /// The number of bins along each side of an RoI.
  public var size: Int

  /// How pixels become cells of a map.
  public var scale: RoIScale

  /// Which map an RoI is pooled from.
  public var levels: LevelRule

  /// Where RoIPool takes corners that lie halfway between two cells of the feature map.
  public var cornerRounding: FloatingPointRoundingRule

  /// Makes settings; what is left out is as in simple-faster-rcnn.
  public init(
    operator: RoIPooling.Operator = .pool, size: Int = 7, scale: RoIScale = .inverseStride,
    levels: LevelRule = .first,
    cornerRounding: FloatingPointRoundingRule = .toNearestOrAwayFromZero
  ) {
    self.operator = `operator`
    self.size = size
    self.scale = scale
    self.levels = levels
    self.cornerRounding = cornerRounding
  }
}

/// How coordinates of an RoI become coordinates of a feature map.
public enum RoIScale: Sendable, Hashable {
  /// Divided by the map's stride.
  case inverseStride

  /// Multiplied by the ratio of the map's size to the picture's, for each axis (bubbliiiing).
  case mapOverPicture

  /// Multiplied by the power of two that is nearest, in its logarithm, to the map's rows over the
  /// picture's, padding not counted (torchvision's `MultiScaleRoIAlign`).
  ///
  /// Where padding makes up much of a picture it is another one than the stride says: 43 rows, padded
  /// to 64, are pooled at 1/2.
  case nearestPowerOfTwo

  /// The scale of one map.
  ///
  /// - Parameters:
  ///   - height: The rows of the map.
  ///   - width: The columns of the map.
  ///   - stride: The pixels from one cell to the next as the network has them.
  ///   - frame: The picture, in whose resized pixels the RoIs are told.
  /// - Returns: What takes pixels to cells.
  public func spatialScale(
    height: Int, width: Int, stride: Int, frame: ImageFrame
  ) -> SpatialScale {
    switch self {
    case .inverseStride: SpatialScale(1 / Float(stride))
    case .mapOverPicture:
      SpatialScale(
        featureHeight: height, featureWidth: width, imageHeight: frame.height,
        imageWidth: frame.width)
    case .nearestPowerOfTwo:
      SpatialScale(LevelRule.powerOfTwo(nearest: Float(height) / frame.height))
    }
  }
}
