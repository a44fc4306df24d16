/// What a GIF says of its first frame before any of it is decoded.
///
/// Source: CompuServe, Graphics Interchange Format, version 89a, sections 17 to 25.
struct GIFFrame {
  /// The file's canvas, enlarged where the frame does not lie within it.
  private(set) var canvasWidth, canvasHeight: Int
  let left, top, width, height: Int
  let isInterlaced: Bool
  let palette: ColourPalette
  private(set) var transparentIndex: Int?
  /// Where the code size and then the blocks of data stand.
  let dataOffset: Int

  init(firstOf bytes: Span<UInt8>) throws(ImageError) {
    guard bytes.count >= 13 else { throw .truncated(.gif, byteOffset: bytes.count) }
    canvasWidth = bytes.littleEndian(at: 6, byteCount: 2)
    canvasHeight = bytes.littleEndian(at: 8, byteCount: 2)
    var offset = 13
    let global = try Self.palette(bytes, flags: bytes[10], at: &offset)
    while true {
      guard offset < bytes.count else { throw .truncated(.gif, byteOffset: bytes.count) }
      switch bytes[offset] {
      case 0x21:
        guard bytes.count - offset >= 2 else { throw .truncated(.gif, byteOffset: bytes.count) }
        let isControl = bytes[offset + 1] == 0xF9
        offset += 2
        if isControl, bytes.count - offset >= 5, bytes[offset] == 4, bytes[offset + 1] & 1 == 1 {
          transparentIndex = Int(bytes[offset + 4])
        }
        try Self.skipBlocks(bytes, &offset)
        continue
      case 0x2C: break
      case 0x3B:
        throw .corrupt(.gif, byteOffset: offset, detail: "it has no frame")
      default:
        throw .corrupt(.gif, byteOffset: offset, detail: "an unknown block")
      }
      break
    }
    guard bytes.count - offset >= 10 else { throw .truncated(.gif, byteOffset: bytes.count) }
    left = bytes.littleEndian(at: offset + 1, byteCount: 2)
    top = bytes.littleEndian(at: offset + 3, byteCount: 2)
    width = bytes.littleEndian(at: offset + 5, byteCount: 2)
    height = bytes.littleEndian(at: offset + 7, byteCount: 2)
    guard width > 0, height > 0 else {
      throw .corrupt(.gif, byteOffset: offset, detail: "its size is \(width) x \(height) pixels")
    }
    let flags = bytes[offset + 9]
    isInterlaced = flags & 0x40 != 0
    offset += 10
    let local = try Self.palette(bytes, flags: flags, at: &offset)
    palette = local ?? global ?? ColourPalette()
    dataOffset = offset
    canvasWidth = max(canvasWidth, left + width)
    canvasHeight = max(canvasHeight, top + height)
  }

  /// The rows in the order in which they are stored: interlaced ones in four passes.
  var rows: [Int] {
    guard isInterlaced else { return Array(0..<height) }
    return [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { first, step in
      Array(stride(from: first, to: height, by: step))
    }
  }

  private static func palette(
    _ bytes: Span<UInt8>, flags: UInt8, at offset: inout Int
  ) throws(ImageError) -> ColourPalette? {
    guard flags & 0x80 != 0 else { return nil }
    let byteCount = 3 << (Int(flags & 7) + 1)
    guard bytes.count - offset >= byteCount else {
      throw .truncated(.gif, byteOffset: bytes.count)
    }
    defer { offset += byteCount }
    return ColourPalette(rgb: bytes, in: offset..<offset + byteCount)
  }

  private static func skipBlocks(_ bytes: Span<UInt8>, _ offset: inout Int) throws(ImageError) {
    while offset < bytes.count {
      let length = Int(bytes[offset])
      offset += 1 + length
      if length == 0 { return }
    }
    throw .truncated(.gif, byteOffset: bytes.count)
  }
}
