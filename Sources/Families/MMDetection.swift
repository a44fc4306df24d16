internal import Checkpoints
internal import Detection
internal import Images
internal import Networks
internal import Tensors

// open-mmlab/mmdetection 2.x and 3.x: `models`, `configs/_base_/models/faster-rcnn_r50_fpn.py`.

extension Family {
  /// `faster-rcnn_r50/r101/x101_fpn` and its Caffe variants.
  static let mmdetectionFPN = Family(
    name: "mmdetection-fpn", project: "open-mmlab/mmdetection",
    summary: "ResNet or ResNeXt with a feature pyramid; 2.x and 3.x",
    proof: .all([
      .tensors("neck.lateral_convs."), .tensor("rpn_head.rpn_cls.weight"),
      .tensor("roi_head.bbox_head.fc_cls.weight"),
    ]),
    names: NameMap(
      ResNetNames.torchvision("backbone")
        + [
          // With group normalisation.
          ("backbone.gn1", "backbone.stem.norm"),
          ("backbone.layer#.#.gn#", "backbone.layer#.#.conv#.norm"),
          ("neck.lateral_convs.#.gn", "neck.lateral.#.norm"),
          ("neck.fpn_convs.#.gn", "neck.output.#.norm"),
          ("neck.lateral_convs.#.conv", "neck.lateral.#"),
          ("neck.fpn_convs.#.conv", "neck.output.#"),
          ("rpn_head.rpn_conv.#.conv", "rpn.conv.#"),
          ("rpn_head.rpn_conv", "rpn.conv.0"),
          ("rpn_head.rpn_cls", "rpn.objectness"),
          ("rpn_head.rpn_reg", "rpn.offsets"),
          ("roi_head.bbox_head.shared_convs.#.gn", "head.conv.#.norm"),
          ("roi_head.bbox_head.shared_convs.#.conv", "head.conv.#"),
          ("roi_head.bbox_head.shared_fcs.#", "head.fc.#"),
          ("roi_head.bbox_head.fc_cls", "head.class"),
          ("roi_head.bbox_head.fc_reg", "head.boxes"),
        ]),
    arguments: MMDetection.arguments, leftOut: [("roi_head.mask_head.", "the mask head")],
    labelSets: [LabelSets.coco, LabelSets.voc], card: MMDetection.card,
    conventions: MMDetection.conventions)
}

enum MMDetection {
  /// PyTorch style, unless the file's own configuration says another.
  static func conventions(_ evidence: Evidence) -> Family.Conventions {
    let isShared = evidence.rows("roi_head.bbox_head.fc_reg.weight") == 4
    var detection = DetectionProfile.mmdetection
    // 2.x divides boxes by the scale, 3.x multiplies by its inverse.
    if evidence.attributes["meta"]?["mmdet_version"]?.text?.hasPrefix("2.") ?? false {
      detection.classes.restoration = .dividing
    }
    if isShared { detection.classes.layout.offsets = .shared }
    let why =
      "because the file has no configuration of its own; say it in NAME.json, as "
      + "{\"backbone\": {\"residual_stride\": \"1x1\"}, \"picture\": {\"channel_order\": \"bgr\", "
      + "\"std\": [1, 1, 1]}} for the Caffe style"
    return Family.Conventions(
      architecture: Architecture(
        backbone: .resNet(.middleConvolution, stemPoolingPadding: 1),
        normalisation: evidence.hasGroupNormalisation
          ? .group(count: 32, epsilon: 1e-5) : .batch(epsilon: 1e-5),
        neck: .pyramid(extraLevel: true), objectness: .single,
        boxes: isShared ? .shared : .foreground),
      picture: PictureRule(
        resize: ResizeRule(minimumSide: 800, maximumSide: 1333, rounding: .halfUp),
        preprocessing: Preprocessing(
          interpolation: .openCVLinearBytes, divisor: 1, mean: SIMD3(123.675, 116.28, 103.53),
          standardDeviation: SIMD3(58.395, 57.12, 57.375)),
        paddingMultiple: 32),
      detection: detection,
      assumptions: [
        .residualStride: "the PyTorch style, the stride of bottlenecks in the 3x3, \(why)",
        .channelOrder: "channels in the order RGB, \(why)",
      ])
  }
}

extension DetectionProfile {
  /// `RPNHead`, `SingleRoIExtractor`, `BBoxHead`, with the sigmoid as the RPN's score.
  fileprivate static let mmdetection = DetectionProfile(
    levels: zip([4, 8, 16, 32, 64], [32, 64, 128, 256, 512] as [Float]).map {
      AnchorLevel(
        anchors: AnchorSettings(baseSize: 1, scales: [$1], centre: .origin), stride: .fixed($0))
    },
    coder: BoxCoder(
      order: .xyxy, maximumLogScale: BoxCoder.usualMaximumLogScale,
      minimumLogScale: -BoxCoder.usualMaximumLogScale),
    proposals: ProposalSettings(
      layout: .single, stepOrder: .rankThenFilter,
      minimumSide: MinimumSide(length: 0, isExclusive: true),
      nms: NonMaximumSuppression(iouThreshold: 0.7, shiftedCount: 9_999),
      counts: ProposalCounts(beforeNMS: 1_000, afterNMS: 1_000)),
    roi: RoISettings(
      operator: .align(samplingRatio: nil, aligned: true),
      levels: .byArea(
        LevelRule.AreaRule(side: 56, canonical: .first, epsilon: 1e-6, place: .quotient))),
    classes: ClassBoxSettings(
      layout: ClassLayout(background: .last, offsets: .perClass), decodingFrame: .resized,
      suppressionFrame: .original, restoration: .multiplying,
      nms: NonMaximumSuppression(iouThreshold: 0.5, shiftedCount: 9_999), maximumDetections: 100),
    training: TrainingTargets(
      proposalCounts: ProposalCounts(beforeNMS: 2_000, afterNMS: 1_000),
      keepsInsideAnchorsOnly: false, roiSampler: Sampler(count: 512, positiveShare: 0.25),
      // `loss_bbox` is an L1Loss in both heads.
      anchorLoss: RPNLoss(sigma: .infinity, normalisation: .sampledCount, lambda: 1),
      roiLoss: RoILoss(sigma: .infinity, normalisation: .sampledCount, lambda: 1)))
}
