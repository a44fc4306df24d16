internal import Compute
internal import Tensors

/// ResNet and its relatives of other widths and groups: a 7x7 stem with max pooling, and as many stages
/// as the checkpoint has below `backbone`.
///
/// A C4 network has its layer 4 in the head.
struct ResNet: FeatureExtractor {
  let stem: ConvolutionLayer
  let stages: [ResidualStage]
  let residualStride: Architecture.ResidualStride
  let stemPoolingPadding: Int
  let dilatesLastStage: Bool

  init(
    _ reader: ParameterReader, residualStride: Architecture.ResidualStride,
    stemPoolingPadding: Int, dilatesLastStage: Bool
  ) throws(ArchitectureError) {
    self.residualStride = residualStride
    self.stemPoolingPadding = stemPoolingPadding
    self.dilatesLastStage = dilatesLastStage
    stem = try reader.convolution("backbone.stem", inputs: 3, size: 7, for: "the ResNet's stem")
    var stages: [ResidualStage] = []
    var channels = stem.outputs
    let count = (1...4).last { reader.names.hasTensors(below: "backbone.layer\($0)") } ?? 1
    for layer in 1...count {
      let halves = layer > 1 && !(dilatesLastStage && layer == count)
      let stage = try ResidualStage(
        reader, prefix: "backbone.layer\(layer)", inputs: channels, halves: halves)
      stages.append(stage)
      channels = stage.channels
    }
    self.stages = stages
  }

  /// The stride of a stage: the stem and its pooling take 4, each later stage halves the extents, but for
  /// a dilated one.
  private func halves(_ stage: Int) -> Bool {
    stage > 0 && !(dilatesLastStage && stage == stages.count - 1)
  }

  var description: String { Self.name(stages) }

  /// What a ResNet of these stages is called: layers of weights are counted, as in ResNet-50: the stem,
  /// those of the blocks, and the classifier.
  static func name(_ stages: [ResidualStage]) -> String {
    let depth = stages.reduce(2) { $0 + $1.depth }
    guard let grouping = stages.first?.grouping, grouping.count > 1 else {
      return "ResNet-\(depth)"
    }
    return "ResNeXt-\(depth) \(grouping.count)x\(grouping.width)d"
  }

  var maps: [BackboneMap] {
    var stride = 4
    return stages.enumerated().map { index, stage in
      if halves(index) { stride *= 2 }
      return BackboneMap(stride: stride, channels: stage.channels, tensor: stage.lastTensor)
    }
  }

  func append(to network: inout Network, _ picture: Network.Value) -> [Network.Value] {
    var value = stem.append(to: &network, picture, stride: 2, activation: .relu)
    value = network.maxPooling(
      value,
      window: .init(
        size: 3, stride: 2, padding: stemPoolingPadding, roundsUp: stemPoolingPadding == 0),
      name: "backbone.pool")
    var maps: [Network.Value] = []
    for (index, stage) in stages.enumerated() {
      let isDilated = dilatesLastStage && index == stages.count - 1
      value = stage.append(
        to: &network, value, stride: halves(index) ? 2 : 1, dilation: isDilated ? 2 : 1,
        residualStride: residualStride)
      maps.append(value)
    }
    return maps
  }
}
