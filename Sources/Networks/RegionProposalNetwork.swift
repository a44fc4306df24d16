internal import Compute
internal import Tensors

/// The RPN (Ren et al., arXiv:1506.01497, section 3.1): a 3x3 convolution with ReLU, and two 1x1
/// convolutions for the objectness logits and the box offsets of each anchor.
///
/// A are the anchors in a cell.
struct RegionProposalNetwork {
  let middle: LayerWeights
  /// 2A outputs, interleaved: background and foreground of each anchor in turn.
  let score: LayerWeights
  /// 4A outputs: the offsets of each anchor in turn.
  let offsets: LayerWeights

  init(_ reader: ParameterReader, features: Int) throws(ArchitectureError) {
    middle = try reader.convolution("rpn.conv1", inputs: features, size: 3, for: "the RPN")
    let channels = middle.shape[0]
    score = try reader.convolution("rpn.score", inputs: channels, size: 1, for: "the RPN")
    offsets = try reader.convolution("rpn.loc", inputs: channels, size: 1, for: "the RPN")
    guard score.shape[0].isMultiple(of: 2) else {
      throw .mismatch(
        tensor: "rpn.score.weight", found: score.shape,
        wanted: "each anchor needs two rows, background and foreground")
    }
    guard offsets.shape[0] == 2 * score.shape[0] else {
      throw .mismatch(
        tensor: "rpn.loc.weight", found: offsets.shape,
        wanted: "rpn.score has \(score.shape[0] / 2) anchors, which need "
          + "\(2 * score.shape[0]) rows, four each")
    }
  }

  var anchorsPerCell: Int { score.shape[0] / 2 }

  /// From features to offsets and logits.
  func network() -> Network {
    var network = Network(inputChannels: middle.shape[1])
    let hidden = network.convolution(
      network.input, weights: middle, window: .init(size: 3, padding: 1), activation: .relu,
      name: "rpn_conv")
    let loc = network.convolution(
      hidden, weights: offsets, window: .init(size: 1), name: "rpn_offsets")
    let logits = network.convolution(
      hidden, weights: score, window: .init(size: 1), name: "rpn_score")
    network.output(loc, order: .channelsLast)
    network.output(logits, order: .channelsLast)
    return network
  }
}
