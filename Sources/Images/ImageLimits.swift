/// How large a picture may be; what exceeds it is refused from its header, before any allocation.
public struct ImageLimits: Sendable, Hashable {
  /// The largest width times height, 64 mebipixels by default (8192 x 8192).
  ///
  /// Decoding holds 3 bytes a pixel, and while it runs up to 6 more for a progressive JPEG or 4
  /// more for an interlaced PNG.
  public var maximumPixels: Int

  /// The longest side in pixels, 65,500 by default: libjpeg's own limit.
  public var maximumSide: Int

  /// The largest number of scans in a JPEG, 100 by default.
  ///
  /// A scan takes a few bytes and costs a pass over the whole picture. Encoders write about ten.
  public var maximumScans: Int

  /// Makes limits; what is left out takes its default.
  public init(
    maximumPixels: Int = 64 << 20, maximumSide: Int = 65_500, maximumScans: Int = 100
  ) {
    self.maximumPixels = maximumPixels
    self.maximumSide = maximumSide
    self.maximumScans = maximumScans
  }

  func check(width: Int, height: Int) throws(ImageError) {
    if max(width, height) > maximumSide {
      throw .sideTooLong(width: width, height: height, limit: maximumSide)
    }
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    if overflow || pixels > maximumPixels {
      throw .tooManyPixels(width: width, height: height, limit: maximumPixels)
    }
  }
}
