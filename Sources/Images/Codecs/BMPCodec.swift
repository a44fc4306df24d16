extension ImageFormat {
  /// BMP, from OS/2's first header to Windows' fifth.
  public static let bmp = ImageFormat(
    "BMP", mediaTypes: ["image/bmp", "image/x-ms-bmp"], fileExtensions: ["bmp", "dib"])
}

/// BMP of 1, 4, 8, 16, 24 and 32 bits a pixel, run lengths and bit fields included.
///
/// Shades of fewer than 8 bits are spread over 255 and rounded down, as Pillow does. Alpha is composited
/// over white; where it is 0 in every pixel, it was never meant, and the picture is opaque.
enum BMPCodec: ImageCodec {
  static let format = ImageFormat.bmp

  static func likeness(of bytes: Span<UInt8>) -> Likeness {
    guard bytes.starts(with: Array("BM".utf8)) else { return .no }
    // Two letters are little: the length of the second header has to be one that there is.
    guard bytes.count >= 18 else { return bytes.count > 2 ? .cutShort : .no }
    return BMPHeader.lengths.contains(bytes.littleEndian(at: 14, byteCount: 4)) ? .yes : .no
  }

  static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader {
    try BMPHeader(bytes).imageHeader
  }

  static func decode(
    _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
    into destination: ImageDestination
  ) throws(ImageError) -> [ImageWarning] {
    let file = try BMPHeader(bytes)
    let whole: Int
    switch file.compression {
    case .runLengths8, .runLengths4:
      whole = try BMPRuns.decode(bytes, file, into: destination)
    case .none, .bitFields:
      whole = rows(of: bytes, file, into: destination)
    }
    if whole == file.height { return [] }
    guard decoder.acceptsTruncated, whole > 0 else {
      throw .truncated(.bmp, byteOffset: bytes.count)
    }
    // Rows are stored from below, unless the header says otherwise.
    let missing = file.isTopDown ? whole..<file.height : 0..<file.height - whole
    destination.fillMissing(rows: missing)
    return [.truncated(missing, of: file.height)]
  }

  /// Decodes rows that are stored one after the other; gives how many are there.
  private static func rows(
    of bytes: Span<UInt8>, _ file: BMPHeader, into destination: ImageDestination
  ) -> Int {
    let stride = (file.width * file.bitsPerPixel + 31) / 32 * 4
    // The last row's padding may be missing.
    let needed = (file.width * file.bitsPerPixel + 7) / 8
    let left = bytes.count - file.pixelOffset
    let whole = left < needed ? 0 : min(file.height, (left - needed) / stride + 1)
    let fields = file.fields
    let hasAlpha = fields.map { usesAlpha(bytes, file, $0, rows: whole) } ?? false
    var row = [UInt8](repeating: 255, count: (hasAlpha ? 4 : 3) * file.width)
    for line in 0..<whole {
      let start = file.pixelOffset + line * stride
      if let fields {
        let byteCount = file.bitsPerPixel / 8
        for x in 0..<file.width {
          let pixel = UInt32(bytes.littleEndian(at: start + x * byteCount, byteCount: byteCount))
          let target = (hasAlpha ? 4 : 3) * x
          for channel in 0..<(hasAlpha ? 4 : 3) {
            row[target + channel] = fields[channel].shade(of: pixel)
          }
        }
      } else {
        for x in 0..<file.width {
          let bit = x * file.bitsPerPixel
          let shift = 8 - file.bitsPerPixel - bit % 8
          let index = Int(bytes[start + bit / 8] >> shift) & (1 << file.bitsPerPixel - 1)
          file.palette.write(index, to: &row, at: x)
        }
      }
      let y = file.isTopDown ? line : file.height - 1 - line
      if hasAlpha {
        destination.place(rgba: row.span, inRow: y)
      } else {
        destination.place(rgb: row.span, inRow: y)
      }
    }
    return whole
  }

  /// Whether alpha is there and is not 0 everywhere.
  private static func usesAlpha(
    _ bytes: Span<UInt8>, _ file: BMPHeader, _ fields: [BMPField], rows: Int
  ) -> Bool {
    guard fields[3].mask != 0 else { return false }
    let byteCount = file.bitsPerPixel / 8
    let stride = (file.width * file.bitsPerPixel + 31) / 32 * 4
    for line in 0..<rows {
      for x in 0..<file.width {
        let at = file.pixelOffset + line * stride + x * byteCount
        if UInt32(bytes.littleEndian(at: at, byteCount: byteCount)) & fields[3].mask != 0 {
          return true
        }
      }
    }
    return false
  }
}
