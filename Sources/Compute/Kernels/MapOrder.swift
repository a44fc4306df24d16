internal import Tensors

/// How the channels of a map lie: blocks of `lanes` channels side by side, then columns, rows, blocks and
/// pictures.
struct MapOrder {
  let channels: Int
  /// 1 in NCHW, all channels in NHWC, 16 or 8 in blocks.
  let lanes: Int

  /// - Throws: `ComputeError` for layouts that only oneDNN can read.
  init(_ layout: TensorLayout, _ name: String) throws(ComputeError) {
    channels = layout.shape[1]
    if layout.shape.rank == 2 {
      lanes = channels
    } else if let block = layout.channelBlock {
      lanes = block
    } else {
      throw ComputeError(operation: name, reason: "a layout of \(layout.shape) of oneDNN's own")
    }
  }

  /// The blocks of channels, of which the last may be padded.
  var blocks: Int { (channels + lanes - 1) / lanes }

  var paddedChannels: Int { blocks * lanes }

  /// Whether channels lie in blocks of a vector's lanes.
  var isBlocked: Bool { lanes > 1 && lanes != channels }

  /// The channels of a block that are no padding.
  func validLanes(ofBlock block: Int) -> Int { min(lanes, channels - block * lanes) }

  /// Numbers for all channels, with zeros for the padding.
  func padded(_ values: [Float]) -> [Float] {
    values + [Float](repeating: 0, count: paddedChannels - values.count)
  }

  /// The layout of other extents in the same order.
  func layout(like layout: TensorLayout, _ extents: [Int]) throws(ComputeError) -> TensorLayout {
    if layout.shape.dimensions == extents { return layout }
    if isBlocked { return try .channelBlocked(Shape(extents), block: lanes) }
    return lanes == 1 ? try .rowMajor(Shape(extents)) : try .channelsLast(Shape(extents))
  }
}
