/// A picture and what its file said about it.
public struct DecodedImage: Sendable, Equatable {
  /// The picture, upright where the orientation was applied.
  public var image: Image

  /// The file's header; its width and height are those before the orientation was applied.
  public var header: ImageHeader

  /// What was done to the stored picture; `.identity` where nothing was stated or it was ignored.
  public var orientationApplied: Orientation

  /// What was odd about the file; empty for nearly all.
  public var warnings: [ImageWarning] = []
}

/// Decodes picture files to RGB of 8 bits; `ImageFormat.all` lists the formats.
///
/// Alpha is composited over white. Colour profiles are not applied: detectors are trained on the samples
/// as they are stored.
public struct ImageDecoder: Sendable, Hashable {
  /// How large a picture may be.
  public var limits: ImageLimits

  /// Whether the orientation that the file states is applied.
  public var appliesOrientation: Bool

  /// Whether a picture that is cut is decoded as far as it is there, instead of refused.
  public var acceptsTruncated: Bool

  /// Which of a file's pictures is decoded, counted from 0.
  public var page: Int

  /// Makes a decoder.
  public init(
    limits: ImageLimits = ImageLimits(), appliesOrientation: Bool = true,
    acceptsTruncated: Bool = false, page: Int = 0
  ) {
    precondition(page >= 0, "page \(page)")
    self.limits = limits
    self.appliesOrientation = appliesOrientation
    self.acceptsTruncated = acceptsTruncated
    self.page = page
  }

  /// Reads a file's header and holds it against the limits.
  public func header(of bytes: Span<UInt8>) throws(ImageError) -> ImageHeader {
    let header = try ImageHeader(parsing: bytes, page: page)
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
  /// picture's end are ignored, and so are up to 4,096 before its beginning.
  ///
  /// - Parameter bytes: the whole file.
  /// - Returns: the picture with its header.
  /// - Throws: `ImageError`, which says what is wrong, where, and how to mend it.
  public func decode(_ bytes: Span<UInt8>) throws(ImageError) -> DecodedImage {
    let (codec, offset) = try ImageCodecs.locate(in: bytes)
    let file = bytes.extracting(offset..<bytes.count)
    let header = try header(of: file)
    let orientation = appliesOrientation ? header.orientation ?? .identity : .identity
    let placement = OrientedPlacement(
      width: header.width, height: header.height, orientation: orientation)
    let byteCount = 3 * header.width * header.height
    var outcome: Result<[ImageWarning], ImageError> = .success([])
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      // Safety: the buffer has room for `byteCount` bytes, and lives as long as the call. Codecs write
      // every byte of it where they succeed.
      let target = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<byteCount])
      let destination = unsafe ImageDestination(target, header, at: placement)
      outcome = Result { () throws(ImageError) in
        try codec.decode(file, header, self, into: destination)
      }
      if case .success = outcome { count = byteCount }
    }
    var warnings = try outcome.get()
    if offset > 0 {
      let detail = "\(offset) bytes stand before the picture and were passed over."
      warnings.insert(ImageWarning(.leadingBytes, detail), at: 0)
    }
    if let profile = header.ignoredProfile {
      let detail =
        "The colour profile '\(profile)' was not applied: detectors are trained on samples as stored."
      warnings.append(ImageWarning(.profileIgnored, detail))
    }
    return DecodedImage(
      image: Image(width: placement.width, height: placement.height, pixels: pixels),
      header: header, orientationApplied: orientation, warnings: warnings)
  }
}
