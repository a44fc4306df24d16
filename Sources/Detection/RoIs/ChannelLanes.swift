internal import CDetectionKernels
internal import Tensors

/// Reads a batch of feature maps as planes of vectors of 8 or 16 channels.
///
/// `features` has to hold `layout.elementCount` elements for as long as the reader is used.
@unsafe
struct LaneReader {
  let layout: ChannelLayout

  /// The number of channels in a vector: 8 or 16.
  let lanes: Int

  /// The number of vectors that hold all channels of a pixel.
  let groupCount: Int

  private let features: UnsafePointer<Float>
  private let isGathering: Bool
  private var workspace: [Float] = []

  init(_ features: UnsafePointer<Float>, _ layout: ChannelLayout) {
    unsafe self.features = features
    unsafe self.layout = layout
    let block = layout.channelBlock
    let isGathering = !block.isMultiple(of: 8)
    let lanes = isGathering || block.isMultiple(of: 16) ? 16 : 8
    unsafe self.isGathering = isGathering
    unsafe self.lanes = lanes
    unsafe groupCount =
      isGathering
      ? (layout.channelCount + lanes - 1) / lanes : layout.channelBlockCount * (block / lanes)
    if isGathering {
      unsafe workspace = [Float](repeating: 0, count: layout.height * layout.width * lanes)
    }
  }

  /// Whether groups of channels lie in the map at one distance from each other.
  var hasGroupStride: Bool {
    unsafe !isGathering && layout.groupStride(lanes: lanes) != nil
  }

  /// Calls back with one group of channels of one image, behind which the others lie.
  mutating func withPlane(image: Int, group: Int, _ body: (roi_plane) -> Void) {
    let (channel, block, width) = unsafe (group * lanes, layout.channelBlock, layout.width)
    guard unsafe isGathering else {
      // Safety: the layout puts every vector of the group inside its `elementCount` elements.
      let base = unsafe features + layout.offset(image: image, channel: channel, y: 0, x: 0)
      unsafe body(
        roi_plane(
          base: base, row_stride: width * block, pixel_stride: block,
          group_stride: layout.groupStride(lanes: lanes) ?? 0))
      return
    }
    let channelCount = unsafe min(lanes, layout.channelCount - channel)
    let cellCount = unsafe layout.height * width
    let (lanes, layout, features) = unsafe (lanes, layout, features)
    unsafe workspace.withUnsafeMutableBufferPointer { workspace in
      guard let vectors = workspace.baseAddress else { return }
      // Safety: `workspace` holds `cellCount` vectors of `lanes`, and every channel read is below
      // C.
      if block == 1 {
        unsafe roi_gather_lanes(
          features + layout.offset(image: image, channel: channel, y: 0, x: 0),
          Int32(channelCount), cellCount, cellCount, 1, vectors)
      } else {
        for lane in 0..<channelCount {
          unsafe roi_gather_lanes(
            features + layout.offset(image: image, channel: channel + lane, y: 0, x: 0),
            1, 0, cellCount, block, vectors + lane)
        }
      }
      if channelCount < lanes {
        for cell in 0..<cellCount {
          unsafe (vectors + cell * lanes + channelCount)
            .update(repeating: 0, count: lanes - channelCount)
        }
      }
      unsafe body(
        roi_plane(base: vectors, row_stride: width * lanes, pixel_stride: lanes, group_stride: 0))
    }
  }
}

/// Writes vectors of 8 or 16 channels into pooled maps of any layout, `[R, C, P, P]`.
///
/// `output` has to hold `layout.elementCount` elements for as long as the writer is used.
@unsafe
struct LaneWriter {
  private let layout: ChannelLayout
  private let lanes: Int
  private let output: UnsafeMutablePointer<Float>
  private let biases: UnsafePointer<Float>?
  private let lowest: Float
  private var vectors: [Float]

  /// - Parameters:
  ///   - output: The pooled maps.
  ///   - layout: Their layout, an image for each RoI.
  ///   - lanes: The number of channels in a vector.
  ///   - biases: What is added to sums, for whole vectors; or `nil`.
  ///   - lowest: What smaller sums are raised to, where there are biases.
  init(
    _ output: UnsafeMutablePointer<Float>, _ layout: ChannelLayout, lanes: Int,
    biases: UnsafePointer<Float>?, lowest: Float
  ) {
    unsafe self.biases = biases
    unsafe self.lowest = lowest
    unsafe self.output = output
    unsafe self.layout = layout
    unsafe self.lanes = lanes
    unsafe vectors = [Float](
      repeating: 0, count: layout.height * layout.width * lanes * Int(roi_most_groups))
  }

  private var paddedChannelCount: Int {
    unsafe layout.channelBlockCount * layout.channelBlock
  }

  /// Has `body` write the bins of one RoI and some groups of channels, 1 or `roi_most_groups`.
  mutating func write(roi: Int, group: Int, groups: Int, _ body: (roi_bins) -> Void) {
    let (channel, block) = unsafe (group * lanes, layout.channelBlock)
    let cellCount = unsafe layout.height * layout.width
    let stride = unsafe layout.groupStride(lanes: lanes)
    let end = unsafe channel + groups * lanes
    if unsafe channel % block + lanes <= block && end <= paddedChannelCount,
      groups == 1 || stride != nil
    {
      // Safety: the layout has room for all channels below the padded count, and the vectors that are
      // written in place lie within one block.
      let first = unsafe output + layout.offset(image: roi, channel: channel, y: 0, x: 0)
      unsafe body(
        roi_bins(
          base: first, bin_stride: block, group_stride: stride ?? 0,
          biases: biases.map { unsafe $0 + channel }, lowest: lowest))
      return
    }
    let (lanes, layout, output, padded) = unsafe (lanes, layout, output, paddedChannelCount)
    let (biases, lowest) = unsafe (biases.map { unsafe $0 + channel }, lowest)
    unsafe vectors.withUnsafeMutableBufferPointer { vectors in
      guard let vectors = vectors.baseAddress else { return }
      unsafe body(
        roi_bins(
          base: vectors, bin_stride: lanes, group_stride: cellCount * lanes, biases: biases,
          lowest: lowest))
      for number in 0..<groups {
        let channel = channel + number * lanes
        let channelCount = min(lanes, padded - channel)
        guard channelCount > 0 else { break }
        // Safety: all channels are below the padded count.
        let source = unsafe vectors + number * cellCount * lanes
        let first = unsafe output + layout.offset(image: roi, channel: channel, y: 0, x: 0)
        if block == 1 {
          unsafe roi_scatter_lanes(
            source, Int32(lanes), Int32(channelCount), cellCount, first, cellCount, 1)
        } else {
          for lane in 0..<channelCount {
            unsafe roi_scatter_lanes(
              source + lane, Int32(lanes), 1, cellCount,
              output + layout.offset(image: roi, channel: channel + lane, y: 0, x: 0), 0, block)
          }
        }
      }
    }
  }

  /// Writes zeros where the output has channels that none of the first `groupCount` groups reaches.
  func clearPadding(roi: Int, after groupCount: Int) {
    for channel in unsafe min(groupCount * lanes, paddedChannelCount)..<paddedChannelCount {
      for y in 0..<(unsafe layout.height) {
        for x in 0..<(unsafe layout.width) {
          // Safety: the channel is below the padded count.
          unsafe output[layout.offset(image: roi, channel: channel, y: y, x: x)] = 0
        }
      }
    }
  }
}

extension ChannelLayout {
  /// How far it is from a vector of channels to that of the next ones, where it is the same for all.
  fileprivate func groupStride(lanes: Int) -> Int? {
    if channelBlock == lanes { return height * width * lanes }
    return channelBlockCount == 1 && channelBlock.isMultiple(of: lanes) ? lanes : nil
  }
}
