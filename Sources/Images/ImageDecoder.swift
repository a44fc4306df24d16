internal import CJPEG
internal import CPNG

/// A picture and what its file said about it.
public struct DecodedImage: Sendable, Equatable {
  /// The picture, upright where the orientation was applied.
  public var image: Image

  /// The file's header; its width and height are those before the orientation was applied.
  public var header: ImageHeader

  /// What was done to the stored picture; `.identity` where nothing was stated or it was ignored.
  public var orientationApplied: Orientation
}

/// Decodes JPEG and PNG files to RGB of 8 bits.
///
/// - JPEG: libjpeg's slow integer DCT and triangular upsampling, as other programs use by default.
///   CMYK and YCCK are inverted first where the file carries an Adobe marker. Damage that libjpeg
///   would paper over with grey is an error. Profiles (ICC) are not applied.
/// - PNG: 16 bits are rounded to 8, alpha is composited over white. gAMA, cHRM, sRGB and iCCP are not
///   applied: detectors are trained on the samples as they are stored.
public struct ImageDecoder: Sendable, Hashable {
  /// How large a picture may be.
  public var limits: ImageLimits

  /// Whether the orientation that the file states is applied.
  public var appliesOrientation: Bool

  /// Makes a decoder.
  public init(limits: ImageLimits = ImageLimits(), appliesOrientation: Bool = true) {
    self.limits = limits
    self.appliesOrientation = appliesOrientation
  }

  /// Reads a file's header and holds it against the limits.
  public func header(of bytes: Span<UInt8>) throws(ImageError) -> ImageHeader {
    let header = try ImageHeader(parsing: bytes)
    try limits.check(width: header.width, height: header.height)
    return header
  }

  /// Reads a file's header and holds it against the limits.
  public func header(of bytes: [UInt8]) throws(ImageError) -> ImageHeader {
    try header(of: bytes.span)
  }

  /// Decodes a file, as the function for a span does.
  public func decode(_ bytes: [UInt8]) throws(ImageError) -> DecodedImage {
    try decode(bytes.span)
  }

  /// Decodes a file.
  ///
  /// The limits are checked before anything of the picture's size is allocated. Bytes behind the
  /// picture's end marker are ignored.
  ///
  /// - Parameter bytes: the whole file.
  /// - Returns: the picture with its header.
  /// - Throws: `ImageError`, which says what is wrong, where, and how to mend it.
  public func decode(_ bytes: Span<UInt8>) throws(ImageError) -> DecodedImage {
    let header = try header(of: bytes)
    let orientation = appliesOrientation ? header.orientation ?? .identity : .identity
    let placement = OrientedPlacement(
      width: header.width, height: header.height, orientation: orientation)
    let byteCount = 3 * header.width * header.height
    var failure: ImageError?
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      // Safety: the buffer has room for `byteCount` bytes; the C functions check that the first and
      // last pixel of the first and last row lie in it, and refuse a picture of another size. They
      // write every byte of it where they succeed.
      let target = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<byteCount])
      failure =
        switch header.format {
        case .jpeg: unsafe decodeJPEG(bytes, header: header, at: placement, into: target)
        case .png: unsafe decodePNG(bytes, header: header, at: placement, into: target)
        }
      count = failure == nil ? byteCount : 0
    }
    if let failure { throw failure }
    return DecodedImage(
      image: Image(width: placement.width, height: placement.height, pixels: pixels),
      header: header, orientationApplied: orientation)
  }

  private func decodeJPEG(
    _ bytes: Span<UInt8>, header: ImageHeader, at placement: OrientedPlacement,
    into pixels: UnsafeMutableBufferPointer<UInt8>
  ) -> ImageError? {
    var destination = unsafe cjpeg_destination(
      pixels: pixels.baseAddress, byte_count: pixels.count, width: UInt32(header.width),
      height: UInt32(header.height), origin: placement.origin, x_step: placement.xStep,
      y_step: placement.yStep)
    var report = cjpeg_report()
    let status = unsafe bytes.withUnsafeBufferPointer { source in
      unsafe cjpeg_decode_rgb(
        source.baseAddress, source.count, &destination,
        Int32(clamping: limits.maximumScans), &report)
    }
    switch status {
    case cjpeg_status_ok: return nil
    // The library reads ahead, so its own position is not where the bytes end.
    case cjpeg_status_truncated: return .truncated(.jpeg, byteOffset: bytes.count)
    case cjpeg_status_unsupported: return .unsupported(.jpeg, detail: report.text)
    case cjpeg_status_too_many_scans: return .tooManyScans(limit: limits.maximumScans)
    case cjpeg_status_out_of_memory:
      return .outOfMemory(width: header.width, height: header.height)
    default: return .corrupt(.jpeg, byteOffset: report.byte_offset, detail: report.text)
    }
  }

  private func decodePNG(
    _ bytes: Span<UInt8>, header: ImageHeader, at placement: OrientedPlacement,
    into pixels: UnsafeMutableBufferPointer<UInt8>
  ) -> ImageError? {
    var destination = unsafe cpng_destination(
      pixels: pixels.baseAddress, byte_count: pixels.count, width: UInt32(header.width),
      height: UInt32(header.height), origin: placement.origin, x_step: placement.xStep,
      y_step: placement.yStep)
    var report = cpng_report()
    let status = unsafe bytes.withUnsafeBufferPointer { source in
      unsafe cpng_decode_rgb(source.baseAddress, source.count, &destination, &report)
    }
    switch status {
    case cpng_status_ok: return nil
    case cpng_status_truncated: return .truncated(.png, byteOffset: bytes.count)
    case cpng_status_out_of_memory:
      return .outOfMemory(width: header.width, height: header.height)
    default: return .corrupt(.png, byteOffset: report.byte_offset, detail: report.text)
    }
  }
}

extension cjpeg_report {
  /// The library's words.
  var text: String { String(zeroTerminated: message) }
}

extension cpng_report {
  /// The library's words.
  var text: String { String(zeroTerminated: message) }
}

extension String {
  /// Makes a string of a C array's bytes up to the first zero.
  init<Characters: BitwiseCopyable>(zeroTerminated characters: Characters) {
    self = unsafe withUnsafeBytes(of: characters) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
