internal import Compute
internal import Tensors

/// ResNet with bottleneck blocks as a C4 feature extractor (He et al., arXiv:1512.03385): the stem and
/// layers 1 to 3 make the features, layer 4 is a part of the RoI head.
///
/// The number of blocks in each layer and all widths are read from the checkpoint, with torchvision's
/// names inside a block; batch normalisation is folded into the convolutions.
struct ResNet {
  /// Three convolutions and, where the extents or channels change, one on the short cut.
  struct Block {
    var name: String
    var convolutions: [LayerWeights]
    var downsample: LayerWeights?
  }

  let stem: LayerWeights
  /// Layers 1 to 3.
  let layers: [[Block]]
  /// Layer 4, in the head.
  let headLayer: [Block]

  init(_ reader: ParameterReader) throws(ArchitectureError) {
    stem = try reader.normalisedConvolution(
      "extractor.0", normalisation: "extractor.1", inputs: 3, size: 7, for: "the ResNet's stem")
    var channels = stem.shape[0]
    var layers: [[Block]] = []
    // extractor.2 is the ReLU and .3 the pooling, which have no weights.
    for layer in 1...3 {
      layers.append(
        try Self.blocks(
          reader, prefix: "extractor.\(layer + 3)", name: "res\(layer + 1)", channels: &channels))
    }
    self.layers = layers
    headLayer = try Self.blocks(
      reader, prefix: "head.classifier.0", name: "res5", channels: &channels)
  }

  private static func blocks(
    _ reader: ParameterReader, prefix: String, name: String, channels: inout Int
  ) throws(ArchitectureError) -> [Block] {
    var blocks: [Block] = []
    while blocks.isEmpty || reader.state["\(prefix).\(blocks.count).conv1.weight"] != nil {
      let block = "\(prefix).\(blocks.count)"
      let purpose = "block \(blocks.count + 1) of \(name)"
      let inputs = channels
      var convolutions: [LayerWeights] = []
      for (number, size) in [(1, 1), (2, 3), (3, 1)] {
        convolutions.append(
          try reader.normalisedConvolution(
            "\(block).conv\(number)", normalisation: "\(block).bn\(number)", inputs: channels,
            size: size, for: purpose))
        channels = convolutions[number - 1].shape[0]
      }
      var downsample: LayerWeights?
      if reader.state["\(block).downsample.0.weight"] != nil {
        downsample = try reader.normalisedConvolution(
          "\(block).downsample.0", normalisation: "\(block).downsample.1", inputs: inputs, size: 1,
          for: purpose)
      }
      let identityChannels = downsample?.shape[0] ?? inputs
      guard identityChannels == channels else {
        throw .mismatch(
          tensor: "\(block).conv3.weight", found: convolutions[2].shape,
          wanted: "the short cut it is added to has \(identityChannels) channels")
      }
      blocks.append(
        Block(
          name: "\(name)_\(blocks.count + 1)", convolutions: convolutions, downsample: downsample))
    }
    return blocks
  }

  /// The channels of the feature map.
  var featureChannels: Int { layers.last?.last?.convolutions[2].shape[0] ?? stem.shape[0] }

  /// The channels that layer 4 makes.
  var headChannels: Int { headLayer.last?.convolutions[2].shape[0] ?? featureChannels }

  /// The pixels from one cell of the feature map to the next: stem, pooling, layers 2 and 3.
  var featureStride: Int { 16 }

  /// From a picture (N, 3, H, W) to features.
  func network(_ settings: BackboneSettings) -> Network {
    var network = Network(inputChannels: 3)
    var value = network.convolution(
      network.input, weights: stem, window: .init(size: 7, stride: 2, padding: 3),
      activation: .relu, name: "conv1")
    let padding = settings.stemPoolingPadding
    value = network.maxPooling(
      value, window: .init(size: 3, stride: 2, padding: padding, roundsUp: padding == 0),
      name: "pool1")
    for (number, blocks) in layers.enumerated() {
      Self.append(
        blocks, stride: number == 0 ? 1 : 2, settings: settings, to: &network, value: &value)
    }
    network.output(value)
    return network
  }

  /// Adds layer 4, whose first block halves the extents.
  func appendHeadLayer(
    _ settings: BackboneSettings, to network: inout Network, value: inout Network.Value
  ) {
    Self.append(headLayer, stride: 2, settings: settings, to: &network, value: &value)
  }

  private static func append(
    _ blocks: [Block], stride: Int, settings: BackboneSettings, to network: inout Network,
    value: inout Network.Value
  ) {
    for (number, block) in blocks.enumerated() {
      let stride = number == 0 ? stride : 1
      let isFirst = settings.residualStride == .firstConvolution
      let input = value
      let first = network.convolution(
        input, weights: block.convolutions[0],
        window: .init(size: 1, stride: isFirst ? stride : 1), activation: .relu,
        name: "\(block.name)a")
      let second = network.convolution(
        first, weights: block.convolutions[1],
        window: .init(size: 3, stride: isFirst ? 1 : stride, padding: 1), activation: .relu,
        name: "\(block.name)b")
      let identity = block.downsample.map {
        network.convolution(
          input, weights: $0, window: .init(size: 1, stride: stride),
          name: "\(block.name)_downsample")
      }
      value = network.convolution(
        second, weights: block.convolutions[2], window: .init(size: 1), activation: .relu,
        adding: identity ?? input, name: "\(block.name)c")
    }
  }
}
