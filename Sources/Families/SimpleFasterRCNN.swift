internal import Checkpoints
internal import Detection
internal import Images
internal import Networks

// chenyuntc/simple-faster-rcnn-pytorch: `model/faster_rcnn_vgg16.py`, `data/dataset.py`, `trainer.py`.

extension Family {
  /// simple-faster-rcnn on torchvision's VGG16: RGB, ImageNet's mean and deviation.
  static let simpleFasterRCNN = Family(
    name: "simple-faster-rcnn", project: "chenyuntc/simple-faster-rcnn-pytorch",
    summary: "VGG with torchvision's preprocessing",
    // The trainer saves its options beside the model.
    proof: .all([SimpleFasterRCNN.vgg, .attribute("config"), .not(SimpleFasterRCNN.isCaffe)]),
    // Its trainer holds the network and saves it within other things, so a flat file of PyTorch is another's;
    // safetensors files are written by converters, this program's among them.
    likeness: Likeness(
      proof: .all([SimpleFasterRCNN.vgg, .not(Bubbliiiing.saved)]),
      reason: SimpleFasterRCNN.reason),
    names: SimpleFasterRCNN.names, card: SimpleFasterRCNN.card
  ) { (_) throws(FamilyError) in
    Conventions(
      architecture: SimpleFasterRCNN.architecture, picture: SimpleFasterRCNN.picture,
      detection: .simpleFasterRCNN)
  }

  /// The same on Caffe's VGG16: BGR, from which the means of RGB are subtracted.
  ///
  /// The order of the means is a slip of `caffe_normalize`, but models were trained with it.
  static let simpleFasterRCNNCaffe = Family(
    name: "simple-faster-rcnn-caffe", project: "chenyuntc/simple-faster-rcnn-pytorch",
    summary: "the same with caffe_pretrain",
    proof: .all([SimpleFasterRCNN.vgg, SimpleFasterRCNN.isCaffe]),
    names: SimpleFasterRCNN.names, card: SimpleFasterRCNN.card
  ) { (_) throws(FamilyError) in
    var picture = SimpleFasterRCNN.picture
    picture.preprocessing = Preprocessing(
      interpolation: .skimageLinear, channelOrder: .bgr, divisor: 1,
      mean: SIMD3(122.7717, 115.9465, 102.9801))
    return Conventions(
      architecture: SimpleFasterRCNN.architecture, picture: picture,
      detection: .simpleFasterRCNN)
  }
}

/// What simple-faster-rcnn's two profiles share, and others that took its layout over.
enum SimpleFasterRCNN {
  /// A VGG in its layout.
  static let vgg = Proof.all([
    .tensors("extractor.0."), .not(.tensor("extractor.4.0.conv1.weight")),
  ])

  /// Trained from Caffe's weights, as the options say that the trainer saves beside the model.
  static let isCaffe = Proof.truth(["config", "caffe_pretrain"])

  static let names = NameMap([
    ("extractor.#", "backbone.features.#"), ("rpn.conv1", "rpn.conv.0"),
    ("rpn.score", "rpn.objectness"), ("rpn.loc", "rpn.offsets"), ("head.classifier.#", "head.fc.#"),
    ("head.cls_loc", "head.boxes"), ("head.score", "head.class"),
  ])

  static let architecture = Architecture(backbone: .vgg(), objectness: .pairs)

  static let picture = PictureRule(
    // `skimage.transform.resize` calls `scipy.ndimage.zoom` (scikit-image 0.19 and newer); the scale
    // is that of the widths.
    resize: ResizeRule(
      minimumSide: 600, maximumSide: 1000, rounding: .halfEven, shorterSide: .zoomed,
      reportedScale: .widthRatio),
    preprocessing: Preprocessing(
      interpolation: .skimageLinear, mean: SIMD3(0.485, 0.456, 0.406),
      standardDeviation: SIMD3(0.229, 0.224, 0.225)),
    usesOneScale: true)

  /// Why a file is taken for one of the two families that name a VGG's tensors alike.
  static func reason(_ evidence: Evidence) -> String {
    "the file is a \(evidence.isFlat ? "flat" : "nested") \(evidence.format) of VGG tensors, which simple-faster-rcnn and "
      + "bubbliiiing-vgg name alike"
  }

  /// The options that the trainer saved.
  static func card(_ evidence: Evidence) throws(FamilyError) -> ModelCard {
    var card = ModelCard()
    guard let config = evidence.attributes["config"].map(ConfigValue.init) else { return card }
    for (key, name) in [(ModelCard.Key.minimumSide, "min_size"), (.maximumSide, "max_size")] {
      // A side that makes no sense is not the one that the model was trained with.
      if let value = config[name], key.form.accepts(value) { card[key] = value }
    }
    return card
  }
}

extension DetectionProfile {
  /// chenyuntc/simple-faster-rcnn-pytorch.
  fileprivate static let simpleFasterRCNN = DetectionProfile()
}
