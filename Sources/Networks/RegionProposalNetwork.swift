internal import Compute
internal import Tensors

/// The RPN (Ren et al., arXiv:1506.01497, section 3.1): 3x3 convolutions with ReLU, mostly one, and two
/// 1x1 convolutions for the objectness logits and the box offsets of each anchor.
///
/// The same weights look at every level. A are the anchors in a cell.
struct RegionProposalNetwork {
  let convolutions: [ConvolutionLayer]
  /// A outputs; or 2A, of background and foreground, in the family's order.
  let objectness: ConvolutionLayer
  /// 4A outputs: the offsets of each anchor in turn.
  let offsets: ConvolutionLayer
  let anchorsPerCell: Int

  init(
    _ reader: ParameterReader, features: Int, objectness kind: Architecture.Objectness
  ) throws(ArchitectureError) {
    let purpose = "the RPN"
    let count = try reader.names.count(below: "rpn.conv", first: "", for: purpose)
    var convolutions: [ConvolutionLayer] = []
    var channels = features
    for index in 0..<max(count, 1) {
      let layer = try reader.convolution(
        "rpn.conv.\(index)", inputs: channels, size: 3, for: purpose)
      convolutions.append(layer)
      channels = layer.outputs
    }
    self.convolutions = convolutions
    objectness = try reader.convolution(
      "rpn.objectness", inputs: channels, size: 1, for: purpose)
    offsets = try reader.convolution("rpn.offsets", inputs: channels, size: 1, for: purpose)
    let logits = kind == .pairs ? 2 : 1
    guard objectness.outputs.isMultiple(of: logits) else {
      throw .mismatch(
        tensor: "rpn.objectness.weight", found: objectness.weights.shape,
        wanted: "each anchor needs two rows, background and foreground")
    }
    anchorsPerCell = objectness.outputs / logits
    guard offsets.outputs == 4 * anchorsPerCell else {
      throw .mismatch(
        tensor: "rpn.offsets.weight", found: offsets.weights.shape,
        wanted: "there are logits for \(anchorsPerCell) anchors, which need \(4 * anchorsPerCell) "
          + "rows, four each")
    }
  }

  /// Adds the RPN to a network, once for each level.
  ///
  /// Layers are named by the level, where there are several.
  ///
  /// - Returns: offsets of 4A and logits of A or 2A for each level.
  func append(
    to network: inout Network, _ levels: [(name: String, value: Network.Value)]
  ) -> [(offsets: Network.Value, objectness: Network.Value)] {
    levels.map { level in
      func name(_ layer: ConvolutionLayer) -> String {
        levels.count == 1 ? layer.name : "rpn.\(level.name)" + layer.name.dropFirst("rpn".count)
      }
      var value = level.value
      for layer in convolutions {
        value = layer.append(to: &network, value, activation: .relu, name: name(layer))
      }
      return (
        offsets.append(to: &network, value, name: name(offsets)),
        objectness.append(to: &network, value, name: name(objectness))
      )
    }
  }
}
