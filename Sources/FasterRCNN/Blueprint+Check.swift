internal import Detection
internal import Families
internal import Networks

extension Blueprint {
  /// Refuses what the networks cannot be run with.
  func check(against networks: DetectorNetworks) throws(ModelError) {
    let maps = networks.levels
    guard detection.levels.count == maps.count else {
      throw .mismatch(
        "the model has \(maps.count) feature maps (\(maps.map(\.name).joined(separator: ", "))), but "
          + "the settings have anchors for \(detection.levels.count)")
    }
    for (level, map) in zip(detection.levels, maps) {
      let anchors = level.anchors
      guard anchors.anchorsPerCell == networks.anchorsPerCell else {
        throw .mismatch(
          "\(originalName("rpn.objectness.weight")) has \(networks.anchorsPerCell) anchors in a "
            + "cell, but the settings make \(anchors.anchorsPerCell): \(anchors.ratios.count) "
            + "ratios x \(anchors.scales.count) scales; set anchor_scales and anchor_ratios")
      }
      var strides = [("feature_stride", maps.count == 1 ? card.integer(.featureStride) : nil)]
      if case .fixed(let stride) = level.stride {
        strides.append(("the profile \(family.name)", stride))
      }
      for (source, stride) in strides {
        guard let stride, stride != map.stride else { continue }
        throw .mismatch(
          "the backbone's stride is \(map.stride) pixels, but \(source) says \(stride)")
      }
    }
    guard detection.roi.size == networks.pooledSize else {
      throw .mismatch(
        "the head reads RoIs of \(networks.pooledSize)x\(networks.pooledSize) cells, but the "
          + "profile \(family.name) pools \(detection.roi.size)x\(detection.roi.size); choose "
          + "another with --profile")
    }
  }
}

extension ArchitectureError {
  /// The same with the file's own name for the tensor.
  func renamed(_ originalName: (String) -> String) -> ArchitectureError {
    switch self {
    case .missing(let tensor, let purpose):
      .missing(tensor: originalName(tensor), neededFor: purpose)
    case .mismatch(let tensor, let found, let wanted):
      .mismatch(tensor: originalName(tensor), found: found, wanted: wanted)
    case .unusable(let tensor, let reason):
      .unusable(tensor: originalName(tensor), reason: reason)
    case .unrecognised: self
    }
  }
}
