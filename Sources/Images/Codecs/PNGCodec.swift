internal import CPNG
internal import CPicture

extension ImageFormat {
  /// PNG (ISO/IEC 15948), every colour type and bit depth.
  public static let png = ImageFormat("PNG", mediaTypes: ["image/png"], fileExtensions: ["png"])
}

/// PNG through libpng.
///
/// Alpha is composited over white. gAMA, cHRM, sRGB and iCCP are not applied: detectors are trained on
/// the samples as they are stored.
enum PNGCodec: EncodingImageCodec {
  static let format = ImageFormat.png

  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  static var embeddedSignature: [UInt8]? { signature }

  static func likeness(of bytes: Span<UInt8>) -> Likeness { Likeness(of: bytes, to: signature) }

  static func decode(
    _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
    into destination: ImageDestination
  ) throws(ImageError) -> [ImageWarning] {
    var report = picture_report()
    // Safety: the function reads the span's bytes only, and checks that the destination holds the
    // picture; it writes every pixel where it succeeds.
    let status = unsafe try destination.withPointer { destination throws(ImageError) in
      unsafe bytes.withUnsafeBufferPointer { source in
        unsafe cpng_decode_rgb(
          source.baseAddress, source.count, destination, decoder.acceptsTruncated, &report)
      }
    }
    if let error = report.error(status, header, byteCount: bytes.count, decoder.limits) {
      throw error
    }
    return report.warnings(height: header.height)
  }

  static let maximumSide = 0x7FFF_FFFF

  /// Writes 8 bits RGB; nothing is lost, so the quality says nothing.
  static func encode(_ image: Image, quality: Int) throws(ImageError) -> [UInt8] {
    var encoded: UnsafeMutablePointer<UInt8>?
    var count = 0
    var report = picture_report()
    // Safety: `Image` holds `3 * width * height` bytes, which is what the function reads.
    let status = unsafe image.pixels.withUnsafeBufferPointer { pixels in
      unsafe cpng_encode_rgb(
        pixels.baseAddress, UInt32(image.width), UInt32(image.height), &encoded, &count, &report)
    }
    guard status == picture_status_ok, let bytes = unsafe encoded else {
      throw .outOfMemory(width: image.width, height: image.height)
    }
    defer { unsafe cpng_free(bytes) }
    // Safety: on success the function gives `count` bytes.
    return unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
  }
}
