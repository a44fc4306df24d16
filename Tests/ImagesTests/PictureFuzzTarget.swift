@testable import Images

/// What is fuzzed of pictures: files of each format, and Exif data by themselves.
///
/// Shared by the tests, which replay the corpus, and by libFuzzer (`scripts/fuzz jpeg`, `png`, `exif`).
enum PictureFuzzTarget: String, CaseIterable, Sendable {
  case jpeg
  case png
  case exif

  /// Reads some bytes; traps where a promise is broken.
  func run(_ bytes: [UInt8]) {
    switch self {
    case .jpeg: decode(bytes, .jpeg)
    case .png: decode(bytes, .png)
    case .exif: _ = Orientation(exif: bytes.span, in: 0..<bytes.count)
    }
  }

  private func decode(_ bytes: [UInt8], _ format: ImageFormat) {
    // Small enough for a run to be short, large enough for the pictures of the corpus.
    let limits = ImageLimits(maximumPixels: 1 << 14)
    guard let header = try? ImageHeader(parsing: bytes), header.format == format else { return }
    for appliesOrientation in [true, false] {
      let decoder = ImageDecoder(limits: limits, appliesOrientation: appliesOrientation)
      guard let picture = try? decoder.decode(bytes) else { return }
      let image = picture.image
      precondition(image.width * image.height == header.width * header.height, "\(header)")
      precondition(image.pixels.count == 3 * image.width * image.height, "\(header)")
    }
  }
}
