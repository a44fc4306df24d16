internal import Compute
internal import Tensors

/// A stage of a ResNet: blocks whose last layer is added to what the block read (He et al.,
/// arXiv:1512.03385, section 3.3).
///
/// The number of blocks, whether they are of two 3x3 convolutions or bottlenecks of three, their widths
/// and groups (Xie et al., arXiv:1611.05431) are read from the checkpoint.
struct ResidualStage {
  /// Two or three convolutions and, where the extents or channels change, one on the short cut.
  struct Block {
    var convolutions: [ConvolutionLayer]
    var shortcut: ConvolutionLayer?

    /// Which convolution takes the stride; in a block of two 3x3 convolutions always the first.
    func stridedConvolution(_ residualStride: Architecture.ResidualStride) -> Int {
      convolutions.count == 3 && residualStride == .middleConvolution ? 1 : 0
    }

    /// Adds some of the convolutions to a network, and the sum behind the last.
    fileprivate func append(
      _ range: Range<Int>, to network: inout Network, _ input: Network.Value,
      adding identity: Network.Value, stride: Int, dilation: Int,
      residualStride: Architecture.ResidualStride
    ) -> Network.Value {
      let strided = stridedConvolution(residualStride)
      var value = input
      for index in range {
        let convolution = convolutions[index]
        value = convolution.append(
          to: &network, value, stride: index == strided ? stride : 1,
          dilation: convolution.size == 3 ? dilation : 1, activation: .relu,
          adding: index == convolutions.count - 1 ? identity : nil)
      }
      return value
    }
  }

  let blocks: [Block]

  /// The channels that the stage reads.
  let inputs: Int

  /// Reads `prefix.0`, `prefix.1` and so on.
  ///
  /// A stage that halves the extents cannot add what it reads to what it makes, and needs a short cut.
  init(
    _ reader: ParameterReader, prefix: String, inputs: Int, halves: Bool
  ) throws(ArchitectureError) {
    self.inputs = inputs
    var blocks: [Block] = []
    let count = try reader.names.count(
      below: prefix, first: ".conv1", for: "the residual stage \(prefix)")
    var channels = inputs
    for index in 0..<max(count, 1) {
      let block = try Self.block(reader, "\(prefix).\(index)", inputs: channels)
      blocks.append(block)
      channels = block.convolutions.last?.outputs ?? channels
    }
    self.blocks = blocks
    guard !halves || blocks.first?.shortcut != nil else {
      throw .missing(
        tensor: "\(prefix).0.shortcut.weight", neededFor: "the residual stage \(prefix)")
    }
  }

  private static func block(
    _ reader: ParameterReader, _ name: String, inputs: Int
  ) throws(ArchitectureError) -> Block {
    let purpose = "the residual block \(name)"
    let isBottleneck = reader.names.hasTensors(below: name + ".conv3")
    let sizes = isBottleneck ? [1, 3, 1] : [3, 3]
    var convolutions: [ConvolutionLayer] = []
    var channels = inputs
    for (index, size) in sizes.enumerated() {
      let layer = try reader.convolution(
        "\(name).conv\(index + 1)", inputs: channels, size: size,
        allowsGroups: isBottleneck && size == 3, for: purpose)
      convolutions.append(layer)
      channels = layer.outputs
    }
    var shortcut: ConvolutionLayer?
    if reader.names.hasTensors(below: name + ".shortcut") {
      shortcut = try reader.convolution(
        name + ".shortcut", inputs: inputs, size: 1, for: purpose)
    }
    let identityChannels = shortcut?.outputs ?? inputs
    guard identityChannels == channels else {
      throw .mismatch(
        tensor: "\(name).conv\(sizes.count).weight", found: convolutions.last?.weights.shape ?? [],
        wanted: "the short cut it is added to has \(identityChannels) channels")
    }
    return Block(convolutions: convolutions, shortcut: shortcut)
  }

  /// The channels that the stage makes.
  var channels: Int { blocks.last?.convolutions.last?.outputs ?? inputs }

  /// The name of the weights that make the stage's map.
  var lastTensor: String { (blocks.last?.convolutions.last?.name ?? "") + ".weight" }

  /// The convolutions on the longest way through the stage.
  var depth: Int { blocks.reduce(0) { $0 + $1.convolutions.count } }

  /// The groups of the 3x3 convolutions, and the channels of one.
  var grouping: (count: Int, width: Int) {
    guard let middle = blocks.first?.convolutions.dropFirst().first else { return (1, inputs) }
    return (middle.groups, middle.outputs / middle.groups)
  }

  /// Adds the stage to a network.
  ///
  /// - Parameters:
  ///   - network: where.
  ///   - input: what it reads.
  ///   - stride: the stride of the first block.
  ///   - dilation: that of the 3x3 convolutions.
  ///   - residualStride: which convolution of a bottleneck takes the stride.
  /// - Returns: the stage's map.
  func append(
    to network: inout Network, _ input: Network.Value, stride: Int, dilation: Int = 1,
    residualStride: Architecture.ResidualStride
  ) -> Network.Value {
    var value = input
    for (number, block) in blocks.enumerated() {
      let stride = number == 0 ? stride : 1
      let blockInput = value
      let identity =
        block.shortcut.map { $0.append(to: &network, blockInput, stride: stride) } ?? blockInput
      value = block.append(
        0..<block.convolutions.count, to: &network, value, adding: identity, stride: stride,
        dilation: dilation, residualStride: residualStride)
    }
    return value
  }

  /// Adds the stage to a network but for the layers that read its input: the first convolution of the first
  /// block, and the one on its short cut.
  ///
  /// - Parameters:
  ///   - network: where.
  ///   - first: what the first convolution makes, rectified.
  ///   - identity: what the short cut makes.
  ///   - stride: the stride of the first block.
  ///   - residualStride: which convolution of a bottleneck takes the stride.
  /// - Returns: the stage's map.
  func append(
    to network: inout Network, first: Network.Value, identity: Network.Value, stride: Int,
    residualStride: Architecture.ResidualStride
  ) -> Network.Value {
    var value = first
    for (number, block) in blocks.enumerated() {
      value = block.append(
        (number == 0 ? 1 : 0)..<block.convolutions.count, to: &network, value,
        adding: number == 0 ? identity : value, stride: number == 0 ? stride : 1, dilation: 1,
        residualStride: residualStride)
    }
    return value
  }
}
