internal import Detection
internal import Images
internal import Networks

/// Everything that the tensors of a checkpoint do not say: how its family resizes and normalises a
/// picture, what its backbone does at the edges, and how it turns outputs into boxes.
///
/// The table is the families document's; a model's own settings may override parts of it.
struct ModelProfile: Sendable {
  /// The name that a user gives.
  var name: String { detection.name }

  /// Anchors, box coding, proposals, RoI operator, classes.
  var detection: DetectionProfile

  /// What the backbone's shapes do not tell.
  var backbone: BackboneSettings

  /// How large the network's input is.
  var resize: ResizeRule

  /// How a picture becomes the network's input.
  var preprocessing: Preprocessing

  /// Whether one scale, that of the widths, takes boxes back to the picture, or one for each axis.
  var usesOneScale: Bool

  /// The profiles that can be served, in the order in which they are listed to a user.
  static let all: [ModelProfile] = [
    simpleFasterRCNN, simpleFasterRCNNCaffe, chainerCV, bubbliiiingVGG, bubbliiiingResNet50,
  ]

  /// The profile of a name; `nil` where there is none.
  static func named(_ name: String) -> ModelProfile? { all.first { $0.name == name } }

  /// chenyuntc/simple-faster-rcnn-pytorch on torchvision's VGG16: RGB, ImageNet's mean and deviation.
  static let simpleFasterRCNN = ModelProfile(
    detection: .simpleFasterRCNN, backbone: BackboneSettings(),
    resize: ResizeRule(minimumSide: 600, maximumSide: 1000, rounding: .skimage),
    preprocessing: Preprocessing(
      interpolation: .skimageLinear, mean: SIMD3(0.485, 0.456, 0.406),
      standardDeviation: SIMD3(0.229, 0.224, 0.225)),
    usesOneScale: true)

  /// The same on Caffe's VGG16: BGR, from which the means of RGB are subtracted.
  ///
  /// The order of the means is a slip of `caffe_normalize`, but models were trained with it.
  static let simpleFasterRCNNCaffe = {
    var profile = simpleFasterRCNN
    profile.detection.name = "simple-faster-rcnn-caffe"
    profile.preprocessing = Preprocessing(
      interpolation: .skimageLinear, channelOrder: .bgr, divisor: 1,
      mean: SIMD3(122.7717, 115.9465, 102.9801))
    return profile
  }()

  /// chainer/chainercv without OpenCV, which is how its reference answers were made.
  ///
  /// With OpenCV installed chainercv resizes with it; a model that was trained so says
  /// `"interpolation": "openCVLinear"` in its settings. The two differ where a picture shrinks.
  static let chainerCV = ModelProfile(
    detection: .chainerCV, backbone: BackboneSettings(poolingRoundsUp: true),
    resize: ResizeRule(minimumSide: 600, maximumSide: 1000, rounding: .chainerCV),
    preprocessing: Preprocessing(
      interpolation: .pillowBilinearFloat, divisor: 1, mean: SIMD3(122.7717, 115.9465, 102.9801)),
    usesOneScale: true)

  /// bubbliiiing/faster-rcnn-pytorch with VGG16.
  static let bubbliiiingVGG = ModelProfile(
    detection: .bubbliiiingVGG, backbone: BackboneSettings(),
    resize: ResizeRule(minimumSide: 600, maximumSide: nil, rounding: .bubbliiiing),
    preprocessing: Preprocessing(interpolation: .pillowBicubic), usesOneScale: false)

  /// bubbliiiing/faster-rcnn-pytorch with ResNet-50: the stride in the 1x1, the stem's pooling
  /// without padding, rounding up.
  static let bubbliiiingResNet50 = {
    var profile = bubbliiiingVGG
    profile.detection = .bubbliiiingResNet50
    return profile
  }()
}
