internal import Checkpoints

// The arguments of torchvision's `FasterRCNN` and of its builders, `models/detection/faster_rcnn.py`.

extension Torchvision {
  /// Settings as they stand in a training script.
  static let arguments = Family.Arguments(group: "torchvision") { (value) throws(CardError) in
    var reader = ArgumentReader(value)
    try reader.take("min_size", as: .minimumSide) { $0.last }
    try reader.take("max_size", as: .maximumSide)
    try reader.take("image_mean", as: .mean)
    try reader.take("image_std", as: .standardDeviation)
    try reader.take("size_divisible", as: .paddingMultiple)
    // `eps` of FrozenBatchNorm2d and BatchNorm2d.
    try reader.take("eps", as: .normalisationEpsilon)
    try reader.take("rpn_anchor_generator.sizes", as: .anchorSizes)
    try reader.take("rpn_anchor_generator.aspect_ratios", as: .anchorRatios)
    try reader.take("rpn_pre_nms_top_n_test", as: .countBeforeNMS)
    try reader.take("rpn_post_nms_top_n_test", as: .countAfterNMS)
    try reader.take("rpn_nms_thresh", as: .proposalNMSThreshold)
    try reader.take("rpn_score_thresh", as: .proposalScoreThreshold)
    try reader.take("box_roi_pool.output_size", as: .roiSize) { $0.side }
    try reader.take("box_roi_pool.sampling_ratio", as: .roiSamplingRatio) { .samplingRatio($0) }
    try reader.take("box_roi_pool.featmap_names", as: .roiLevels) { .levelCount($0) }
    try reader.take("box_score_thresh", as: .scoreThreshold)
    try reader.take("box_nms_thresh", as: .nmsThreshold)
    try reader.take("box_detections_per_img", as: .maximumDetections)
    try reader.take("bbox_reg_weights", as: .boxWeights)
    reader.ignore([
      "num_classes", "weights", "weights_backbone", "progress", "trainable_backbone_layers",
      "pretrained", "pretrained_backbone", "rpn_pre_nms_top_n_train", "rpn_post_nms_top_n_train",
      "rpn_fg_iou_thresh", "rpn_bg_iou_thresh", "rpn_batch_size_per_image",
      "rpn_positive_fraction", "box_fg_iou_thresh", "box_bg_iou_thresh",
      "box_batch_size_per_image", "box_positive_fraction",
    ])
    return try reader.finish()
  }

  /// What a pickled model holds: each argument where the constructor has put it.
  static func card(_ module: PickledModule) throws(CardError) -> ModelCard {
    func value(_ path: String, _ attribute: String) -> ConfigValue? {
      let module = path.isEmpty ? module : module.module(path)
      guard let value = module?[attribute].map(ConfigValue.init), value != .null else {
        return nil
      }
      return value
    }
    var card = ModelCard()
    func state(_ key: ModelCard.Key, _ value: ConfigValue?) throws(CardError) {
      if let value { try card.state(key, value) }
    }
    try state(.minimumSide, value("transform", "min_size")?.last)
    try state(.maximumSide, value("transform", "max_size"))
    try state(.mean, value("transform", "image_mean"))
    try state(.standardDeviation, value("transform", "image_std"))
    try state(.paddingMultiple, value("transform", "size_divisible"))
    try state(.countBeforeNMS, value("rpn", "_pre_nms_top_n")?["testing"])
    try state(.countAfterNMS, value("rpn", "_post_nms_top_n")?["testing"])
    try state(.proposalNMSThreshold, value("rpn", "nms_thresh"))
    try state(.proposalScoreThreshold, value("rpn", "score_thresh"))
    try state(.anchorSizes, value("rpn.anchor_generator", "sizes"))
    try state(.anchorRatios, value("rpn.anchor_generator", "aspect_ratios"))
    try state(.roiSize, value("roi_heads.box_roi_pool", "output_size")?.side)
    try state(
      .roiSamplingRatio,
      value("roi_heads.box_roi_pool", "sampling_ratio").flatMap { .samplingRatio($0) })
    try state(
      .roiLevels, value("roi_heads.box_roi_pool", "featmap_names").flatMap { .levelCount($0) })
    try state(.scoreThreshold, value("roi_heads", "score_thresh"))
    try state(.nmsThreshold, value("roi_heads", "nms_thresh"))
    try state(.maximumDetections, value("roi_heads", "detections_per_img"))
    try state(.boxWeights, value("roi_heads", "box_coder")?["weights"])
    try state(.normalisationEpsilon, module.normalisationEpsilon.map { .number($0) })
    return card
  }
}

extension ConfigValue {
  /// A sampling ratio, of which 0 and all below stand for as many samples as there are cells.
  static func samplingRatio(_ value: ConfigValue) -> ConfigValue? {
    value.integer.map { .integer(max(0, $0)) }
  }

  /// How many maps RoIs are pooled from, of a list of their names.
  fileprivate static func levelCount(_ names: ConfigValue) -> ConfigValue? {
    names.elements.map { .integer($0.count) }
  }
}

extension PickledModule {
  /// The epsilon of the first batch normalisation in the module.
  fileprivate var normalisationEpsilon: Double? {
    if className.contains("BatchNorm"), let epsilon = self["eps"]?.number { return epsilon }
    return children.lazy.compactMap(\.module.normalisationEpsilon).first
  }
}
