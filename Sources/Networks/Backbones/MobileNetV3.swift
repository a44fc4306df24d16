internal import Compute

/// MobileNetV3-Large as a feature extractor (Howard et al., arXiv:1905.02244, table 1): a stem, fifteen
/// inverted residual blocks, and a 1x1 convolution.
///
/// Widths are read from the checkpoint; strides, activations and which blocks weigh their channels are
/// the table's.
struct MobileNetV3: FeatureExtractor {
  private static let blockSettings: [InvertedResidual.Settings] = [
    .init(stride: 1, activation: .relu),
    .init(stride: 2, activation: .relu),
    .init(stride: 1, activation: .relu),
    .init(stride: 2, activation: .relu, excites: true),
    .init(stride: 1, activation: .relu, excites: true),
    .init(stride: 1, activation: .relu, excites: true),
    .init(stride: 2, activation: .hardSwish),
    .init(stride: 1, activation: .hardSwish),
    .init(stride: 1, activation: .hardSwish),
    .init(stride: 1, activation: .hardSwish),
    .init(stride: 1, activation: .hardSwish, excites: true),
    .init(stride: 1, activation: .hardSwish, excites: true),
    .init(stride: 2, activation: .hardSwish, excites: true),
    .init(stride: 1, activation: .hardSwish, excites: true),
    .init(stride: 1, activation: .hardSwish, excites: true),
  ]

  private let layers: MobileNetLayers

  init(_ reader: ParameterReader) throws(ArchitectureError) {
    layers = try MobileNetLayers(reader, blocks: Self.blockSettings, of: "MobileNetV3")
  }

  var description: String { "MobileNetV3-Large" }

  /// A pyramid stands on the first block of each stride and on the last layer, as in torchvision's
  /// `_mobilenet_extractor`; the last two have the same stride.
  var maps: [BackboneMap] {
    var stride = 2
    var maps: [BackboneMap] = []
    for block in layers.blocks {
      stride *= block.settings.stride
      if block.settings.stride > 1 {
        maps.append(
          BackboneMap(
            stride: stride, channels: block.outputs, tensor: block.project.name + ".weight"))
      }
    }
    maps.append(
      BackboneMap(
        stride: stride, channels: layers.last.outputs, tensor: layers.last.name + ".weight"))
    return maps
  }

  func append(to network: inout Network, _ picture: Network.Value) -> [Network.Value] {
    var value = layers.stem.append(to: &network, picture, stride: 2, activation: .hardSwish)
    var maps: [Network.Value] = []
    for block in layers.blocks {
      value = block.append(to: &network, value)
      if block.settings.stride > 1 { maps.append(value) }
    }
    maps.append(layers.last.append(to: &network, value, activation: .hardSwish))
    return maps
  }
}
