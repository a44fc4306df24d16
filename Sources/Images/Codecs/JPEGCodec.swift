internal import CJPEG
internal import CPicture

extension ImageFormat {
  /// JPEG (ITU-T T.81): baseline or progressive, 8 bits a sample.
  public static let jpeg = ImageFormat(
    "JPEG", mediaTypes: ["image/jpeg", "image/jpg"], fileExtensions: ["jpg", "jpeg"])
}

/// JPEG through libjpeg(-turbo).
///
/// The slow integer DCT and triangular upsampling are used, as other programs do by default. CMYK and
/// YCCK are inverted first, with or without an Adobe marker, as Pillow does. Damage that libjpeg would
/// paper over with grey is an error. Profiles (ICC) are not applied.
enum JPEGCodec: EncodingImageCodec {
  static let format = ImageFormat.jpeg

  static let embeddedSignature: [UInt8]? = [0xFF, 0xD8, 0xFF]

  static func likeness(of bytes: Span<UInt8>) -> Likeness {
    Likeness(of: bytes, to: [0xFF, 0xD8, 0xFF], atLeast: 2)
  }

  static func decode(
    _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
    into destination: ImageDestination
  ) throws(ImageError) -> [ImageWarning] {
    var report = picture_report()
    // Safety: the function reads the span's bytes only, and checks that the destination holds the
    // picture; it writes every pixel where it succeeds.
    let status = unsafe try destination.withPointer { destination throws(ImageError) in
      unsafe bytes.withUnsafeBufferPointer { source in
        unsafe cjpeg_decode_rgb(
          source.baseAddress, source.count, destination,
          Int32(clamping: decoder.limits.maximumScans), decoder.acceptsTruncated, &report)
      }
    }
    if let error = report.error(status, header, byteCount: bytes.count, decoder.limits) {
      throw error
    }
    return report.warnings(height: header.height)
  }

  static let maximumSide = 65_500

  /// Writes baseline JPEG, YCbCr with 4:2:0 sampling.
  static func encode(_ image: Image, quality: Int) throws(ImageError) -> [UInt8] {
    var encoded: UnsafeMutablePointer<UInt8>?
    var count = 0
    var report = picture_report()
    // Safety: `Image` holds `3 * width * height` bytes, which is what the function reads.
    let status = unsafe image.pixels.withUnsafeBufferPointer { pixels in
      unsafe cjpeg_encode_rgb(
        pixels.baseAddress, UInt32(image.width), UInt32(image.height), Int32(quality), &encoded,
        &count, &report)
    }
    guard status == picture_status_ok, let bytes = unsafe encoded else {
      throw .outOfMemory(width: image.width, height: image.height)
    }
    defer { unsafe cjpeg_free(bytes) }
    // Safety: on success the function gives `count` bytes.
    return unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
  }
}
