/// What bytes in no format of this build look like, so that an error can say more than "unknown".
public enum UnknownFormat: String, Sendable, CaseIterable {
  case gif = "GIF"
  case webp = "WebP"
  case bmp = "BMP"
  case tiff = "TIFF"
  case heic = "HEIC"
  case avif = "AVIF"
  case jpeg2000 = "JPEG 2000"
  case jpegXL = "JPEG XL"
  case icon = "an icon"
  case pdf = "PDF"
  case zip = "a ZIP archive"
  case gzip = "gzip data"
  case svg = "SVG"
  case html = "HTML"
  case json = "JSON"
  case base64 = "base64 text"
  case text = "plain text"
  case unrecognised = "no format that is known here"

  /// Guesses from the first 512 bytes.
  init(detecting bytes: Span<UInt8>) {
    self = Self.binaryFormat(bytes) ?? Self.textFormat(bytes) ?? .unrecognised
  }

  private static let signatures: [(bytes: [UInt8], format: Self)] = [
    (Array("GIF87a".utf8), .gif),
    (Array("GIF89a".utf8), .gif),
    (Array("BM".utf8), .bmp),
    ([0x49, 0x49, 0x2A, 0x00], .tiff),
    ([0x4D, 0x4D, 0x00, 0x2A], .tiff),
    ([0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20], .jpeg2000),
    ([0xFF, 0x4F, 0xFF, 0x51], .jpeg2000),
    ([0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20], .jpegXL),
    ([0xFF, 0x0A], .jpegXL),
    ([0x00, 0x00, 0x01, 0x00], .icon),
    (Array("%PDF-".utf8), .pdf),
    ([0x50, 0x4B, 0x03, 0x04], .zip),
    ([0x1F, 0x8B], .gzip),
  ]

  private static func binaryFormat(_ bytes: Span<UInt8>) -> Self? {
    for signature in signatures where bytes.starts(with: signature.bytes) {
      return signature.format
    }
    if bytes.count >= 12 {
      if bytes.starts(with: Array("RIFF".utf8)), bytes.holds(Array("WEBP".utf8), at: 8) {
        return .webp
      }
      // ISO base media files name their brand after "ftyp".
      if bytes.holds(Array("ftyp".utf8), at: 4) {
        if bytes.holds(Array("avi".utf8), at: 8) { return .avif }
        for brand in ["hei", "hev", "mif", "msf"] where bytes.holds(Array(brand.utf8), at: 8) {
          return .heic
        }
      }
    }
    return nil
  }

  private static func textFormat(_ bytes: Span<UInt8>) -> Self? {
    let count = min(bytes.count, 512)
    var characters: [UInt8] = []
    for index in 0..<count {
      let byte = bytes[index]
      let isText = byte >= 0x20 && byte != 0x7F || byte == 0x09 || byte == 0x0A || byte == 0x0D
      guard isText else { return nil }
      characters.append(byte)
    }
    guard let string = String(validating: characters, as: UTF8.self) else {
      return nil
    }
    let start = string.lowercased().drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return .html }
    if start.hasPrefix("<svg") || start.hasPrefix("<?xml") && start.contains("<svg") { return .svg }
    if start.hasPrefix("{") || start.hasPrefix("[") { return .json }
    if start.hasPrefix("data:image/") { return .base64 }
    // The signatures of the commonest formats as base64 shows them.
    if string.hasPrefix("/9j/") || string.hasPrefix("iVBORw0KGgo") { return .base64 }
    return .text
  }
}
