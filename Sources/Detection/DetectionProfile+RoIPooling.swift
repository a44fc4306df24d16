extension DetectionProfile {
  /// Makes the operator that gathers the features of RoIs from one level of one picture.
  ///
  /// - Parameters:
  ///   - level: Which feature map, an index into `levels`.
  ///   - featureHeight: The rows of that map.
  ///   - featureWidth: The columns of that map.
  ///   - frame: The picture, in whose resized pixels the RoIs are told.
  /// - Returns: The operator, with the family's number of bins and scale.
  public func roiPooling(
    level: Int = 0, featureHeight: Int, featureWidth: Int, frame: ImageFrame
  ) -> RoIPooling {
    let scale =
      switch roiScale {
      case .featureStride: SpatialScale(1 / Float(levels[level].featureStride))
      case .featureMapRatio:
        SpatialScale(
          featureHeight: featureHeight, featureWidth: featureWidth, imageHeight: frame.height,
          imageWidth: frame.width)
      }
    return RoIPooling(
      roiOperator, outputSize: roiSize, spatialScale: scale, cornerRounding: roiCornerRounding)
  }
}
