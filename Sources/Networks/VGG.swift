internal import Compute
internal import Tensors

/// VGG as a feature extractor (Simonyan and Zisserman, arXiv:1409.1556): 3x3 convolutions with ReLU,
/// and 2x2 max pooling between the stages but not behind the last.
///
/// Its depth and widths are read from the checkpoint. Convolution `extractor.i` is followed by its
/// ReLU at i + 1, so the next convolution stands at i + 2, or at i + 3 with a pooling between.
struct VGG {
  /// A convolution and whether pooling comes before it.
  struct Layer {
    var index: Int
    var followsPooling: Bool
    var weights: LayerWeights
  }

  let layers: [Layer]

  init(_ reader: ParameterReader) throws(ArchitectureError) {
    let indices = reader.indices("extractor", rank: 4)
    guard indices.first == 0 else {
      throw .missing(tensor: "extractor.0.weight", neededFor: "the feature extractor")
    }
    var layers: [Layer] = []
    var channels = 3
    for (position, index) in indices.enumerated() {
      let gap = position == 0 ? 2 : index - indices[position - 1]
      guard gap == 2 || gap == 3 else {
        throw .unrecognised(
          reason: "between extractor.\(indices[position - 1]) and extractor.\(index) there are "
            + "\(gap - 1) layers; a VGG has its ReLU there, or its ReLU and a pooling")
      }
      let weights = try reader.convolution(
        "extractor.\(index)", inputs: channels, size: 3, for: "the feature extractor")
      layers.append(Layer(index: index, followsPooling: gap == 3, weights: weights))
      channels = weights.shape[0]
    }
    self.layers = layers
  }

  /// The channels of the feature map.
  var featureChannels: Int { layers.last.map { $0.weights.shape[0] } ?? 3 }

  /// The pixels from one cell of the feature map to the next.
  var featureStride: Int { layers.reduce(1) { $1.followsPooling ? $0 * 2 : $0 } }

  /// From a picture (N, 3, H, W) to features.
  func network(_ settings: BackboneSettings) -> Network {
    var network = Network(inputChannels: 3)
    var value = network.input
    // Names as in the paper and Caffe: conv2_1 is the first convolution after one pooling.
    var (stage, number) = (1, 0)
    for layer in layers {
      if layer.followsPooling {
        value = network.maxPooling(
          value, window: .init(size: 2, stride: 2, roundsUp: settings.poolingRoundsUp),
          name: "pool\(stage)")
        (stage, number) = (stage + 1, 0)
      }
      number += 1
      value = network.convolution(
        value, weights: layer.weights, window: .init(size: 3, padding: 1), activation: .relu,
        name: "conv\(stage)_\(number)")
    }
    network.output(value)
    return network
  }
}
