public import Tensors

/// A picture in memory: 8-bit RGB, interleaved, rows from top to bottom without padding.
public struct Image: Sendable, Equatable {
  /// The number of columns.
  public let width: Int

  /// The number of rows.
  public let height: Int

  /// Both extents.
  public var size: PictureSize { PictureSize(height: height, width: width) }

  /// Red, green, blue of each pixel; always `3 * width * height` bytes.
  public var pixels: [UInt8] {
    didSet {
      precondition(
        pixels.count == 3 * width * height, "\(pixels.count) bytes are no \(width)x\(height) RGB")
    }
  }

  /// Makes a picture from its bytes; traps unless there are `3 * width * height` of them.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      pixels.count == 3 * width * height, "\(pixels.count) bytes are no \(width)x\(height) RGB")
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
