internal import Detection
internal import Families
internal import Networks

extension Blueprint {
  /// Refuses what the networks cannot be run with.
  func check(against networks: DetectorNetworks) throws(ModelError) {
    let level = detection.levels[0]
    guard level.anchors.anchorsPerCell == networks.anchorsPerCell else {
      throw .mismatch(
        "\(originalName("rpn.score.weight")) has \(networks.anchorsPerCell) anchors in a cell, but "
          + "the settings make \(level.anchors.anchorsPerCell): \(level.anchors.ratios.count) ratios "
          + "x \(level.anchors.scales.count) scales; set anchor_scales and anchor_ratios")
    }
    for (source, stride) in [
      ("the profile \(family.name)", level.featureStride),
      ("feature_stride", card.integer(.featureStride)),
    ] {
      guard let stride, stride != networks.featureStride else { continue }
      throw .mismatch(
        "the backbone's stride is \(networks.featureStride) pixels, but \(source) says \(stride)")
    }
    guard detection.roiSize == networks.pooledSize else {
      throw .mismatch(
        "the head reads RoIs of \(networks.pooledSize)x\(networks.pooledSize) cells, but the "
          + "profile \(family.name) pools \(detection.roiSize)x\(detection.roiSize); choose another "
          + "with --profile")
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
    case .unrecognised: self
    }
  }
}
