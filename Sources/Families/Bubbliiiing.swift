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
      proof: .all([SimpleFasterRCNN.vgg, Bubbliiiing.saved]),
      reason: SimpleFasterRCNN.reason),
    names: SimpleFasterRCNN.names
  ) { (_) throws(FamilyError) in
    Conventions(
      architecture: SimpleFasterRCNN.architecture, picture: Bubbliiiing.picture,
      detection: .bubbliiiingVGG)
  }

  /// bubbliiiing with ResNet-50: the stride in the 1x1, the stem's pooling without padding, rounding up.
  static let bubbliiiingResNet50 = Family(
    name: "bubbliiiing-resnet50", project: "bubbliiiing/faster-rcnn-pytorch",
    summary: "ResNet-50, any number of bottleneck blocks",
    proof: .tensor("extractor.4.0.conv1.weight"),
    names: NameMap([Bubbliiiing.resNetNames, SimpleFasterRCNN.names])
  ) { (_) throws(FamilyError) in
    Conventions(
      architecture: Architecture(
        backbone: .resNet(.firstConvolution, stemPoolingPadding: 0), objectness: .pairs),
      picture: Bubbliiiing.picture, detection: .bubbliiiingResNet50)
  }
}

enum Bubbliiiing {
  /// What its training saves: a flat dictionary, by PyTorch itself.
  static let saved = Proof.all([.flat, .format([.pyTorchArchive, .pyTorchLegacy])])

  /// Its ResNet is a list: the stem and its normalisation, ReLU and pooling, and three stages; the fourth
  /// is the head's first part.
  static let resNetNames: NameMap = {
    // A normalisation's row stands before that of its layer, whose canonical name its own begins with.
    var rows = [("extractor.1", "backbone.stem.norm"), ("extractor.0", "backbone.stem")]
    for (theirs, ours) in [
      ("extractor.4", "backbone.layer1"), ("extractor.5", "backbone.layer2"),
      ("extractor.6", "backbone.layer3"), ("head.classifier.0", "head.layer4"),
    ] {
      rows.append((theirs + ".#.bn#", ours + ".#.conv#.norm"))
      rows.append((theirs + ".#.conv#", ours + ".#.conv#"))
      rows.append((theirs + ".#.downsample.1", ours + ".#.shortcut.norm"))
      rows.append((theirs + ".#.downsample.0", ours + ".#.shortcut"))
    }
    return NameMap(rows)
  }()

  static let picture = PictureRule(
    // `utils/utils.py`, `get_new_img_size`.
    resize: ResizeRule(
      minimumSide: 600, maximumSide: nil, rounding: .down, shorterSide: .exact,
      reportedScale: .uncappedFactor),
    preprocessing: Preprocessing(interpolation: .pillowBicubic))
}

extension DetectionProfile {
  /// bubbliiiing/faster-rcnn-pytorch with VGG16.
  ///
  /// The score threshold is the one it is compared at; its display uses 0.5, its evaluation 0.02.
  fileprivate static let bubbliiiingVGG = DetectionProfile(
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
  fileprivate static let bubbliiiingResNet50 = {
    var profile = bubbliiiingVGG
    profile.roi.size = 14
    return profile
  }()
}
