internal import Compute

/// The network of Zeiler and Fergus (arXiv:1311.2901) as py-faster-rcnn has it
/// (`models/pascal_voc/ZF/faster_rcnn_end2end/test.prototxt`): five convolutions, the first two followed
/// by local response normalisation within each channel and by 3x3 max pooling that rounds up.
struct ZeilerFergus: FeatureExtractor {
  let convolutions: [ConvolutionLayer]

  init(_ reader: ParameterReader) throws(ArchitectureError) {
    var convolutions: [ConvolutionLayer] = []
    var channels = 3
    for (index, size) in [7, 5, 3, 3, 3].enumerated() {
      let layer = try reader.convolution(
        "backbone.conv\(index + 1)", inputs: channels, size: size, for: "the feature extractor")
      convolutions.append(layer)
      channels = layer.outputs
    }
    self.convolutions = convolutions
  }

  var description: String { "ZF" }

  var maps: [BackboneMap] {
    guard let last = convolutions.last else { return [] }
    return [BackboneMap(stride: 16, channels: last.outputs, tensor: last.name + ".weight")]
  }

  func append(to network: inout Network, _ picture: Network.Value) -> [Network.Value] {
    var value = picture
    for (index, convolution) in convolutions.enumerated() {
      let isDownsampling = index < 2
      value = convolution.append(
        to: &network, value, stride: isDownsampling ? 2 : 1, activation: .relu)
      guard isDownsampling else { continue }
      value = network.localResponseNormalisation(
        value, size: 3, alpha: 5e-5, beta: 0.75, name: "backbone.norm\(index + 1)")
      value = network.maxPooling(
        value, window: .init(size: 3, stride: 2, padding: 1, roundsUp: true),
        name: "backbone.pool\(index + 1)")
    }
    return [value]
  }
}
