internal import Detection
internal import Images
internal import Networks

// chainer/chainercv: `links/model/faster_rcnn`.

extension Family {
  /// chainercv without OpenCV, which is how its reference answers were made.
  ///
  /// With OpenCV installed chainercv resizes with it; a model that was trained so says
  /// `"interpolation": "openCVLinear"` in its settings. The two differ where a picture shrinks.
  static let chainerCV = Family(
    name: "chainercv", project: "chainer/chainercv", summary: "VGG16",
    proof: .tensor("extractor/conv1_1/conv/W"),
    // The layers as PyTorch would name them are what is written; they are read as well.
    names: NameMap([SimpleFasterRCNN.names, ChainerCV.names])
  ) { (_) throws(FamilyError) in
    Conventions(
      architecture: Architecture(backbone: .vgg(poolingRoundsUp: true), objectness: .pairs),
      picture: PictureRule(
        // `faster_rcnn.py`, `FasterRCNN.prepare`; the scale is that of the widths.
        resize: ResizeRule(
          minimumSide: 600, maximumSide: 1000, rounding: .down, cap: .whereSideExceeds,
          reportedScale: .widthRatio),
        preprocessing: Preprocessing(
          interpolation: .pillowBilinearFloat, divisor: 1,
          mean: SIMD3(122.7717, 115.9465, 102.9801)),
        usesOneScale: true),
      detection: .chainerCV)
  }
}

enum ChainerCV {
  /// Chainer's names, which end in W and b.
  static let names: NameMap = {
    let layers =
      VGG16Names.caffe("extractor/", suffix: "/conv") + [
        ("rpn/conv1", "rpn.conv.0"), ("rpn/score", "rpn.objectness"), ("rpn/loc", "rpn.offsets"),
        ("head/fc6", "head.fc.0"), ("head/fc7", "head.fc.2"),
        ("head/cls_loc", "head.boxes"), ("head/score", "head.class"),
      ]
    return NameMap(
      [],
      alsoRead: layers.flatMap { (theirs, ours) in
        [(theirs + "/W", ours + ".weight"), (theirs + "/b", ours + ".bias")]
      })
  }()
}

extension DetectionProfile {
  /// chainer/chainercv, `links/model/faster_rcnn`.
  ///
  /// Ranks proposals by the raw foreground logit, and an IoU at the threshold suppresses. On a CPU
  /// Chainer rounds the corners of RoIs by Python's `round`, halves to even: an edge at 1,000 pixels,
  /// 62.5 cells, is cell 62 and not 63.
  fileprivate static let chainerCV = DetectionProfile(
    proposals: ProposalSettings(
      ranking: .foregroundLogit,
      nms: NonMaximumSuppression(iouThreshold: 0.7, boundary: .atOrAbove)),
    roi: RoISettings(cornerRounding: .toNearestOrEven),
    classes: ClassBoxSettings(nms: NonMaximumSuppression(iouThreshold: 0.3, boundary: .atOrAbove)))
}
