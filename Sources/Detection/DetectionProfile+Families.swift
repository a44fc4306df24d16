// The table of families. Each states only where it differs from note 001, which is
// simple-faster-rcnn 1.0 but for its NMS test.

extension DetectionProfile {
  /// The families in the order in which they are listed to a user.
  public static let families: [DetectionProfile] = [
    simpleFasterRCNN, chainerCV, bubbliiiingVGG, bubbliiiingResNet50, pyFasterRCNN, jwyang,
    torchvisionFPN, detectron2C4,
  ]

  /// The family of a name; `nil` where there is none.
  public static func family(named name: String) -> DetectionProfile? {
    families.first { $0.name == name }
  }

  /// chenyuntc/simple-faster-rcnn-pytorch; note 001.
  public static let simpleFasterRCNN = DetectionProfile(name: "simple-faster-rcnn")

  /// chainer/chainercv, `links/model/faster_rcnn`.
  ///
  /// Ranks proposals by the raw foreground logit, and an IoU at the threshold suppresses. On a CPU
  /// Chainer rounds the corners of RoIs by Python's `round`, halves to even: an edge at 1,000 pixels,
  /// 62.5 cells, is cell 62 and not 63.
  public static let chainerCV = DetectionProfile(
    name: "chainercv", proposalRanking: .foregroundLogit, nmsBoundary: .atOrAbove,
    roiCornerRounding: .toNearestOrEven)

  /// bubbliiiing/faster-rcnn-pytorch with VGG16; notes 000 and 004.
  ///
  /// The score threshold is the one it is compared at; its display uses 0.5, its evaluation 0.02.
  public static let bubbliiiingVGG = DetectionProfile(
    name: "bubbliiiing-vgg",
    levels: [
      Level(
        featureStride: 16, anchors: AnchorSettings(centre: .origin, coordinateOrder: .xyxy))
    ],
    offsetOrder: .xyxy, proposalMinimumSide: MinimumSide(length: 16),
    testCounts: .test3000To300, trainCounts: .train12000To600, roiScale: .featureMapRatio,
    classDecodingFrame: .resized, classClippingStage: .afterNMS)

  /// bubbliiiing/faster-rcnn-pytorch with ResNet-50: 14 bins, halved by layer 4.
  public static let bubbliiiingResNet50 = {
    var profile = bubbliiiingVGG
    profile.name = "bubbliiiing-resnet50"
    profile.roiSize = 14
    return profile
  }()

  /// rbgirshick/py-faster-rcnn.
  ///
  /// Its files have the standard deviation of the class offsets folded into the weights.
  public static let pyFasterRCNN = DetectionProfile(
    name: "py-faster-rcnn",
    levels: [Level(featureStride: 16, anchors: AnchorSettings(rounding: .wholeSides))],
    offsetOrder: .xyxy, sides: .inclusive, clipping: .lastPixel, objectnessLayout: .blockedPairs,
    classOffsetStd: BoxOffset(dy: 1, dx: 1, dh: 1, dw: 1), maximumDetections: 100)

  /// jwyang/faster-rcnn.pytorch.
  ///
  /// Its filter of small proposals is commented out, and every score above 0 counts.
  public static let jwyang = DetectionProfile(
    name: "jwyang",
    levels: [Level(featureStride: 16, anchors: AnchorSettings(rounding: .wholeSides))],
    offsetOrder: .xyxy, sides: .inclusive, clipping: .lastPixel, objectnessLayout: .blockedPairs,
    proposalMinimumSide: nil, roiOperator: .alignAverage, classDecodingFrame: .resized,
    scoreThreshold: 0, maximumDetections: 100)

  /// pytorch/vision, `models/detection`, with a feature pyramid.
  public static let torchvisionFPN = DetectionProfile(
    name: "torchvision-fpn",
    levels: zip([4, 8, 16, 32, 64], [32, 64, 128, 256, 512] as [Float]).map { stride, size in
      Level(
        featureStride: stride,
        anchors: AnchorSettings(
          baseSize: size, scales: [1], centre: .origin, rounding: .coordinates))
    },
    offsetOrder: .xyxy, maximumLogScale: BoxCoder.usualMaximumLogScale, objectnessLayout: .single,
    proposalRanking: .foregroundLogit, proposalStepOrder: .rankThenFilter,
    proposalMinimumSide: MinimumSide(length: 1e-3), testCounts: .test1000To1000,
    trainCounts: .train2000To2000, roiOperator: .align(samplingRatio: 2, aligned: false),
    classDecodingFrame: .resized, classMinimumSide: MinimumSide(length: 1e-2),
    classNMSThreshold: 0.5, maximumDetections: 100)

  /// facebookresearch/detectron2, the R50-C4 models: background last, without offsets of its own.
  public static let detectron2C4 = DetectionProfile(
    name: "detectron2-c4",
    levels: [
      Level(
        featureStride: 16,
        anchors: AnchorSettings(
          scales: [2, 4, 8, 16, 32], centre: .origin, nesting: .scaleMajor))
    ],
    offsetOrder: .xyxy, maximumLogScale: BoxCoder.usualMaximumLogScale, objectnessLayout: .single,
    proposalRanking: .foregroundLogit, proposalStepOrder: .rankThenFilter,
    proposalMinimumSide: MinimumSide(length: 0, isExclusive: true), testCounts: .test6000To1000,
    roiOperator: .align(samplingRatio: nil, aligned: true), roiSize: 14,
    classLayout: ClassLayout(background: .last, offsets: .perClass),
    classDecodingFrame: .resized, classNMSThreshold: 0.5, maximumDetections: 100)
}
