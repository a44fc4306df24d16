#if WebP
  internal import CPicture
  internal import CWebP

  extension ImageFormat {
    /// WebP: lossy, lossless, with alpha, and the first frame of animations.
    public static let webp = ImageFormat(
      "WebP", mediaTypes: ["image/webp"], fileExtensions: ["webp"])
  }

  /// WebP through libwebp.
  ///
  /// Alpha is composited over white.
  enum WebPCodec: EncodingImageCodec {
    static let format = ImageFormat.webp

    static func likeness(of bytes: Span<UInt8>) -> Likeness {
      guard bytes.starts(with: Array("RIFF".utf8)) else { return .no }
      if bytes.count < 12 { return .cutShort }
      return bytes.holds(Array("WEBP".utf8), at: 8) ? .yes : .no
    }

    static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader {
      let file = try WebPFile(bytes)
      return ImageHeader(
        format: .webp, width: file.width, height: file.height,
        colourMode: file.hasAlpha ? .rgba : .rgb, bitDepth: 8, orientation: file.orientation,
        ignoredProfile: file.ignoredProfile)
    }

    static func decode(
      _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
      into destination: ImageDestination
    ) throws(ImageError) -> [ImageWarning] {
      let file = try WebPFile(bytes)
      let source = bytes.extracting(file.frame?.range ?? 0..<bytes.count)
      var frame = cwebp_frame(
        x: UInt32(file.frame?.x ?? 0), y: UInt32(file.frame?.y ?? 0),
        width: UInt32(file.frame?.width ?? file.width),
        height: UInt32(file.frame?.height ?? file.height))
      var report = picture_report()
      // Safety: the function reads the span's bytes only, and checks that the destination holds the
      // frame; it writes every pixel where it succeeds.
      let status = unsafe try destination.withPointer { destination throws(ImageError) in
        unsafe source.withUnsafeBufferPointer { source in
          unsafe cwebp_decode_rgb(
            source.baseAddress, source.count, &frame, destination, decoder.acceptsTruncated, &report
          )
        }
      }
      if let error = report.error(status, header, byteCount: bytes.count, decoder.limits) {
        throw error
      }
      return report.warnings(height: header.height)
    }

    static let maximumSide = 16_383

    /// Writes lossy WebP.
    static func encode(_ image: Image, quality: Int) throws(ImageError) -> [UInt8] {
      var encoded: UnsafeMutablePointer<UInt8>?
      var count = 0
      // Safety: `Image` holds `3 * width * height` bytes, which is what the function reads.
      let status = unsafe image.pixels.withUnsafeBufferPointer { pixels in
        unsafe cwebp_encode_rgb(
          pixels.baseAddress, UInt32(image.width), UInt32(image.height), Int32(quality), &encoded,
          &count)
      }
      guard status == picture_status_ok, let bytes = unsafe encoded else {
        throw .outOfMemory(width: image.width, height: image.height)
      }
      defer { unsafe cwebp_free(bytes) }
      // Safety: on success the function gives `count` bytes.
      return unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
    }
  }

  /// What the chunks of a WebP file say.
  ///
  /// Source: RFC 9649, sections 2.5 to 2.7 and 3.4.
  private struct WebPFile {
    /// The first frame of an animation.
    struct Frame {
      var x, y, width, height: Int
      /// Where its own chunks lie.
      var range: Range<Int>
    }

    var width, height: Int
    var hasAlpha: Bool
    var orientation: Orientation?
    var ignoredProfile: String?
    /// `nil` where the file is no animation.
    var frame: Frame?

    init(_ bytes: Span<UInt8>) throws(ImageError) {
      let first = try Self.chunk(bytes, at: 12)
      switch first.name {
      case "VP8 ": self = try Self.lossy(bytes, first.payload)
      case "VP8L": self = try Self.lossless(bytes, first.payload)
      case "VP8X": self = try Self.extended(bytes, first.payload)
      default:
        throw .corrupt(.webp, byteOffset: 12, detail: "it begins with a chunk '\(first.name)'")
      }
    }

    private init(width: Int, height: Int, hasAlpha: Bool) {
      self.width = width
      self.height = height
      self.hasAlpha = hasAlpha
    }

    /// A chunk's name and contents, as far as they are there.
    private static func chunk(
      _ bytes: Span<UInt8>, at offset: Int
    ) throws(ImageError) -> (name: String, payload: Range<Int>) {
      guard bytes.count - offset >= 8 else { throw .truncated(.webp, byteOffset: bytes.count) }
      let name = String(decoding: (0..<4).map { bytes[offset + $0] }, as: UTF8.self)
      let length = bytes.littleEndian(at: offset + 4, byteCount: 4)
      let start = offset + 8
      return (name, start..<start + min(length, bytes.count - start))
    }

    private static func need(_ count: Int, in payload: Range<Int>, _ bytes: Span<UInt8>)
      throws(ImageError)
    {
      if payload.count >= count { return }
      if payload.upperBound == bytes.count { throw .truncated(.webp, byteOffset: bytes.count) }
      throw .corrupt(
        .webp, byteOffset: payload.lowerBound, detail: "a chunk of \(payload.count) bytes")
    }

    /// A key frame's header: RFC 6386, section 9.1.
    private static func lossy(
      _ bytes: Span<UInt8>, _ payload: Range<Int>
    ) throws(ImageError) -> WebPFile {
      try need(10, in: payload, bytes)
      let start = payload.lowerBound
      guard bytes.holds([0x9D, 0x01, 0x2A], at: start + 3) else {
        throw .corrupt(.webp, byteOffset: start, detail: "its frame has no start code")
      }
      return try sized(
        bytes.littleEndian(at: start + 6, byteCount: 2) & 0x3FFF,
        bytes.littleEndian(at: start + 8, byteCount: 2) & 0x3FFF, hasAlpha: false, at: start)
    }

    private static func lossless(
      _ bytes: Span<UInt8>, _ payload: Range<Int>
    ) throws(ImageError) -> WebPFile {
      try need(5, in: payload, bytes)
      let start = payload.lowerBound
      guard bytes[start] == 0x2F else {
        throw .corrupt(.webp, byteOffset: start, detail: "its frame has no signature")
      }
      let bits = bytes.littleEndian(at: start + 1, byteCount: 4)
      return try sized(
        (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, hasAlpha: bits >> 28 & 1 == 1, at: start)
    }

    private static func sized(
      _ width: Int, _ height: Int, hasAlpha: Bool, at offset: Int
    ) throws(ImageError) -> WebPFile {
      guard width > 0, height > 0 else {
        throw .corrupt(
          .webp, byteOffset: offset, detail: "its size is \(width) x \(height) pixels")
      }
      return WebPFile(width: width, height: height, hasAlpha: hasAlpha)
    }

    private static func extended(
      _ bytes: Span<UInt8>, _ payload: Range<Int>
    ) throws(ImageError) -> WebPFile {
      try need(10, in: payload, bytes)
      let start = payload.lowerBound
      let flags = bytes[start]
      var file = WebPFile(
        width: bytes.littleEndian(at: start + 4, byteCount: 3) + 1,
        height: bytes.littleEndian(at: start + 7, byteCount: 3) + 1, hasAlpha: flags & 0x10 != 0)
      let isAnimation = flags & 0x02 != 0
      var offset = payload.upperBound + (payload.count & 1)
      while bytes.count - offset >= 8 {
        let (name, content) = try chunk(bytes, at: offset)
        if name == "EXIF", file.orientation == nil {
          let head = bytes.holds(Array("Exif\0\0".utf8), at: content.lowerBound) ? 6 : 0
          file.orientation = Orientation(exif: bytes, in: content.dropFirst(head))
        }
        if name == "ICCP" {
          file.ignoredProfile = ColourProfile.nameUnlessSRGB(bytes.extracting(content))
        }
        if isAnimation, name == "ANMF", file.frame == nil {
          file.frame = try firstFrame(bytes, content, of: file)
        }
        offset = content.upperBound + (content.count & 1)
      }
      guard isAnimation, file.frame == nil else { return file }
      throw .truncated(.webp, byteOffset: bytes.count)
    }

    private static func firstFrame(
      _ bytes: Span<UInt8>, _ payload: Range<Int>, of file: WebPFile
    ) throws(ImageError) -> Frame {
      try need(16, in: payload, bytes)
      let start = payload.lowerBound
      func number(_ offset: Int) -> Int { bytes.littleEndian(at: start + offset, byteCount: 3) }
      let frame = Frame(
        x: 2 * number(0), y: 2 * number(3), width: number(6) + 1, height: number(9) + 1,
        range: start + 16..<payload.upperBound)
      guard frame.x + frame.width <= file.width, frame.y + frame.height <= file.height else {
        throw .corrupt(.webp, byteOffset: start, detail: "a frame lies outside the picture")
      }
      return frame
    }
  }
#endif
