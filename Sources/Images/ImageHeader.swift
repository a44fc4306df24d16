/// What a picture's file says about itself before any of it is decoded.
public struct ImageHeader: Sendable, Hashable {
  /// How colour is stored in the file; decoding gives RGB whatever it is.
  public enum ColourMode: String, Sendable, CaseIterable {
    case grey
    case greyAlpha = "grey_alpha"
    /// RGB, or in a JPEG the YCbCr that stands for it.
    case rgb
    case rgba
    case palette
    case cmyk
    case ycck
  }

  /// The file format.
  public var format: ImageFormat

  /// The number of columns as stored, before the orientation is applied.
  public var width: Int

  /// The number of rows as stored, before the orientation is applied.
  public var height: Int

  /// How colour is stored.
  public var colourMode: ColourMode

  /// The bits of a sample, or of a palette's index: 1, 2, 4, 8 or 16.
  public var bitDepth: Int

  /// Whether the picture comes in passes: a progressive JPEG or an interlaced PNG.
  public var isProgressive: Bool

  /// The orientation that the file states, `nil` where it states none that can be understood.
  public var orientation: Orientation?

  /// Reads the header of a JPEG or PNG file; nothing of the size that it states is allocated.
  ///
  /// - Throws: `ImageError` where the bytes are in neither format, or end or break within the header,
  ///   or state a variant that is not decoded.
  public init(parsing bytes: Span<UInt8>) throws(ImageError) {
    switch try ImageFormat(detecting: bytes) {
    case .jpeg: try self.init(parsingJPEG: bytes)
    case .png: try self.init(parsingPNG: bytes)
    }
  }

  /// Reads the header of a JPEG or PNG file, as the initialiser for a span does.
  public init(parsing bytes: [UInt8]) throws(ImageError) { try self.init(parsing: bytes.span) }

  init(
    format: ImageFormat, width: Int, height: Int, colourMode: ColourMode, bitDepth: Int,
    isProgressive: Bool, orientation: Orientation?
  ) {
    self.format = format
    self.width = width
    self.height = height
    self.colourMode = colourMode
    self.bitDepth = bitDepth
    self.isProgressive = isProgressive
    self.orientation = orientation
  }
}

extension Span<UInt8> {
  /// The big-endian integer of `byteCount` bytes at `offset`; traps where they are not all there.
  func bigEndian(at offset: Int, byteCount: Int) -> Int {
    var value = 0
    for index in offset..<offset + byteCount { value = value << 8 | Int(self[index]) }
    return value
  }
}
