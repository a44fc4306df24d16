internal import Checkpoints
internal import Detection
internal import Images
internal import Networks

// bubbliiiing/faster-rcnn-pytorch: `nets`, `utils/utils.py`, `utils/utils_bbox.py`.

extension Family {
  /// bubbliiiing with VGG16.
  static let bubbliiiingVGG = Family(
    name: "bubbliiiing-vgg", project: "bubbliiiing/faster-rcnn-pytorch", summary: "VGG16",
    proof: .none,
    likeness: Likeness(
      proof: .all([SimpleFasterRCNN.vgg, .format(Bubbliiiing.formats)]),
      reason: SimpleFasterRCNN.reason),
    names: SimpleFasterRCNN.names
  ) { (_) throws(FamilyError) in
    Conventions(
      backbone: BackboneSettings(), picture: Bubbliiiing.picture, detection: .bubbliiiingVGG)
  }

  /// bubbliiiing with ResNet-50: the stride in the 1x1, the stem's pooling without padding, rounding up.
  static let bubbliiiingResNet50 = Family(
    name: "bubbliiiing-resnet50", project: "bubbliiiing/faster-rcnn-pytorch",
    summary: "ResNet-50, any number of bottleneck blocks",
    proof: .tensor("extractor.4.0.conv1.weight"), names: SimpleFasterRCNN.names
  ) { (_) throws(FamilyError) in
    Conventions(
      backbone: BackboneSettings(), picture: Bubbliiiing.picture, detection: .bubbliiiingResNet50)
  }
}

enum Bubbliiiing {
  /// What its training saves: a flat dictionary, by PyTorch itself.
  static let formats: [CheckpointFormat] = [.pyTorchArchive, .pyTorchLegacy]

  static let picture = PictureRule(
    // `utils/utils.py`, `get_new_img_size`.
    resize: ResizeRule(
      minimumSide: 600, maximumSide: nil, rounding: .down, shorterSide: .exact,
      reportedScale: .uncappedFactor),
    preprocessing: Preprocessing(interpolation: .pillowBicubic))
}
