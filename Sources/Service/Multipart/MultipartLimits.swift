/// How a multipart body may be cut up; what goes beyond is refused.
public struct MultipartLimits: Sendable, Hashable {
  /// The largest number of parts, 32 by default: a picture and every parameter, and some.
  public var maximumParts: Int

  /// The largest number of bytes of one part's header lines, 4 KiB by default.
  public var maximumHeaderBytes: Int

  /// The largest number of a part's header lines, 16 by default.
  public var maximumHeaderLines: Int

  /// The longest value of a text field in bytes, 4 KiB by default.
  public var maximumFieldBytes: Int

  /// Makes limits; what is left out takes its default.
  public init(
    maximumParts: Int = 32, maximumHeaderBytes: Int = 4 << 10, maximumHeaderLines: Int = 16,
    maximumFieldBytes: Int = 4 << 10
  ) {
    self.maximumParts = maximumParts
    self.maximumHeaderBytes = maximumHeaderBytes
    self.maximumHeaderLines = maximumHeaderLines
    self.maximumFieldBytes = maximumFieldBytes
  }
}
