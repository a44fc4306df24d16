internal import Detection
internal import Images
internal import Networks

// pytorch/vision: `models/detection`, as of 0.29; where versions differ, docs/models.md says which.

extension Family {
  /// A ResNet of any depth with a feature pyramid: `fasterrcnn_resnet50_fpn`, its `_v2`,
  /// `resnet_fpn_backbone`, and the boxes of Mask R-CNN and Keypoint R-CNN.
  static let torchvisionFPN = Torchvision.family(
    "torchvision-fpn", "ResNet, ResNeXt or Wide ResNet with a feature pyramid",
    body: [.tensor("backbone.body.conv1.weight"), .tensors("backbone.fpn.")],
    names: ResNetNames.torchvision("backbone.body")
  ) { (evidence) in
    Torchvision.pyramid(
      evidence, backbone: .resNet(.middleConvolution, stemPoolingPadding: 1))
  }

  /// `fasterrcnn_mobilenet_v3_large_fpn`.
  static let torchvisionMobileNetFPN = Torchvision.family(
    "torchvision-mobilenet-fpn", "MobileNetV3 large with a feature pyramid",
    body: [.tensor("backbone.body.0.0.weight"), .tensors("backbone.fpn.")],
    names: Torchvision.mobileNetV3("backbone.body")
  ) { (evidence) in Torchvision.mobileNet(evidence) }

  /// `fasterrcnn_mobilenet_v3_large_320_fpn`: the same files, of smaller pictures.
  ///
  /// Nothing in a file tells it from the other one, so it has to be asked for.
  static let torchvisionMobileNet320FPN = Torchvision.family(
    "torchvision-mobilenet-320-fpn", "the same for pictures of 320 pixels; has to be asked for",
    body: [.none], names: Torchvision.mobileNetV3("backbone.body")
  ) { (evidence) in
    var conventions = Torchvision.mobileNet(evidence)
    conventions.picture.resize.minimumSide = 320
    conventions.picture.resize.maximumSide = 640
    conventions.detection.proposals.counts = ProposalCounts(beforeNMS: 150, afterNMS: 150)
    return conventions
  }

  /// The tutorial's `mobilenet_v2().features`: one map.
  static let torchvisionMobileNetV2 = Torchvision.family(
    "torchvision-mobilenet-v2", "MobileNetV2's features, one map",
    body: [.tensor("backbone.0.0.weight"), .tensors("backbone.1.conv.")],
    names: Torchvision.mobileNetV2("backbone")
  ) { (evidence) in Torchvision.singleMap(evidence, backbone: .mobileNetV2) }

  /// `mobilenet_v3_large().features`: one map.
  static let torchvisionMobileNetV3 = Torchvision.family(
    "torchvision-mobilenet-v3", "MobileNetV3 large's features, one map",
    body: [.tensor("backbone.0.0.weight"), .tensors("backbone.1.block.")],
    names: Torchvision.mobileNetV3("backbone")
  ) { (evidence) in
    var conventions = Torchvision.singleMap(evidence, backbone: .mobileNetV3Large)
    // `models/mobilenetv3.py` gives its layers this epsilon where no other kind of layer is asked for.
    conventions.architecture.normalisation = .batch(epsilon: 1e-3)
    return conventions
  }

  /// `vgg16().features` and its relatives, with batch normalisation or without: one map.
  static let torchvisionVGG = Torchvision.family(
    "torchvision-vgg", "VGG's features, one map",
    body: [.tensor("backbone.0.bias"), .not(.tensors("backbone.4."))],
    names: [("backbone.#", "backbone.features.#")]
  ) { (evidence) in Torchvision.singleMap(evidence, backbone: .vgg(poolsAtEnd: true)) }

  /// The layers of a ResNet in an `nn.Sequential`, the classifier left out: one map.
  static let torchvisionResNet = Torchvision.family(
    "torchvision-resnet", "a ResNet in a Sequential, one map",
    body: [.tensor("backbone.0.weight"), .tensors("backbone.4.0.")],
    names: ResNetNames.sequential("backbone", stages: 1...4)
  ) { (evidence) in
    Torchvision.singleMap(evidence, backbone: .resNet(.middleConvolution, stemPoolingPadding: 1))
  }
}

/// What torchvision's detectors share.
enum Torchvision {
  /// The two MobileNet detectors, whose RPN drops what it is less sure of.
  static func mobileNet(_ evidence: Evidence) -> Family.Conventions {
    var conventions = pyramid(evidence, backbone: .mobileNetV3Large)
    conventions.detection.proposals.minimumObjectness = 0.05
    return conventions
  }

  /// A detector with one of the backbones.
  static func family(
    _ name: String, _ summary: String, body: [Proof], names: [(String, String)],
    conventions: @escaping @Sendable (Evidence) -> Family.Conventions
  ) -> Family {
    Family(
      name: name, project: "pytorch/vision", summary: summary,
      proof: .all([.tensor("rpn.head.cls_logits.weight"), predictor] + body),
      names: NameMap(names + shared), arguments: arguments,
      leftOut: [
        ("roi_heads.mask_", "the mask head"), ("roi_heads.keypoint_", "the keypoint head"),
      ],
      labelSets: [LabelSets.cocoWithGaps], card: card, conventions: conventions)
  }

  private static let predictor = Proof.tensor("roi_heads.box_predictor.cls_score.weight")

  /// Pyramid, RPN and head.
  ///
  /// `Conv2dNormActivation` came with 0.13; older files are read as well.
  private static let shared: [(String, String)] = [
    ("backbone.fpn.inner_blocks.#.1", "neck.lateral.#.norm"),
    ("backbone.fpn.inner_blocks.#.0", "neck.lateral.#"),
    ("backbone.fpn.inner_blocks.#", "neck.lateral.#"),
    ("backbone.fpn.layer_blocks.#.1", "neck.output.#.norm"),
    ("backbone.fpn.layer_blocks.#.0", "neck.output.#"),
    ("backbone.fpn.layer_blocks.#", "neck.output.#"),
    ("rpn.head.conv.#.0", "rpn.conv.#"),
    ("rpn.head.conv", "rpn.conv.0"),
    ("rpn.head.cls_logits", "rpn.objectness"),
    ("rpn.head.bbox_pred", "rpn.offsets"),
    ("roi_heads.box_head.fc6", "head.fc.0"),
    ("roi_heads.box_head.fc7", "head.fc.1"),
    ("roi_heads.box_head.#.1", "head.conv.#.norm"),
    ("roi_heads.box_head.#.0", "head.conv.#"),
    ("roi_heads.box_head.#", "head.fc.#"),
    ("roi_heads.box_predictor.cls_score", "head.class"),
    ("roi_heads.box_predictor.bbox_pred", "head.boxes"),
  ]

  /// `models/mobilenetv2.py`: the first block does not widen.
  static func mobileNetV2(_ prefix: String) -> [(String, String)] {
    ends(prefix, last: 18)
      + (1...17).flatMap { index in
        let layers = index == 1 ? ["depthwise"] : ["expand", "depthwise"]
        let (theirs, ours) = ("\(prefix).\(index).conv", "backbone.features.\(index)")
        let pairs = layers.enumerated().flatMap { (place, layer) in
          pair("\(theirs).\(place)", "\(ours).\(layer)")
        }
        return pairs + [
          ("\(theirs).\(layers.count + 1)", "\(ours).project.norm"),
          ("\(theirs).\(layers.count)", "\(ours).project"),
        ]
      }
  }

  /// `models/mobilenetv3.py`, the large one: the first block does not widen, some squeeze and excite.
  static func mobileNetV3(_ prefix: String) -> [(String, String)] {
    let excited: Set = [4, 5, 6, 11, 12, 13, 14, 15]
    return ends(prefix, last: 16)
      + (1...15).flatMap { index in
        let layers =
          (index == 1 ? [String]() : ["expand"]) + ["depthwise"]
          + (excited.contains(index) ? [""] : []) + ["project"]
        let (theirs, ours) = ("\(prefix).\(index).block", "backbone.features.\(index)")
        return layers.enumerated().flatMap { (place, layer) in
          layer.isEmpty
            ? [
              ("\(theirs).\(place).fc1", "\(ours).squeeze"),
              ("\(theirs).\(place).fc2", "\(ours).excite"),
            ] : pair("\(theirs).\(place)", "\(ours).\(layer)")
        }
      }
  }

  /// The first and the last convolution of a MobileNet.
  private static func ends(_ prefix: String, last: Int) -> [(String, String)] {
    [0, last].flatMap { pair("\(prefix).\($0)", "backbone.features.\($0)") }
  }

  /// A convolution and its normalisation, as `Conv2dNormActivation` numbers them.
  private static func pair(_ theirs: String, _ ours: String) -> [(String, String)] {
    [(theirs + ".0", ours), (theirs + ".1", ours + ".norm")]
  }
}
