@testable import Images

/// What is fuzzed of pictures: files of each format, and Exif data by themselves.
///
/// Shared by the tests, which replay the corpus, and by libFuzzer (`scripts/fuzz jpeg`, `png`, `webp`, `tiff`,
/// `bmp`, `gif`, `heif`, `exif`).
enum PictureFuzzTarget: String, CaseIterable, Sendable {
  case jpeg
  case png
  case webp
  case tiff
  case bmp
  case gif
  #if HEIF
    case heif
  #endif
  case exif

  /// Reads some bytes; traps where a promise is broken.
  func run(_ bytes: [UInt8]) {
    switch self {
    case .jpeg, .webp, .tiff, .bmp, .gif: decode(bytes, [rawValue])
    #if HEIF
      case .heif: decode(bytes, ["avif", "heic"])
    #endif
    case .png:
      decode(bytes, [rawValue])
      // With checksums that fit, without which hardly any change would come further than its chunk.
      decode(Self.repairingChecksums(of: bytes), [rawValue])
    case .exif: _ = Orientation(exif: bytes.span, in: 0..<bytes.count)
    }
  }

  /// The bytes with the CRC-32 that each of a PNG's whole chunks should have (PNG specification,
  /// section 5.3: length, type, data, CRC of type and data).
  private static func repairingChecksums(of bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var start = 8
    while start + 12 <= bytes.count {
      let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = start + 8 + length
      guard end + 4 <= bytes.count else { break }
      var crc = UInt32.max
      for byte in bytes[start + 4..<end] {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
      }
      for index in 0..<4 {
        bytes[end + index] = UInt8(truncatingIfNeeded: ~crc >> (24 - 8 * index))
      }
      start = end + 4
    }
    return bytes
  }

  private func decode(_ bytes: [UInt8], _ formats: [String]) {
    // Small enough for a run to be short, large enough for the pictures of the corpus.
    let limits = ImageLimits(maximumPixels: 1 << 14)
    guard let header = try? ImageHeader(parsing: bytes), formats.contains(header.format.identifier)
    else { return }
    for isLenient in [false, true] {
      let decoder = ImageDecoder(
        limits: limits, appliesOrientation: !isLenient, acceptsTruncated: isLenient,
        page: isLenient && header.pageCount > 1 ? 1 : 0)
      guard let header = try? decoder.header(of: bytes), let picture = try? decoder.decode(bytes)
      else { continue }
      let image = picture.image
      precondition(image.width * image.height == header.width * header.height, "\(header)")
      precondition(image.pixels.count == 3 * image.width * image.height, "\(header)")
    }
  }
}
