/// The headers of a BMP file, checked, and its palette.
///
/// Source: Microsoft, "Bitmap Storage" and BITMAPINFOHEADER to BITMAPV5HEADER; OS/2's BITMAPCOREHEADER.
struct BMPHeader {
  /// How pixels are stored.
  enum Compression: Int {
    case none = 0
    case runLengths8 = 1
    case runLengths4 = 2
    case bitFields = 3
  }

  /// The second header's lengths: OS/2 1 and 2, Windows 3 with and without masks, 4, 5.
  static let lengths: Set<Int> = [12, 40, 52, 56, 64, 108, 124]

  let width, height: Int
  let isTopDown: Bool
  let bitsPerPixel: Int
  let compression: Compression
  let palette: ColourPalette
  /// Red, green, blue, alpha of pixels without a palette.
  let fields: [BMPField]?
  let pixelOffset: Int

  init(_ bytes: Span<UInt8>) throws(ImageError) {
    guard bytes.count >= 26 else { throw .truncated(.bmp, byteOffset: bytes.count) }
    let length = bytes.littleEndian(at: 14, byteCount: 4)
    guard bytes.count >= 14 + length else { throw .truncated(.bmp, byteOffset: bytes.count) }
    let isOld = length == 12
    func field(_ offset: Int, _ byteCount: Int) -> Int {
      offset + byteCount <= length ? bytes.littleEndian(at: 14 + offset, byteCount: byteCount) : 0
    }
    width = isOld ? field(4, 2) : Int(Int32(truncatingIfNeeded: field(4, 4)))
    let stated = isOld ? field(6, 2) : Int(Int32(truncatingIfNeeded: field(8, 4)))
    height = abs(stated)
    isTopDown = stated < 0
    guard width > 0, height > 0, height <= 0x7FFF_FFFF else {
      throw .corrupt(
        .bmp, byteOffset: 18, detail: "its size is \(width) x \(stated) pixels")
    }
    bitsPerPixel = isOld ? field(10, 2) : field(14, 2)
    let number = isOld ? 0 : field(16, 4)
    // BI_ALPHABITFIELDS is BI_BITFIELDS with a fourth mask.
    guard let compression = Compression(rawValue: number == 6 && length != 64 ? 3 : number),
      !(number == 3 && length == 64)
    else {
      throw .unsupported(.bmp, detail: "its compression has the number \(number)")
    }
    self.compression = compression
    let fits =
      switch compression {
      case .none: [1, 4, 8, 16, 24, 32].contains(bitsPerPixel)
      case .runLengths8: bitsPerPixel == 8 && !isTopDown
      case .runLengths4: bitsPerPixel == 4 && !isTopDown
      case .bitFields: bitsPerPixel == 16 || bitsPerPixel == 32
      }
    guard fits else {
      throw .unsupported(
        .bmp, detail: "it has \(bitsPerPixel) bits a pixel and compression \(number)")
    }
    var end = 14 + length
    if compression == .bitFields, length == 40 {
      let count = number == 6 ? 4 : 3
      guard bytes.count >= end + 4 * count else {
        throw .truncated(.bmp, byteOffset: bytes.count)
      }
      end += 4 * count
    }
    fields = try BMPField.all(
      bytes, bitsPerPixel: bitsPerPixel, isStated: compression == .bitFields,
      hasAlpha: length >= 56 || number == 6)
    if bitsPerPixel <= 8 {
      let most = 1 << bitsPerPixel
      let used = isOld ? 0 : field(32, 4)
      let count = used == 0 ? most : min(used, most)
      palette = ColourPalette(bytes, at: end, count: count, entryBytes: isOld ? 3 : 4)
      end += count * (isOld ? 3 : 4)
    } else {
      palette = ColourPalette()
    }
    let offset = bytes.littleEndian(at: 10, byteCount: 4)
    pixelOffset = offset >= 14 + length ? offset : end
  }

  var imageHeader: ImageHeader {
    ImageHeader(
      format: .bmp, width: width, height: height,
      colourMode: bitsPerPixel <= 8 ? .palette : fields?[3].mask ?? 0 == 0 ? .rgb : .rgba,
      bitDepth: min(bitsPerPixel, 8))
  }
}

/// Some bits of a pixel.
struct BMPField {
  let mask: UInt32
  private let shift: Int
  private let largest: UInt32

  /// Takes the bits of a mask, which must hang together.
  init(_ mask: UInt32) throws(ImageError) {
    self.mask = mask
    shift = mask == 0 ? 0 : mask.trailingZeroBitCount
    largest = mask >> UInt32(shift)
    guard largest & (largest &+ 1) == 0 else {
      throw .unsupported(.bmp, detail: "the bits of a colour do not hang together")
    }
  }

  /// The bits of a pixel, spread over 255 and rounded down.
  func shade(of pixel: UInt32) -> UInt8 {
    largest == 0 ? 0 : UInt8(UInt64((pixel & mask) >> UInt32(shift)) * 255 / UInt64(largest))
  }

  /// The fields of red, green, blue and alpha; `nil` where pixels are indices of a palette.
  static func all(
    _ bytes: Span<UInt8>, bitsPerPixel: Int, isStated: Bool, hasAlpha: Bool
  ) throws(ImageError) -> [BMPField]? {
    var masks: [UInt32]
    switch (bitsPerPixel, isStated) {
    case (16...32, true):
      // The masks follow the first 40 bytes of the header, whether it has them or they follow it.
      masks = (0..<(hasAlpha ? 4 : 3)).map {
        UInt32(bytes.littleEndian(at: 54 + 4 * $0, byteCount: 4))
      }
    case (16, _): masks = [0x7C00, 0x03E0, 0x001F]
    case (24, _), (32, _): masks = [0xFF_0000, 0xFF00, 0xFF]
    default: return nil
    }
    if masks.count == 3 { masks.append(0) }
    var fields: [BMPField] = []
    for mask in masks { fields.append(try BMPField(mask)) }
    return fields
  }
}
