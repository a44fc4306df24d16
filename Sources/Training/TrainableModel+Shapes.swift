internal import Families
internal import Tensors

extension TrainableModel.Architecture {
  /// The family whose files the model is written as.
  var familyName: String {
    switch self {
    case .narrowVGG, .vgg16: "simple-faster-rcnn"
    case .resnet18FPN, .resnet50FPN: "torchvision-fpn"
    }
  }

  /// What is not as the family has it.
  var settings: ModelCard {
    var card = ModelCard()
    card[.profile] = .text(familyName)
    guard self == .narrowVGG else { return card }
    // The embedded model's: pictures of 480 rows, and anchors for what is 40 to 192 pixels large there.
    card[.minimumSide] = .integer(480)
    card[.maximumSide] = .integer(800)
    card[.anchorBaseSize] = .number(16)
    card[.anchorScales] = .list([2.5, 6, 12].map { .number($0) })
    return card
  }

  /// All tensors under canonical names, in the order of a forward pass.
  ///
  /// - Parameters:
  ///   - classCount: the classes without background.
  ///   - anchorCount: the anchors of a cell.
  /// - Returns: names and extents.
  func shapes(classCount: Int, anchorCount: Int) -> [(name: String, shape: Shape)] {
    var shapes = Shapes()
    switch self {
    case .narrowVGG:
      shapes.addVGG([[16, 16], [32, 32], [64, 64], [96, 96], [128, 128]], isNormalised: true)
      shapes.addRPN(features: 128, middle: 128, anchorCount, logits: 2)
      shapes.addHead(inputs: 128 * 49, hidden: [512, 512], indices: [0, 2], classCount)
    case .vgg16:
      shapes.addVGG(
        [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
        isNormalised: false)
      shapes.addRPN(features: 512, middle: 512, anchorCount, logits: 2)
      shapes.addHead(inputs: 512 * 49, hidden: [4096, 4096], indices: [0, 2], classCount)
    case .resnet18FPN, .resnet50FPN:
      let widths = shapes.addResNet(
        counts: self == .resnet18FPN ? [2, 2, 2, 2] : [3, 4, 6, 3],
        isBottleneck: self == .resnet50FPN)
      for (level, width) in widths.enumerated() {
        shapes.add("neck.lateral.\(level)", [256, width, 1, 1])
        shapes.add("neck.output.\(level)", [256, 256, 3, 3])
      }
      shapes.addRPN(features: 256, middle: 256, anchorCount, logits: 1)
      shapes.addHead(inputs: 256 * 49, hidden: [1024, 1024], indices: [0, 1], classCount)
    }
    return shapes.rows
  }
}

/// Collects the tensors of a network.
private struct Shapes {
  private(set) var rows: [(name: String, shape: Shape)] = []

  /// A layer with biases.
  mutating func add(_ name: String, _ shape: Shape) {
    rows.append((name + ".weight", shape))
    rows.append((name + ".bias", [shape[0]]))
  }

  /// A convolution that is normalised.
  mutating func addNormalised(_ name: String, _ shape: Shape) {
    rows.append((name + ".weight", shape))
    for part in ["weight", "bias", "running_mean", "running_var"] {
      rows.append(("\(name).norm.\(part)", [shape[0]]))
    }
  }

  /// Numbered as torchvision's `vgg16.features` and `vgg16_bn.features`: convolution, normalisation, ReLU
  /// and pooling take an index each.
  mutating func addVGG(_ stages: [[Int]], isNormalised: Bool) {
    var (index, channels) = (0, 3)
    for (stage, widths) in stages.enumerated() {
      if stage > 0 { index += 1 }
      for width in widths {
        let (name, shape) = ("backbone.features.\(index)", Shape([width, channels, 3, 3]))
        if isNormalised { addNormalised(name, shape) } else { add(name, shape) }
        channels = width
        index += isNormalised ? 3 : 2
      }
    }
  }

  mutating func addResNet(counts: [Int], isBottleneck: Bool) -> [Int] {
    addNormalised("backbone.stem", [64, 3, 7, 7])
    var (channels, widths) = (64, [Int]())
    for (stage, count) in counts.enumerated() {
      let middle = 64 << stage
      let outputs = isBottleneck ? 4 * middle : middle
      for block in 0..<count {
        let name = "backbone.layer\(stage + 1).\(block)"
        if isBottleneck {
          addNormalised(name + ".conv1", [middle, channels, 1, 1])
          addNormalised(name + ".conv2", [middle, middle, 3, 3])
          addNormalised(name + ".conv3", [outputs, middle, 1, 1])
        } else {
          addNormalised(name + ".conv1", [middle, channels, 3, 3])
          addNormalised(name + ".conv2", [outputs, middle, 3, 3])
        }
        if block == 0, channels != outputs || stage > 0 {
          addNormalised(name + ".shortcut", [outputs, channels, 1, 1])
        }
        channels = outputs
      }
      widths.append(outputs)
    }
    return widths
  }

  mutating func addRPN(features: Int, middle: Int, _ anchors: Int, logits: Int) {
    add("rpn.conv.0", [middle, features, 3, 3])
    add("rpn.objectness", [anchors * logits, middle, 1, 1])
    add("rpn.offsets", [anchors * 4, middle, 1, 1])
  }

  mutating func addHead(inputs: Int, hidden: [Int], indices: [Int], _ classCount: Int) {
    var inputs = inputs
    for (index, width) in zip(indices, hidden) {
      add("head.fc.\(index)", [width, inputs])
      inputs = width
    }
    add("head.boxes", [(classCount + 1) * 4, inputs])
    add("head.class", [classCount + 1, inputs])
  }
}
