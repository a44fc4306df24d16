/// The extents of a batch of pictures or feature maps, and how their channels lie in memory.
///
/// Channels are stored in blocks of `channelBlock`, so that one vector instruction reads a pixel of
/// many channels. Element (n, c, y, x) lies at `(((n * channelBlockCount + c / b) * height + y) *
/// width + x) * b + c % b` with `b = channelBlock`:
///
/// | block | layout |
/// |---|---|
/// | 1 | plain `[N, C, H, W]` |
/// | 8, 16 | oneDNN's `nChw8c`, `nChw16c` |
/// | C | channels last, `[N, H, W, C]` |
///
/// Where the block does not divide C, the last block is padded with zeros.
///
/// N counts images, C channels, H and W the rows and columns of the map.
public struct ChannelLayout: Sendable, Hashable {
  /// The longest side of a map, in cells: a bound on the work of one RoI.
  public static let maximumSide = 65_536

  /// The number of images in the batch.
  public let imageCount: Int

  /// The number of channels, without padding.
  public let channelCount: Int

  /// The number of rows.
  public let height: Int

  /// The number of columns.
  public let width: Int

  /// How many channels lie side by side.
  public let channelBlock: Int

  /// Describes a batch of maps; traps on a negative extent, a side above `maximumSide`, a block
  /// below 1 or a batch too large to address.
  public init(
    imageCount: Int = 1, channelCount: Int, height: Int, width: Int, channelBlock: Int = 1
  ) {
    precondition(
      imageCount >= 0 && channelCount >= 0 && height >= 0 && width >= 0 && channelBlock >= 1
        && max(height, width) <= Self.maximumSide,
      "no feature map: \(imageCount) images, \(channelCount) channels in blocks of \(channelBlock), "
        + "\(height) x \(width)")
    self.imageCount = imageCount
    self.channelCount = channelCount
    self.height = height
    self.width = width
    self.channelBlock = channelBlock
    elementCount =
      Shape([
        imageCount, (channelCount + channelBlock - 1) / channelBlock, height, width, channelBlock,
      ]).count
  }

  /// Describes a tensor `[N, C, H, W]`; traps on another rank.
  public init(_ shape: Shape) {
    precondition(shape.rank == 4, "a feature map has the axes N, C, H, W, not \(shape)")
    self.init(
      imageCount: shape[0], channelCount: shape[1], height: shape[2], width: shape[3])
  }

  /// The number of blocks: C / b, rounded up.
  public var channelBlockCount: Int { (channelCount + channelBlock - 1) / channelBlock }

  /// The number of elements in memory, padding included.
  public let elementCount: Int

  /// Where an element lies, counted in elements from the first.
  public func offset(image: Int, channel: Int, y: Int, x: Int) -> Int {
    let block = image * channelBlockCount + channel / channelBlock
    return ((block * height + y) * width + x) * channelBlock + channel % channelBlock
  }
}
