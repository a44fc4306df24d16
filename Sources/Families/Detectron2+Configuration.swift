internal import Checkpoints
internal import Tensors

// The keys of `config.yaml`, `config/defaults.py`, of which a dumped one has all.

extension Detectron2 {
  /// Settings under the configuration's own keys, as in the JSON beside a model.
  static let arguments = Family.Arguments(group: "detectron2") { (value) throws(CardError) in
    try card(value)
  }

  /// What the configuration says; keys that mean nothing for a trained model are passed over, as a
  /// dumped one is full of them.
  static func card(_ value: ConfigValue) throws(CardError) -> ModelCard {
    guard value["_BASE_"] == nil else {
      throw CardError(
        reason: "it builds on another file (_BASE_); write the whole with "
          + "open(\"config.yaml\", \"w\").write(cfg.dump())")
    }
    if let name = value[["MODEL", "META_ARCHITECTURE"]]?.text, name != "GeneralizedRCNN" {
      throw CardError(reason: "the model is a \(name), which is not run here; this is Faster R-CNN")
    }
    var reader = ArgumentReader(value)
    try reader.take("INPUT.FORMAT", as: .channelOrder) { $0.text.map { .text($0.lowercased()) } }
    try reader.take("INPUT.MIN_SIZE_TEST", as: .minimumSide)
    try reader.take("INPUT.MAX_SIZE_TEST", as: .maximumSide)
    try reader.take("MODEL.PIXEL_MEAN", as: .mean)
    try reader.take("MODEL.PIXEL_STD", as: .standardDeviation)
    try reader.take("MODEL.RESNETS.STRIDE_IN_1X1", as: .residualStride) {
      $0.truth.map { .text($0 ? "1x1" : "3x3") }
    }
    try reader.take("MODEL.RESNETS.RES5_DILATION", as: .lastStageDilation)
    try reader.take("MODEL.ANCHOR_GENERATOR.SIZES", as: .anchorSizes)
    try reader.take("MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS", as: .anchorRatios)
    try reader.take("MODEL.ANCHOR_GENERATOR.OFFSET", as: .anchorOffset)
    try reader.take("MODEL.RPN.PRE_NMS_TOPK_TEST", as: .countBeforeNMS)
    try reader.take("MODEL.RPN.POST_NMS_TOPK_TEST", as: .countAfterNMS)
    try reader.take("MODEL.RPN.NMS_THRESH", as: .proposalNMSThreshold)
    try reader.take("MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION", as: .roiSize)
    try reader.take("MODEL.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO", as: .roiSamplingRatio)
    try reader.take("MODEL.ROI_BOX_HEAD.POOLER_TYPE", as: .roiOperator) { type in
      let operators = ["ROIAlignV2": "align_half_pixel", "ROIAlign": "align", "ROIPool": "pool"]
      return type.text.flatMap { operators[$0] }.map { .text($0) }
    }
    try reader.take("MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS", as: .boxWeights)
    try reader.take("MODEL.ROI_HEADS.SCORE_THRESH_TEST", as: .scoreThreshold)
    try reader.take("MODEL.ROI_HEADS.NMS_THRESH_TEST", as: .nmsThreshold)
    try reader.take("TEST.DETECTIONS_PER_IMAGE", as: .maximumDetections)
    return reader.card
  }

  /// What the file and the `config.yaml` beside it say.
  static func card(_ evidence: Evidence) throws(FamilyError) -> ModelCard {
    var card = statistics(evidence)
    for name in configurationNames(evidence) {
      let source = "\(name) beside the checkpoint"
      do throws(CardError) {
        guard let bytes = try evidence.neighbour(name) else { continue }
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw CardError(reason: "it is not UTF-8 text")
        }
        card = try Self.card(try YAMLReader.read(text)).filled(from: card)
      } catch {
        throw .settings(source: source, reason: error.reason)
      }
      break
    }
    return card
  }

  /// `NAME.config.yaml`, `NAME.yaml` and what `DefaultTrainer` writes beside `NAME.pth`; the first that
  /// is there is read.
  static func configurationNames(_ evidence: Evidence) -> [String] {
    var names = ["config.yaml", "config.yml"]
    if let file = evidence.fileName, let point = file.lastIndex(of: ".") {
      let stem = file[..<point]
      names = ["\(stem).config.yaml", "\(stem).yaml", "\(stem).yml"] + names
    }
    return names
  }

  /// Mean and deviation as files of 2020 and before hold them; the order of the means tells that of the
  /// channels, since red's is the largest.
  private static func statistics(_ evidence: Evidence) -> ModelCard {
    var card = ModelCard()
    for (key, name) in [(ModelCard.Key.mean, "pixel_mean"), (.standardDeviation, "pixel_std")] {
      guard let tensor = evidence.state[name], tensor.shape.count == 3 else { continue }
      let value = ConfigValue.list(tensor.float32Values().map { .number(Double($0)) })
      if key.form.accepts(value) { card[key] = value }
    }
    if let mean = card.numbers(.mean), mean[0] != mean[2] {
      card[.channelOrder] = .text(mean[0] < mean[2] ? "bgr" : "rgb")
    }
    return card
  }
}
