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

  /// Whether the picture comes in passes, as a progressive JPEG or an interlaced PNG does.
  public var isProgressive: Bool

  /// The orientation that the file states, `nil` where it states none that can be understood.
  public var orientation: Orientation?

  /// The name of the file's colour profile where it is not sRGB's; it is not applied.
  public var ignoredProfile: String?

  /// How many pictures the file holds; 1 where its format or its reader knows no more.
  public var pageCount: Int

  /// Which of them is meant, counted from 0.
  public var page: Int

  /// Reads the header of a file; nothing of the size that it states is allocated.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - page: which of its pictures, counted from 0.
  /// - Throws: `ImageError` where the bytes are in no format of this build, or end or break within the
  ///   header, or state a variant that is not decoded, or have no such page.
  public init(parsing bytes: Span<UInt8>, page: Int = 0) throws(ImageError) {
    let (codec, offset) = try ImageCodecs.locate(in: bytes)
    self = try codec.header(of: bytes.extracting(offset..<bytes.count), page: page)
    if page >= pageCount { throw .noSuchPage(page + 1, count: pageCount) }
  }

  /// Reads the header of a file, as the initialiser for a span does.
  public init(parsing bytes: [UInt8], page: Int = 0) throws(ImageError) {
    try self.init(parsing: bytes.span, page: page)
  }

  init(
    format: ImageFormat, width: Int, height: Int, colourMode: ColourMode, bitDepth: Int,
    isProgressive: Bool = false, orientation: Orientation? = nil,
    ignoredProfile: String? = nil, page: Int = 0, pageCount: Int = 1
  ) {
    self.format = format
    self.width = width
    self.height = height
    self.colourMode = colourMode
    self.bitDepth = bitDepth
    self.isProgressive = isProgressive
    self.orientation = orientation
    self.ignoredProfile = ignoredProfile
    self.page = page
    self.pageCount = pageCount
  }
}
