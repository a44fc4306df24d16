internal import Detection
internal import Images
internal import Networks

extension ModelProfile {
  /// Replaces what the model itself states.
  mutating func apply(_ settings: ModelSettings) {
    for index in detection.levels.indices {
      if let size = settings.anchorBaseSize { detection.levels[index].anchors.baseSize = size }
      if let scales = settings.anchorScales { detection.levels[index].anchors.scales = scales }
      if let ratios = settings.anchorRatios { detection.levels[index].anchors.ratios = ratios }
    }
    if let side = settings.minSize { resize.minimumSide = side }
    if let side = settings.maxSize { resize.maximumSide = side }
    if let name = settings.interpolation,
      let interpolation = Preprocessing.Interpolation(rawValue: name)
    {
      preprocessing.interpolation = interpolation
    }
    if let mean = settings.mean { preprocessing.mean = SIMD3(mean) }
    if let std = settings.std { preprocessing.standardDeviation = SIMD3(std) }
    if let threshold = settings.scoreThreshold { detection.classes.scoreThreshold = threshold }
    if let threshold = settings.nmsThreshold { detection.classes.nms.iouThreshold = threshold }
  }

  /// Refuses a profile that the networks cannot be run with.
  func check(
    against networks: DetectorNetworks, settings: ModelSettings
  ) throws(ModelError) {
    let level = detection.levels[0]
    guard level.anchors.anchorsPerCell == networks.anchorsPerCell else {
      throw .mismatch(
        "rpn.score.weight has \(networks.anchorsPerCell) anchors in a cell, but the settings make "
          + "\(level.anchors.anchorsPerCell): \(level.anchors.ratios.count) ratios x "
          + "\(level.anchors.scales.count) scales; set anchor_scales and anchor_ratios")
    }
    var fixedStride: Int?
    if case .fixed(let stride) = level.stride { fixedStride = stride }
    for (source, stride) in [
      ("the profile \(name)", fixedStride), ("feature_stride", settings.featureStride),
    ] {
      guard let stride, stride != networks.featureStride else { continue }
      throw .mismatch(
        "the backbone's stride is \(networks.featureStride) pixels, but \(source) says \(stride)")
    }
    guard detection.roi.size == networks.pooledSize else {
      throw .mismatch(
        "the head reads RoIs of \(networks.pooledSize)x\(networks.pooledSize) cells, but the "
          + "profile \(name) pools \(detection.roi.size)x\(detection.roi.size); choose another with "
          + "--profile")
    }
  }
}
