internal import Checkpoints

// The configuration that MMDetection 2.x and 3.x keep as text in `meta`, and its classes.

extension MMDetection {
  /// Settings under the configuration's own names, as in the JSON beside a model.
  static let arguments = Family.Arguments(group: "mmdetection") { (value) throws(CardError) in
    try card(value)
  }

  /// What the file says.
  static func card(_ evidence: Evidence) throws(FamilyError) -> ModelCard {
    guard let meta = evidence.attributes["meta"] else { return ModelCard() }
    var card = ModelCard()
    do {
      for name in ["cfg", "config"] {
        guard let text = meta[name]?.text else { continue }
        card = try Self.card(PythonReader.assignments(text))
      }
    } catch {
      throw .settings(source: "the checkpoint's meta", reason: error.reason)
    }
    let labels = [
      meta["dataset_meta"]?["classes"], meta["dataset_meta"]?["CLASSES"], meta["CLASSES"],
    ].compactMap { $0.map(ConfigValue.init) }
    if let labels = labels.first(where: ModelCard.Key.labels.form.accepts) {
      card[.labels] = labels
    }
    return card
  }

  /// What a configuration says of the model; what means nothing for a trained one is passed over.
  static func card(_ value: ConfigValue) throws(CardError) -> ModelCard {
    var reader = ArgumentReader(value)
    if let type = reader["model.type"]?.text, type != "FasterRCNN" {
      throw CardError(reason: "the model is a \(type), which is not run here; this is Faster R-CNN")
    }
    try reader.take("model.backbone.style", as: .residualStride) {
      $0.text.flatMap { ["caffe": "1x1", "pytorch": "3x3"][$0] }.map { .text($0) }
    }
    try normalisation(&reader)
    try scale(&reader, value)
    try anchors(&reader)
    try reader.take("model.test_cfg.rpn.nms_pre", as: .countBeforeNMS)
    try reader.take("model.test_cfg.rpn.nms_post", as: .countAfterNMS)
    try reader.take("model.test_cfg.rpn.max_per_img", as: .countAfterNMS)
    try reader.take("model.test_cfg.rpn.nms_thr", as: .proposalNMSThreshold)
    try reader.take("model.test_cfg.rpn.nms.iou_threshold", as: .proposalNMSThreshold)
    let pooling = "model.roi_head.bbox_roi_extractor.roi_layer."
    try reader.take(pooling + "output_size", as: .roiSize) { $0.side }
    try reader.take(pooling + "sampling_ratio", as: .roiSamplingRatio) { .samplingRatio($0) }
    try reader.take(pooling + "aligned", as: .roiOperator) {
      $0.truth.map { .text($0 ? "align_half_pixel" : "align") }
    }
    if let type = reader["model.test_cfg.rcnn.nms.type"]?.text, type != "nms" {
      throw CardError(reason: "test_cfg asks for \(type), which is not computed here; use nms")
    }
    try reader.take("model.test_cfg.rcnn.score_thr", as: .scoreThreshold)
    try reader.take("model.test_cfg.rcnn.nms.iou_threshold", as: .nmsThreshold)
    try reader.take("model.test_cfg.rcnn.max_per_img", as: .maximumDetections)
    try reader.take("model.roi_head.bbox_head.bbox_coder.target_stds", as: .boxWeights) { value in
      guard let deviations = value.numbers, deviations.allSatisfy({ $0 > 0 }) else { return nil }
      return .list(deviations.map { .number(1 / $0) })
    }
    return reader.card
  }

  /// 3.x has the statistics in the model, 2.x in the pipeline.
  private static func normalisation(_ reader: inout ArgumentReader) throws(CardError) {
    try reader.take("img_norm_cfg.mean", as: .mean)
    try reader.take("img_norm_cfg.std", as: .standardDeviation)
    try reader.take("img_norm_cfg.to_rgb", as: .channelOrder, order)
    let preprocessor = "model.data_preprocessor."
    try reader.take(preprocessor + "mean", as: .mean)
    try reader.take(preprocessor + "std", as: .standardDeviation)
    try reader.take(preprocessor + "bgr_to_rgb", as: .channelOrder, order)
    try reader.take(preprocessor + "pad_size_divisor", as: .paddingMultiple)
  }

  private static func order(_ isRGB: ConfigValue) -> ConfigValue? {
    isRGB.truth.map { .text($0 ? "rgb" : "bgr") }
  }

  /// The size that the test pipeline resizes to: the longer side and the shorter one, in any order.
  private static func scale(
    _ reader: inout ArgumentReader, _ value: ConfigValue
  ) throws(CardError) {
    for path in [
      ["test_pipeline"], ["data", "test", "pipeline"], ["test_dataloader", "dataset", "pipeline"],
    ] {
      guard let sides = value[path].flatMap(scale)?.numbers, sides.count == 2,
        let longer = sides.max(), let shorter = sides.min()
      else { continue }
      try reader.state(.minimumSide, .number(shorter))
      try reader.state(.maximumSide, .number(longer))
      return
    }
  }

  private static func scale(_ pipeline: ConfigValue) -> ConfigValue? {
    for step in pipeline.elements ?? [] {
      switch step["type"]?.text {
      case "Resize":
        if let scale = step["scale"] ?? step["img_scale"], scale != .null { return scale }
      case "MultiScaleFlipAug": if let scale = step["img_scale"] { return scale }
      default: continue
      }
    }
    return nil
  }

  private static func anchors(_ reader: inout ArgumentReader) throws(CardError) {
    let generator = "model.rpn_head.anchor_generator."
    if let scales = reader[generator + "scales"]?.numbers,
      let strides = reader[generator + "strides"]?.numbers
    {
      try reader.state(
        .anchorSizes,
        .list(strides.map { stride in .list(scales.map { .number($0 * stride) }) }))
      try reader.state(.anchorStrides, .list(strides.map { .number($0) }))
    }
    try reader.take(generator + "ratios", as: .anchorRatios)
  }
}
