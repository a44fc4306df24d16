internal import Compute

/// The layers that MobileNetV2 and V3 have in common: a stem, inverted residual blocks, and a 1x1
/// convolution.
///
/// Widths are read from the checkpoint; what shapes do not tell is the architecture's table.
struct MobileNetLayers {
  let stem: ConvolutionLayer
  let blocks: [InvertedResidual]
  let last: ConvolutionLayer

  init(
    _ reader: ParameterReader, blocks settings: [InvertedResidual.Settings], of name: String
  ) throws(ArchitectureError) {
    let prefix = "backbone.features"
    stem = try reader.convolution(prefix + ".0", inputs: 3, size: 3, for: "the \(name)'s stem")
    var channels = stem.outputs
    var blocks: [InvertedResidual] = []
    for (index, settings) in settings.enumerated() {
      let block = try InvertedResidual(
        reader, "\(prefix).\(index + 1)", inputs: channels, settings: settings)
      blocks.append(block)
      channels = block.outputs
    }
    self.blocks = blocks
    last = try reader.convolution(
      "\(prefix).\(blocks.count + 1)", inputs: channels, size: 1, for: "the \(name)'s last layer")
  }
}
