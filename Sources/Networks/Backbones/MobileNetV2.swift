internal import Compute

/// MobileNetV2 as a feature extractor (Sandler et al., arXiv:1801.04381, table 2): a stem, seventeen
/// inverted residual blocks with ReLU6, and a 1x1 convolution.
///
/// Widths are read from the checkpoint; strides are the table's.
struct MobileNetV2: FeatureExtractor {
  /// The stride of each block.
  private static let strides = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]

  let stem: ConvolutionLayer
  let blocks: [InvertedResidual]
  let last: ConvolutionLayer

  init(_ reader: ParameterReader) throws(ArchitectureError) {
    let prefix = "backbone.features"
    stem = try reader.convolution(
      prefix + ".0", inputs: 3, size: 3, for: "the MobileNetV2's stem")
    var channels = stem.outputs
    var blocks: [InvertedResidual] = []
    for (index, stride) in Self.strides.enumerated() {
      let block = try InvertedResidual(
        reader, "\(prefix).\(index + 1)", inputs: channels,
        settings: .init(stride: stride, activation: .relu6))
      blocks.append(block)
      channels = block.outputs
    }
    self.blocks = blocks
    last = try reader.convolution(
      "\(prefix).\(Self.strides.count + 1)", inputs: channels, size: 1,
      for: "the MobileNetV2's last layer")
  }

  var description: String { "MobileNetV2" }

  var maps: [BackboneMap] {
    let stride = Self.strides.reduce(2, *)
    return [BackboneMap(stride: stride, channels: last.outputs, tensor: last.name + ".weight")]
  }

  func append(to network: inout Network, _ picture: Network.Value) -> [Network.Value] {
    var value = stem.append(to: &network, picture, stride: 2, activation: .relu6)
    for block in blocks { value = block.append(to: &network, value) }
    return [last.append(to: &network, value, activation: .relu6)]
  }
}
