internal import Compute

/// MobileNetV2 as a feature extractor (Sandler et al., arXiv:1801.04381, table 2): a stem, seventeen
/// inverted residual blocks with ReLU6, and a 1x1 convolution.
///
/// Widths are read from the checkpoint; strides are the table's.
struct MobileNetV2: FeatureExtractor {
  /// The stride of each block.
  private static let strides = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]

  private let layers: MobileNetLayers

  init(_ reader: ParameterReader) throws(ArchitectureError) {
    layers = try MobileNetLayers(
      reader, blocks: Self.strides.map { .init(stride: $0, activation: .relu6) }, of: "MobileNetV2")
  }

  var description: String { "MobileNetV2" }

  var maps: [BackboneMap] {
    let stride = Self.strides.reduce(2, *)
    return [
      BackboneMap(
        stride: stride, channels: layers.last.outputs, tensor: layers.last.name + ".weight")
    ]
  }

  func append(to network: inout Network, _ picture: Network.Value) -> [Network.Value] {
    var value = layers.stem.append(to: &network, picture, stride: 2, activation: .relu6)
    for block in layers.blocks { value = block.append(to: &network, value) }
    return [layers.last.append(to: &network, value, activation: .relu6)]
  }
}
