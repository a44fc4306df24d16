internal import Detection
internal import Images
internal import Networks

// rbgirshick/py-faster-rcnn: `lib/fast_rcnn/test.py`, `lib/rpn`, `models/**/test.prototxt`.

extension Family {
  /// py-faster-rcnn's VGG16.
  static let pyFasterRCNN = PyFasterRCNN.family(
    "py-faster-rcnn", "VGG16, as .caffemodel",
    proof: .all([.tensor("conv1_1.weight"), PyFasterRCNN.rpn]), backbone: VGG16Names.caffe("")
  ) { (_) in PyFasterRCNN.conventions(.vgg(poolingRoundsUp: true), roiSize: 7) }

  /// py-faster-rcnn's ZF net, which pools 6x6.
  static let pyFasterRCNNZF = PyFasterRCNN.family(
    "py-faster-rcnn-zf", "ZF, as .caffemodel",
    proof: .all([.tensor("conv5.weight"), PyFasterRCNN.rpn, .not(PyFasterRCNN.isMedium)]),
    backbone: [("conv#", "backbone.conv#")]
  ) { (_) in PyFasterRCNN.conventions(.zeilerFergus, roiSize: 6) }
}

enum PyFasterRCNN {
  static let rpn = Proof.all([.tensor("rpn_cls_score.weight"), .tensor("cls_score.weight")])

  /// VGG_CNN_M_1024 (`models/pascal_voc/VGG_CNN_M_1024`) has the ZF net's names, but normalises across
  /// channels and pads otherwise, which no tensor tells; its fc7 has 1024 outputs behind fc6's 4096.
  static let isMedium = Proof.narrower("fc7.weight", than: "fc6.weight")

  static func family(
    _ name: String, _ summary: String, proof: Proof, backbone: [(String, String)],
    conventions: @escaping @Sendable (Evidence) -> Family.Conventions
  ) -> Family {
    Family(
      name: name, project: "rbgirshick/py-faster-rcnn", summary: summary, proof: proof,
      names: NameMap(
        backbone + [
          ("rpn_conv/3x3", "rpn.conv.0"),
          // Trained in alternation, where the layer has another name.
          ("rpn_conv1", "rpn.conv.0"),
          ("rpn_cls_score", "rpn.objectness"),
          ("rpn_bbox_pred", "rpn.offsets"), ("fc6", "head.fc.0"),
          ("fc7", "head.fc.1"), ("cls_score", "head.class"),
          ("bbox_pred", "head.boxes"),
        ]), labelSets: [LabelSets.voc, LabelSets.coco], conventions: conventions)
  }

  /// Its files have the standard deviation of the class offsets folded into the weights.
  static func conventions(
    _ backbone: Architecture.Backbone, roiSize: Int
  ) -> Family.Conventions {
    let boundary = NonMaximumSuppression.Boundary.atOrAbove
    return Family.Conventions(
      architecture: Architecture(backbone: backbone, objectness: .pairs),
      picture: picture(maximumSide: 1000),
      detection: DetectionProfile(
        levels: [AnchorLevel(anchors: AnchorSettings(rounding: .wholeSides), stride: .fixed(16))],
        coder: BoxCoder(order: .xyxy, sides: .inclusive),
        proposals: ProposalSettings(
          layout: .blockedPairs,
          nms: NonMaximumSuppression(iouThreshold: 0.7, boundary: boundary)),
        roi: RoISettings(size: roiSize),
        classes: ClassBoxSettings(
          offsetStd: BoxOffset(dy: 1, dx: 1, dh: 1, dw: 1),
          nms: NonMaximumSuppression(iouThreshold: 0.3, boundary: boundary),
          maximumDetections: 100, keepsTies: true)))
  }

  /// `prep_im_for_blob`: the mean subtracted from float32, then `cv2.resize` by one factor.
  static func picture(maximumSide: Int?) -> PictureRule {
    PictureRule(
      resize: ResizeRule(
        minimumSide: 600, maximumSide: maximumSide, rounding: .halfEven,
        cap: .whereRoundedSideExceeds, reportedScale: .samplingFactor),
      preprocessing: Preprocessing(
        interpolation: .openCVLinear, channelOrder: .bgr, divisor: 1,
        mean: SIMD3(102.9801, 115.9465, 122.7717)),
      usesOneScale: true)
  }
}
