import Detection

// Profiles of many kinds, as their families have them. Each states only where it differs from
// simple-faster-rcnn 1.0.

extension DetectionProfile {
  /// Profiles by name.
  static let named: KeyValuePairs<String, DetectionProfile> = [
    "simple-faster-rcnn": simpleFasterRCNN, "chainercv": chainerCV,
    "bubbliiiing-vgg": bubbliiiingVGG, "bubbliiiing-resnet50": bubbliiiingResNet50,
    "py-faster-rcnn": pyFasterRCNN, "jwyang": jwyang, "torchvision-fpn": torchvisionFPN,
    "detectron2-c4": detectron2C4, "detectron2-fpn": detectron2FPN,
    "mmdetection-fpn": mmdetectionFPN,
  ]

  /// All of them.
  static let families = named.map(\.value)

  /// The profile of a name; `nil` where there is none.
  static func family(named name: String) -> DetectionProfile? {
    named.first { $0.key == name }?.value
  }

  /// chenyuntc/simple-faster-rcnn-pytorch.
  static let simpleFasterRCNN = DetectionProfile()

  /// chainer/chainercv, `links/model/faster_rcnn`.
  ///
  /// Ranks proposals by the raw foreground logit, and an IoU at the threshold suppresses. On a CPU
  /// Chainer rounds the corners of RoIs by Python's `round`, halves to even: an edge at 1,000 pixels,
  /// 62.5 cells, is cell 62 and not 63.
  static let chainerCV = DetectionProfile(
    proposals: ProposalSettings(
      ranking: .foregroundLogit,
      nms: NonMaximumSuppression(iouThreshold: 0.7, boundary: .atOrAbove)),
    roi: RoISettings(cornerRounding: .toNearestOrEven),
    classes: ClassBoxSettings(nms: NonMaximumSuppression(iouThreshold: 0.3, boundary: .atOrAbove)))

  /// bubbliiiing/faster-rcnn-pytorch with VGG16.
  ///
  /// The score threshold is the one it is compared at; its display uses 0.5, its evaluation 0.02.
  static let bubbliiiingVGG = DetectionProfile(
    levels: [
      AnchorLevel(
        anchors: AnchorSettings(centre: .origin, coordinateOrder: .xyxy), stride: .fixed(16))
    ],
    coder: BoxCoder(order: .xyxy),
    proposals: ProposalSettings(
      minimumSide: MinimumSide(length: 16),
      counts: ProposalCounts(beforeNMS: 3_000, afterNMS: 300)),
    roi: RoISettings(scale: .mapOverPicture),
    classes: ClassBoxSettings(decodingFrame: .resized, clippingStage: .afterNMS),
    training: TrainingTargets(
      proposalCounts: ProposalCounts(beforeNMS: 12_000, afterNMS: 600),
      anchorMatcher: Matcher(
        positiveThreshold: 0.7, negativeOverlaps: 0..<0.3, bestBoxes: .firstReassigned),
      keepsInsideAnchorsOnly: false,
      roiSampler: Sampler(count: 128, positiveShare: 0.5, shareRounding: .toNearestOrEven),
      anchorLoss: RPNLoss(sigma: 1, normalisation: .positiveCount, lambda: 1),
      roiLoss: RoILoss(normalisation: .positiveCount, lambda: 1)))

  /// bubbliiiing/faster-rcnn-pytorch with ResNet-50: 14 bins, halved by layer 4.
  static let bubbliiiingResNet50 = {
    var profile = bubbliiiingVGG
    profile.roi.size = 14
    return profile
  }()

  /// rbgirshick/py-faster-rcnn.
  ///
  /// Its files have the standard deviation of the class offsets folded into the weights.
  static let pyFasterRCNN = DetectionProfile(
    levels: [AnchorLevel(anchors: AnchorSettings(rounding: .wholeSides), stride: .fixed(16))],
    coder: BoxCoder(order: .xyxy, sides: .inclusive),
    proposals: ProposalSettings(
      layout: .blockedPairs,
      nms: NonMaximumSuppression(iouThreshold: 0.7, boundary: .atOrAbove)),
    classes: ClassBoxSettings(
      offsetStd: BoxOffset(dy: 1, dx: 1, dh: 1, dw: 1),
      nms: NonMaximumSuppression(iouThreshold: 0.3, boundary: .atOrAbove), maximumDetections: 100,
      keepsTies: true))

  /// jwyang/faster-rcnn.pytorch.
  ///
  /// Its filter of small proposals is commented out, and every score above 0 counts.
  static let jwyang = DetectionProfile(
    levels: [AnchorLevel(anchors: AnchorSettings(rounding: .wholeSides), stride: .fixed(16))],
    coder: BoxCoder(order: .xyxy, sides: .inclusive),
    proposals: ProposalSettings(
      layout: .blockedPairs, minimumSide: nil,
      nms: NonMaximumSuppression(iouThreshold: 0.7, boundary: .atOrAbove)),
    roi: RoISettings(operator: .alignAverage),
    classes: ClassBoxSettings(
      decodingFrame: .resized, scoreThreshold: 0,
      nms: NonMaximumSuppression(iouThreshold: 0.3, boundary: .atOrAbove), maximumDetections: 100,
      keepsTies: true))

  /// pytorch/vision, `models/detection`, with a feature pyramid.
  static let torchvisionFPN = DetectionProfile(
    levels: ([32, 64, 128, 256, 512] as [Float]).map {
      AnchorLevel(
        anchors: AnchorSettings(
          baseSize: $0, scales: [1], centre: .origin, rounding: .coordinates),
        stride: .inputOverMap)
    },
    coder: BoxCoder(order: .xyxy, maximumLogScale: BoxCoder.usualMaximumLogScale),
    proposals: ProposalSettings(
      layout: .single, ranking: .foregroundLogit, stepOrder: .rankThenFilter,
      minimumSide: MinimumSide(length: 1e-3), minimumObjectness: 0,
      nms: NonMaximumSuppression(iouThreshold: 0.7, shiftedCount: 1_000),
      counts: ProposalCounts(beforeNMS: 1_000, afterNMS: 1_000)),
    roi: RoISettings(
      operator: .align(samplingRatio: 2, aligned: false), scale: .nearestPowerOfTwo,
      levels: .byArea(
        LevelRule.AreaRule(
          side: 224, canonical: .scaleExponent(4), epsilon: 1e-6, place: .sum))),
    classes: ClassBoxSettings(
      decodingFrame: .resized, suppressionFrame: .resized, restoration: .multiplying,
      minimumSide: MinimumSide(length: 1e-2),
      nms: NonMaximumSuppression(iouThreshold: 0.5, shiftedCount: 1_000), maximumDetections: 100),
    training: TrainingTargets(
      proposalCounts: ProposalCounts(beforeNMS: 2_000, afterNMS: 2_000),
      keepsInsideAnchorsOnly: false, roiSampler: Sampler(count: 512, positiveShare: 0.25),
      roiLoss: RoILoss(sigma: 3, normalisation: .sampledCount, lambda: 1)))

  /// facebookresearch/detectron2, the C4 models: background last, without offsets of its own.
  static let detectron2C4 = DetectionProfile(
    levels: [
      AnchorLevel(
        anchors: AnchorSettings(
          scales: [2, 4, 8, 16, 32], centre: .origin, nesting: .scaleMajor), stride: .fixed(16))
    ],
    coder: BoxCoder(order: .xyxy, maximumLogScale: BoxCoder.usualMaximumLogScale),
    proposals: ProposalSettings(
      layout: .single, ranking: .foregroundLogit, mergeRanking: .foregroundLogit,
      stepOrder: .rankThenFilter, minimumSide: MinimumSide(length: 0, isExclusive: true),
      nms: NonMaximumSuppression(iouThreshold: 0.7, shiftedCount: 1_000),
      counts: ProposalCounts(beforeNMS: 6_000, afterNMS: 1_000)),
    roi: RoISettings(operator: .align(samplingRatio: nil, aligned: true), size: 14),
    classes: ClassBoxSettings(
      layout: ClassLayout(background: .last, offsets: .perClass), decodingFrame: .resized,
      suppressionFrame: .resized, restoration: .multiplying,
      nms: NonMaximumSuppression(iouThreshold: 0.5, shiftedCount: 1_000), maximumDetections: 100,
      dropsEmptyBoxes: true),
    training: TrainingTargets(
      proposalCounts: ProposalCounts(beforeNMS: 12_000, afterNMS: 2_000),
      keepsInsideAnchorsOnly: false, roiSampler: Sampler(count: 512, positiveShare: 0.25)))

  /// facebookresearch/detectron2 with a feature pyramid.
  static let detectron2FPN = {
    var profile = detectron2C4
    profile.levels = zip([4, 8, 16, 32, 64], [32, 64, 128, 256, 512] as [Float]).map {
      stride, size in
      AnchorLevel(
        anchors: AnchorSettings(baseSize: size, scales: [1], centre: .origin),
        stride: .fixed(stride))
    }
    profile.proposals.counts = ProposalCounts(beforeNMS: 1_000, afterNMS: 1_000)
    profile.training.proposalCounts = ProposalCounts(beforeNMS: 2_000, afterNMS: 1_000)
    profile.roi.size = 7
    profile.roi.levels = .byArea(
      LevelRule.AreaRule(
        side: 224, canonical: .scaleExponent(4), epsilon: 1e-8, place: .quotient))
    return profile
  }()

  /// open-mmlab/mmdetection 2.x and 3.x with a feature pyramid.
  static let mmdetectionFPN = {
    var profile = detectron2FPN
    profile.coder.minimumLogScale = -BoxCoder.usualMaximumLogScale
    profile.proposals.ranking = .foregroundProbability
    profile.proposals.mergeRanking = .foregroundProbability
    profile.proposals.nms.shiftedCount = 9_999
    profile.roi.levels = .byArea(
      LevelRule.AreaRule(side: 56, canonical: .first, epsilon: 1e-6, place: .quotient))
    profile.classes.suppressionFrame = .original
    profile.classes.nms.shiftedCount = 9_999
    profile.classes.dropsEmptyBoxes = false
    return profile
  }()
}
