internal import Detection
internal import Images
internal import Networks
internal import Tensors

// facebookresearch/detectron2: `modeling`, `config/defaults.py`.

extension Family {
  /// R50-FPN, R101-FPN, X101-FPN.
  static let detectron2FPN = Detectron2.family(
    "detectron2-fpn", "ResNet or ResNeXt with a feature pyramid",
    proof: .tensors("backbone.bottom_up.stem."), body: "backbone.bottom_up",
    names: (0..<6).flatMap { level in
      [
        ("backbone.fpn_lateral\(level + 2)", "neck.lateral.\(level)"),
        ("backbone.fpn_output\(level + 2)", "neck.output.\(level)"),
      ]
    }
  ) { (evidence) in
    var conventions = Detectron2.conventions(evidence, neck: .pyramid(extraLevel: true))
    conventions.picture.paddingMultiple = 32
    conventions.detection.levels = zip([4, 8, 16, 32, 64], [32, 64, 128, 256, 512] as [Float]).map {
      AnchorLevel(
        anchors: AnchorSettings(baseSize: 1, scales: [$1], centre: .origin, nesting: .scaleMajor),
        stride: .fixed($0))
    }
    conventions.detection.proposals.counts = ProposalCounts(beforeNMS: 1_000, afterNMS: 1_000)
    conventions.detection.training.proposalCounts = ProposalCounts(
      beforeNMS: 2_000, afterNMS: 1_000)
    conventions.detection.roi.size = 7
    conventions.detection.roi.levels = .byArea(
      LevelRule.AreaRule(
        side: 224, canonical: .scaleExponent(4), epsilon: 1e-8, place: .quotient))
    return conventions
  }

  /// R50-C4, R101-C4: one map, the last stage in the head.
  static let detectron2C4 = Detectron2.family(
    "detectron2-c4", "ResNet, one map, its last stage in the head",
    proof: .all([.tensors("backbone.stem."), .tensors("roi_heads.res5.")]), body: "backbone",
    names: [("roi_heads.res5.#", "head.layer4.#")]
  ) { (evidence) in Detectron2.conventions(evidence, neck: .none) }

  /// R50-DC5, R101-DC5: one map, the last stage dilated.
  static let detectron2DC5 = Detectron2.family(
    "detectron2-dc5", "ResNet, one map, its last stage dilated",
    proof: .all([.tensors("backbone.res5."), .tensor("roi_heads.box_head.fc1.weight")]),
    body: "backbone", names: []
  ) { (evidence) in
    var conventions = Detectron2.conventions(evidence, neck: .none, dilatesLastStage: true)
    conventions.detection.roi.size = 7
    return conventions
  }
}

/// What Detectron2's detectors share.
enum Detectron2 {
  /// A detector with one of the backbones.
  static func family(
    _ name: String, _ summary: String, proof: Proof, body: String, names: [(String, String)],
    conventions: @escaping @Sendable (Evidence) -> Family.Conventions
  ) -> Family {
    let stages = (1...4).map { ("\(body).res\($0 + 1).#", "backbone.layer\($0).#") }
    return Family(
      name: name, project: "facebookresearch/detectron2", summary: summary,
      proof: .all([
        proof, .tensors("proposal_generator.rpn_head."),
        .tensor("roi_heads.box_predictor.cls_score.weight"),
      ]),
      names: NameMap(names + [("\(body).stem.conv1", "backbone.stem")] + stages + shared),
      arguments: arguments,
      leftOut: [
        ("roi_heads.mask_head.", "the mask head"),
        ("roi_heads.keypoint_head.", "the keypoint head"),
        ("pixel_", "statistics of pixels, which are read as settings"),
        ("proposal_generator.anchor_generator.", "anchors, which follow from settings"),
      ],
      labelSets: [LabelSets.coco, LabelSets.voc], card: card, conventions: conventions)
  }

  private static let shared: [(String, String)] =
    [
      // One convolution has no number, several have one each.
      ("proposal_generator.rpn_head.conv", "rpn.conv.0"),
      ("proposal_generator.rpn_head.conv.conv#", "rpn.conv.#"),
      ("proposal_generator.rpn_head.objectness_logits", "rpn.objectness"),
      ("proposal_generator.rpn_head.anchor_deltas", "rpn.offsets"),
    ]
    + (0..<8).flatMap {
      [
        ("roi_heads.box_head.conv\($0 + 1)", "head.conv.\($0)"),
        ("roi_heads.box_head.fc\($0 + 1)", "head.fc.\($0)"),
      ]
    } + [
      ("roi_heads.box_predictor.cls_score", "head.class"),
      ("roi_heads.box_predictor.bbox_pred", "head.boxes"),
    ]

  /// The defaults, which are those of the model zoo's R50 and R101; its X101 differ in two things, and
  /// are told by their groups.
  static func conventions(
    _ evidence: Evidence, neck: Architecture.Neck, dilatesLastStage: Bool = false
  ) -> Family.Conventions {
    let isShared = evidence.rows("roi_heads.box_predictor.bbox_pred.weight") == 4
    let isGrouped = evidence.state.names.contains { name in
      guard name.hasSuffix(".conv2.weight"), let shape = evidence.state[name]?.shape else {
        return false
      }
      return shape.rank == 4 && shape[0] > shape[1]
    }
    var detection = DetectionProfile.detectron2
    if isShared { detection.classes.layout.offsets = .shared }
    let why =
      "because nothing beside the file says otherwise and the model zoo's "
      + "\(isGrouped ? "X101" : "R50 and R101") have it so; put the run's config.yaml beside it"
    return Family.Conventions(
      architecture: Architecture(
        backbone: .resNet(
          isGrouped ? .middleConvolution : .firstConvolution, stemPoolingPadding: 1,
          dilatesLastStage: dilatesLastStage),
        normalisation: evidence.hasGroupNormalisation
          ? .group(count: 32, epsilon: 1e-5) : .batch(epsilon: 1e-5),
        neck: neck, objectness: .single, boxes: isShared ? .shared : .foreground),
      picture: PictureRule(
        resize: ResizeRule(
          minimumSide: 800, maximumSide: 1333, rounding: .halfUp, cap: .secondFactor,
          shorterSide: .exact),
        preprocessing: Preprocessing(
          interpolation: .pillowBilinear, channelOrder: .bgr, divisor: 1,
          mean: SIMD3(103.53, 116.28, 123.675),
          standardDeviation: isGrouped ? SIMD3(57.375, 57.12, 58.395) : .one)),
      detection: detection,
      assumptions: [
        .channelOrder: "channels in the order BGR, \(why)",
        .residualStride:
          "the stride of bottlenecks in the \(isGrouped ? "3x3" : "1x1"), \(why)",
      ])
  }
}

extension DetectionProfile {
  /// `RPN`, `ROIHeads`, `detector_postprocess` of the C4 models.
  fileprivate static let detectron2 = DetectionProfile(
    levels: [
      AnchorLevel(
        anchors: AnchorSettings(
          baseSize: 1, scales: [32, 64, 128, 256, 512], centre: .origin, nesting: .scaleMajor),
        stride: .fixed(16))
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
      keepsInsideAnchorsOnly: false, roiSampler: Sampler(count: 512, positiveShare: 0.25),
      // SMOOTH_L1_BETA is 0 in both.
      anchorLoss: RPNLoss(sigma: .infinity, normalisation: .sampledCount, lambda: 1),
      roiLoss: RoILoss(sigma: .infinity, normalisation: .sampledCount, lambda: 1)))
}
