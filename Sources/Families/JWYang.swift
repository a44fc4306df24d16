internal import Checkpoints
internal import Detection
internal import Images
internal import Networks
internal import Tensors

// jwyang/faster-rcnn.pytorch: `lib/model/faster_rcnn`, `lib/model/rpn`, `test_net.py`.

extension Family {
  /// jwyang with VGG16.
  static let jwyangVGG = JWYang.family(
    "jwyang-vgg", "VGG16",
    proof: .all([.tensor("RCNN_base.0.bias"), .not(.tensors("RCNN_base.4."))]),
    names: [
      ("RCNN_base.#", "backbone.features.#"), ("RCNN_top.#", "head.fc.#"),
    ]
  ) { (evidence) throws(FamilyError) in
    try JWYang.conventions(evidence, backbone: .vgg())
  }

  /// jwyang with a ResNet, whose last stage reads 7x7 cells.
  static let jwyangResNet = JWYang.family(
    "jwyang-resnet", "ResNet, its last stage in the head", proof: .tensors("RCNN_base.4.0."),
    names: ResNetNames.sequential("RCNN_base", stages: 1...3)
      + ResNetNames.stage("RCNN_top.0", "head.layer4")
  ) { (evidence) throws(FamilyError) in
    try JWYang.conventions(
      evidence, backbone: .resNet(.firstConvolution, stemPoolingPadding: 0))
  }
}

enum JWYang {
  static func family(
    _ name: String, _ summary: String, proof: Proof, names: [(String, String)],
    conventions: @escaping @Sendable (Evidence) throws(FamilyError) -> Family.Conventions
  ) -> Family {
    Family(
      name: name, project: "jwyang/faster-rcnn.pytorch", summary: summary,
      proof: .all([.tensor("RCNN_rpn.RPN_Conv.weight"), proof]),
      names: NameMap(
        [
          ("RCNN_rpn.RPN_Conv", "rpn.conv.0"),
          ("RCNN_rpn.RPN_cls_score", "rpn.objectness"),
          ("RCNN_rpn.RPN_bbox_pred", "rpn.offsets"),
          ("RCNN_cls_score", "head.class"), ("RCNN_bbox_pred", "head.boxes"),
        ] + names), labelSets: [LabelSets.voc, LabelSets.coco], conventions: conventions)
  }

  /// `test_net.py`, which has no limit for the longer side and takes every score above 0.
  static func conventions(
    _ evidence: Evidence, backbone: Architecture.Backbone
  ) throws(FamilyError) -> Family.Conventions {
    let isShared = evidence.rows("RCNN_bbox_pred.weight") == 4
    // The data sets' own scales: VOC has three, COCO and Visual Genome four.
    let anchorCount = (evidence.rows("RCNN_rpn.RPN_bbox_pred.weight") ?? 36) / 4
    let scales: [Float] = anchorCount == 12 ? [4, 8, 16, 32] : [8, 16, 32]
    let boundary = NonMaximumSuppression.Boundary.atOrAbove
    var assumptions: [ModelCard.Key: String] = [:]
    let pooling: RoIPooling.Operator
    switch evidence.attributes["pooling_mode"]?.text {
    case "pool": pooling = .pool
    case "align":
      pooling = .alignAverage
      assumptions[.roiOperator] =
        "RoIs pooled as the master branch aligns them; a model of the branch pytorch-1.0 needs "
        + "{\"rois\": {\"operator\": \"align\", \"sampling_ratio\": 0}} in NAME.json"
    case "crop": pooling = .cropMaximum
    default:
      pooling = .alignAverage
      assumptions[.roiOperator] =
        "RoIs pooled as pooling_mode align, because the file does not say; choose with "
        + "{\"rois\": {\"operator\": \"pool\"}} in NAME.json"
    }
    return Family.Conventions(
      architecture: Architecture(
        backbone: backbone, objectness: .pairs, residualPooledSize: 7,
        boxes: isShared ? .shared : .withBackground),
      picture: PyFasterRCNN.picture(maximumSide: nil),
      detection: DetectionProfile(
        levels: [
          AnchorLevel(
            anchors: AnchorSettings(scales: scales, rounding: .wholeSides), stride: .fixed(16))
        ],
        coder: BoxCoder(order: .xyxy, sides: .inclusive),
        // Its filter of small proposals is commented out.
        proposals: ProposalSettings(
          layout: .blockedPairs, minimumSide: nil,
          nms: NonMaximumSuppression(iouThreshold: 0.7, boundary: boundary)),
        roi: RoISettings(operator: pooling),
        classes: ClassBoxSettings(
          layout: ClassLayout(offsets: isShared ? .shared : .perLogit), decodingFrame: .resized,
          scoreThreshold: 0, nms: NonMaximumSuppression(iouThreshold: 0.3, boundary: boundary),
          maximumDetections: 100, keepsTies: true)),
      assumptions: assumptions)
  }
}
