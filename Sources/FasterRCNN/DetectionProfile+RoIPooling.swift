internal import Detection

extension DetectionProfile {
  /// The operator that cuts a picture's RoIs out of its feature map.
  ///
  /// Traps on jwyang's RoIAlignAvg, which no profile that can be served uses.
  func roiPooling(featureHeight: Int, featureWidth: Int, frame: ImageFrame) -> RoIPooling {
    let scale =
      switch roiScale {
      case .featureStride: SpatialScale(1 / Float(levels[0].featureStride))
      case .featureMapRatio:
        SpatialScale(
          featureHeight: featureHeight, featureWidth: featureWidth, imageHeight: Int(frame.height),
          imageWidth: Int(frame.width))
      }
    switch roiOperator {
    case .pool:
      return RoIPooling(.pool, outputSize: roiSize, spatialScale: scale)
    case .align(let ratio, let isAligned):
      return RoIPooling(
        .align(samplingRatio: ratio == 0 ? nil : ratio, aligned: isAligned), outputSize: roiSize,
        spatialScale: scale)
    case .alignAverage:
      preconditionFailure("the profile \(name) cannot be served")
    }
  }
}
