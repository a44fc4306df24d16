internal import Compute
internal import Tensors

/// VGG as a feature extractor (Simonyan and Zisserman, arXiv:1409.1556): 3x3 convolutions with ReLU,
/// and 2x2 max pooling between the stages.
///
/// Its depth and widths are read from the checkpoint. Convolution `backbone.features.i` is followed by
/// its ReLU at i + 1, or by batch normalisation there and its ReLU at i + 2; the next convolution comes
/// then, or behind a pooling one further.
struct VGG: FeatureExtractor {
  /// A convolution and whether pooling comes before it.
  struct Layer {
    var followsPooling: Bool
    var convolution: ConvolutionLayer
  }

  let layers: [Layer]
  let poolingRoundsUp: Bool
  let poolsAtEnd: Bool

  init(
    _ reader: ParameterReader, poolingRoundsUp: Bool, poolsAtEnd: Bool
  ) throws(ArchitectureError) {
    let prefix = "backbone.features"
    let purpose = "the feature extractor"
    self.poolingRoundsUp = poolingRoundsUp
    self.poolsAtEnd = poolsAtEnd
    // Statistics stand at their own index in torchvision's list, or with the convolution.
    let (state, names) = (reader.state, reader.names)
    let indices = names.indices(below: prefix).filter {
      state["\(prefix).\($0).running_mean"] == nil
    }
    guard indices.first == 0 else {
      throw .missing(tensor: "\(prefix).0.weight", neededFor: purpose)
    }
    var layers: [Layer] = []
    var channels = 3
    var (last, isLastNormalised) = (0, false)
    for index in indices {
      let name = "\(prefix).\(index)"
      var followsPooling = false
      if index > 0 {
        let between = index - last - (isLastNormalised ? 2 : 1)
        guard between == 1 || between == 2 else {
          throw .unrecognised(
            reason: "between \(prefix).\(last) and \(name) there are \(index - last - 1) layers; a "
              + "VGG has its ReLU there, or its ReLU and a pooling")
        }
        followsPooling = between == 2
      }
      let follower = "\(prefix).\(index + 1)"
      let isFollowed = state[follower + ".running_mean"] != nil
      let convolution = try reader.convolution(
        name, inputs: channels, size: 3, normalisationName: isFollowed ? follower : nil,
        for: purpose)
      layers.append(Layer(followsPooling: followsPooling, convolution: convolution))
      channels = convolution.outputs
      (last, isLastNormalised) = (index, isFollowed || names.hasTensors(below: name + ".norm"))
    }
    self.layers = layers
  }

  var description: String { "VGG with \(layers.count) convolutions" }

  var maps: [BackboneMap] {
    guard let last = layers.last?.convolution else { return [] }
    let poolings = layers.count { $0.followsPooling } + (poolsAtEnd ? 1 : 0)
    return [
      BackboneMap(stride: 1 << poolings, channels: last.outputs, tensor: last.name + ".weight")
    ]
  }

  func append(to network: inout Network, _ picture: Network.Value) -> [Network.Value] {
    var value = picture
    var stage = 0
    func pool(_ network: inout Network) {
      stage += 1
      value = network.maxPooling(
        value, window: .init(size: 2, stride: 2, roundsUp: poolingRoundsUp),
        name: "backbone.pool\(stage)")
    }
    for layer in layers {
      if layer.followsPooling { pool(&network) }
      value = layer.convolution.append(to: &network, value, activation: .relu)
    }
    if poolsAtEnd { pool(&network) }
    return [value]
  }
}
