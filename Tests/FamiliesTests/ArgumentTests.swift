import Detection
import Images
import Testing

@testable import Checkpoints
@testable import Families

/// Settings in the words of the families' own code.
struct ArgumentTests {
  static func card(
    _ arguments: Family.Arguments, _ json: String
  ) throws -> ModelCard {
    try arguments.card(ConfigValue(json: Array(json.utf8)))
  }

  @Test func torchvisionsArgumentsAreRead() throws {
    let card = try Self.card(
      Torchvision.arguments,
      #"""
      {"min_size": [640, 672, 800], "max_size": 900, "image_mean": [0.5, 0.4, 0.3], "eps": 0.0,
       "rpn_anchor_generator": {"sizes": [[32], [64]], "aspect_ratios": [[0.5, 1], [1, 2]]},
       "box_roi_pool": {"featmap_names": ["0"], "output_size": [7, 7], "sampling_ratio": -1},
       "box_score_thresh": 0.3, "box_detections_per_img": 12, "num_classes": 4}
      """#)
    #expect(card.integer(.minimumSide) == 800 && card.integer(.maximumSide) == 900)
    #expect(card.number(.normalisationEpsilon) == 0)
    #expect(card[.anchorSizes]?.rows == [[32], [64]])
    #expect(card[.anchorRatios]?.rows == [[0.5, 1], [1, 2]])
    #expect(card.integer(.roiSize) == 7 && card.integer(.roiSamplingRatio) == 0)
    #expect(card.integer(.roiLevels) == 1 && card.integer(.maximumDetections) == 12)
  }

  @Test(arguments: [
    (#"{"box_score_tresh": 0.3}"#, #"is "box_score_thresh" meant?"#),
    (#"{"box_score_thresh": 3}"#, "between 0 and 1"),
    (#"{"box_roi_pool": {"output_size": [7, 14]}}"#, "box_roi_pool.output_size"),
  ])
  func misspeltAndMisshapenArgumentsAreRefused(json: String, words: String) {
    let error = #expect(throws: CardError.self) { _ = try Self.card(Torchvision.arguments, json) }
    #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
  }

  @Test func anotherFamilysArgumentsAreRefused() throws {
    let source = try Blueprint.Source(
      json: Array(#"{"torchvision": {"min_size": 480}}"#.utf8), name: "x.json")
    let error = #expect(throws: FamilyError.self) {
      _ = try Blueprint(.of(["extractor/conv1_1/conv/W"]), sources: [source])
    }
    #expect(error.map { "\($0)" }?.contains("chainercv") == true)
  }

  @Test func detectron2sConfigurationBesideTheFileIsRead() throws {
    let text = """
      INPUT:
        FORMAT: RGB
        MIN_SIZE_TEST: 480
      MODEL:
        META_ARCHITECTURE: GeneralizedRCNN
        PIXEL_MEAN: [123.675, 116.28, 103.53]
        RESNETS: {STRIDE_IN_1X1: false}
        ROI_BOX_HEAD: {POOLER_TYPE: ROIAlign, POOLER_SAMPLING_RATIO: 2}
      TEST: {DETECTIONS_PER_IMAGE: 20}
      """
    let names = [
      "backbone.bottom_up.stem.conv1.weight", "proposal_generator.rpn_head.conv.weight",
      "roi_heads.box_predictor.cls_score.weight",
    ]
    let found = try Blueprint(
      .of(names, beside: ["config.yaml": text]))
    #expect(found.family.name == "detectron2-fpn")
    #expect(found.picture.preprocessing.channelOrder == .rgb)
    #expect(found.picture.resize.minimumSide == 480)
    #expect(found.card.text(.residualStride) == "3x3")
    #expect(found.card.text(.roiOperator) == "align")
    #expect(found.origins[.residualStride] == .file && found.assumptions.isEmpty)
    // Without it both are assumed, and that is said.
    let assumed = try Blueprint(.of(names))
    #expect(assumed.card.text(.residualStride) == "1x1")
    #expect(assumed.assumptions.count == 2)
    #expect(assumed.assumptions.allSatisfy { $0.contains("config.yaml") })
  }

  @Test(arguments: [
    ("_BASE_: ../Base.yaml", "_BASE_"), ("MODEL: {META_ARCHITECTURE: RetinaNet}", "RetinaNet"),
    ("MODEL: {PIXEL_MEAN: [1, 2]}", "MODEL.PIXEL_MEAN"), ("a: 'b", "line 1"),
  ])
  func aConfigurationThatCannotBeUsedIsRefused(text: String, words: String) {
    let error = #expect(throws: FamilyError.self) {
      _ = try Blueprint(
        .of(
          [
            "backbone.bottom_up.stem.conv1.weight", "proposal_generator.rpn_head.conv.weight",
            "roi_heads.box_predictor.cls_score.weight",
          ], beside: ["config.yaml": text]))
    }
    #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
    #expect(error.map { "\($0)" }?.contains("config.yaml") == true)
  }

  @Test func mmdetectionsConfigurationIsReadFromTheFile() throws {
    let text = """
      model = dict(type='FasterRCNN', backbone=dict(style='caffe'),
          rpn_head=dict(anchor_generator=dict(scales=[4, 8], ratios=[1.0], strides=[4, 8, 16, 32, 64])),
          roi_head=dict(bbox_head=dict(bbox_coder=dict(target_stds=[0.1, 0.1, 0.2, 0.2]))))
      img_norm_cfg = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False)
      test_pipeline = [dict(type='MultiScaleFlipAug', img_scale=(1000, 600), flip=False)]
      """
    let meta = PickleValue.members([
      ("config", .text(text)), ("CLASSES", .tuple([.text("a"), .text("b")])),
      ("mmdet_version", .text("2.28.2")),
    ])
    let found = try Blueprint(
      .of(
        [
          "neck.lateral_convs.0.conv.weight", "rpn_head.rpn_cls.weight",
          "roi_head.bbox_head.fc_cls.weight",
        ], attributes: .members([("meta", meta)])))
    #expect(found.family.name == "mmdetection-fpn")
    #expect(found.card.text(.residualStride) == "1x1")
    #expect(found.card.text(.channelOrder) == "bgr")
    #expect(found.card.labels == ["a", "b"])
    #expect(found.card.integer(.minimumSide) == 600 && found.card.integer(.maximumSide) == 1000)
    #expect(found.card[.anchorSizes]?.rows?.first == [16, 32])
    #expect(found.detection.levels.count == 5)
    #expect(found.detection.classes.offsetStd.dx == 0.1)
    #expect(found.assumptions.isEmpty)
  }

  @Test func sovitsClassesAreTheLabelsAndItsEpsilonIsZero() throws {
    let data = PickleValue.members([
      ("CLASSES", .list([.text("__background__"), .text("cat"), .text("dog")]))
    ])
    for key in ["data", "config"] {
      let found = try Blueprint(
        .of(
          [
            "backbone.body.conv1.weight", "backbone.fpn.inner_blocks.0.0.weight",
            "rpn.head.cls_logits.weight", "roi_heads.box_predictor.cls_score.weight",
            "backbone.body.bn1.running_var",
          ], attributes: .members([(key, data), ("model_name", .text("x"))])))
      #expect(found.family.name == "torchvision-fpn")
      #expect(found.card.labels == ["cat", "dog"])
      #expect(found.card.number(.normalisationEpsilon) == 0)
      #expect(found.assumptions.isEmpty)
    }
  }
}
