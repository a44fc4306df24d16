internal import Compute
internal import Tensors

/// What classifies pooled RoIs and refines their boxes (Girshick, arXiv:1504.08083, section 2).
///
/// It is made of the parts that the checkpoint has, in this order: a residual stage with a mean over the
/// map (He et al., arXiv:1512.03385, appendix A), 3x3 convolutions with ReLU, and fully connected layers
/// with ReLU. Two linear layers end all heads. L are the classes with background.
struct RoIHead {
  private static let stagePrefix = "head.layer4"

  /// Halves the extents.
  let stage: ResidualStage?
  let convolutions: [ConvolutionLayer]
  let hidden: FullyConnectedLayers
  /// Offsets of each class in turn, four each.
  let offsets: LayerWeights
  /// L outputs.
  let classes: LayerWeights
  /// The side of a pooled RoI.
  let pooledSize: Int
  private let features: Int

  init(
    _ reader: ParameterReader, features: Int, architecture: Architecture
  ) throws(ArchitectureError) {
    self.features = features
    var channels = features
    if reader.names.hasTensors(below: Self.stagePrefix) {
      let stage = try ResidualStage(
        reader, prefix: Self.stagePrefix, inputs: features, halves: true)
      channels = stage.channels
      self.stage = stage
    } else {
      stage = nil
    }
    var convolutions: [ConvolutionLayer] = []
    if stage == nil {
      let count = try reader.names.count(below: "head.conv", first: "", for: "the RoI head")
      for index in 0..<count {
        let layer = try reader.convolution(
          "head.conv.\(index)", inputs: channels, size: 3, for: "the RoI head")
        convolutions.append(layer)
        channels = layer.outputs
      }
    }
    self.convolutions = convolutions
    // Behind a mean a map has one cell.
    hidden = try FullyConnectedLayers(
      reader, channels: channels, cells: stage == nil ? nil : 1)
    pooledSize = stage == nil ? hidden.mapSide : architecture.residualPooledSize
    let inputs = hidden.outputs ?? channels
    classes = try reader.linear("head.class", inputs: inputs, for: "the class scores")
    let classCount = classes.shape[0]
    guard classCount >= 2 else {
      throw .mismatch(
        tensor: "head.class.weight", found: classes.shape,
        wanted: "it needs a row for background and at least one for a class")
    }
    let (groups, word) =
      switch architecture.boxes {
      case .withBackground: (classCount, "four rows for each of the \(classCount) logits")
      case .foreground: (classCount - 1, "four rows for each of the \(classCount - 1) classes")
      case .shared: (1, "four rows for all classes")
      }
    offsets = try reader.linear(
      "head.boxes", inputs: inputs, outputs: 4 * groups, for: "the class boxes (\(word))")
  }

  /// L.
  var classCount: Int { classes.shape[0] }

  /// From pooled RoIs (R, C, P, P) to class offsets and class logits.
  func network(residualStride: Architecture.ResidualStride) -> Network {
    var network = Network(inputChannels: features)
    var value = network.input
    if let stage {
      value = stage.append(to: &network, value, stride: 2, residualStride: residualStride)
      value = network.globalAveragePooling(value, name: "head.mean")
    }
    append(to: &network, value)
    return network
  }

  /// The same head in two parts, between which RoIs are pooled; `nil` where it does not begin with two 1x1
  /// convolutions of the same map.
  func divided(residualStride: Architecture.ResidualStride) -> DividedHead? {
    guard let stage, let block = stage.blocks.first, block.convolutions.count == 3,
      let shortcut = block.shortcut
    else { return nil }
    let layers = [block.convolutions[0], shortcut]
    let weights = layers.compactMap { layer in
      layer.isPlain && layer.size == 1 && layer.groups == 1 ? layer.weights.withoutBiases : nil
    }
    guard weights.count == 2 else { return nil }
    var map = Network(inputChannels: features)
    for (layer, weights) in zip(layers, weights) {
      let value = map.convolution(
        map.input, weights: weights, window: Network.Window(size: 1), name: layer.name)
      map.output(value)
    }
    var pooled = Network(inputs: layers.map(\.outputs))
    let value = stage.append(
      to: &pooled, first: pooled.inputs[0], identity: pooled.inputs[1], stride: 2,
      residualStride: residualStride)
    append(to: &pooled, pooled.globalAveragePooling(value, name: "head.mean"))
    let firstStep = block.stridedConvolution(residualStride) == 0 ? 2 : 1
    return DividedHead(
      map: map, pooled: pooled,
      parts: zip(layers, [(firstStep, true), (2, false)]).map { layer, rule in
        DividedHead.Part(
          channels: layer.outputs, step: rule.0, biases: layer.weights.biases, isRectified: rule.1)
      })
  }

  /// Adds what follows the residual stage.
  private func append(to network: inout Network, _ input: Network.Value) {
    var value = input
    for layer in convolutions {
      value = layer.append(to: &network, value, activation: .relu)
    }
    value = hidden.append(to: &network, value)
    let boxes = network.linear(value, weights: offsets, name: "head.boxes")
    let logits = network.linear(value, weights: classes, name: "head.class")
    network.output(boxes, order: .channelsLast)
    network.output(logits, order: .channelsLast)
  }
}
