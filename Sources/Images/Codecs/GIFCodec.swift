extension ImageFormat {
  /// GIF: the first frame of each.
  public static let gif = ImageFormat("GIF", mediaTypes: ["image/gif"], fileExtensions: ["gif"])
}

/// The first frame of a GIF, on the file's canvas.
///
/// What is transparent, or left uncovered by a frame with transparency, is white; what a frame without
/// transparency leaves uncovered has the first colour, as Pillow has it.
enum GIFCodec: ImageCodec {
  static let format = ImageFormat.gif

  static func likeness(of bytes: Span<UInt8>) -> Likeness {
    let newer = Likeness(of: bytes, to: Array("GIF89a".utf8), atLeast: 3)
    return newer == .no ? Likeness(of: bytes, to: Array("GIF87a".utf8), atLeast: 3) : newer
  }

  static func header(of bytes: Span<UInt8>, page: Int) throws(ImageError) -> ImageHeader {
    let frame = try GIFFrame(firstOf: bytes)
    return ImageHeader(
      format: .gif, width: frame.canvasWidth, height: frame.canvasHeight, colourMode: .palette,
      bitDepth: 8, isProgressive: frame.isInterlaced)
  }

  static func decode(
    _ bytes: Span<UInt8>, _ header: ImageHeader, _ decoder: ImageDecoder,
    into destination: ImageDestination
  ) throws(ImageError) -> [ImageWarning] {
    let frame = try GIFFrame(firstOf: bytes)
    let (indices, count, isCut) = try GIFPixels.decode(bytes, frame)
    var warnings: [ImageWarning] = []
    var missing: Range<Int>?
    if count < indices.count {
      guard isCut else {
        throw .corrupt(
          .gif, byteOffset: frame.dataOffset, detail: "its data end before its pixels do")
      }
      // Rows of an interlaced frame come in four passes, all over the picture.
      let whole = frame.isInterlaced ? 0 : count / frame.width
      guard decoder.acceptsTruncated, whole > 0 else {
        throw .truncated(.gif, byteOffset: bytes.count)
      }
      missing = frame.top + whole..<frame.canvasHeight
      warnings.append(.truncated(frame.top + whole..<frame.canvasHeight, of: frame.canvasHeight))
    }
    var row = [UInt8](repeating: 0, count: 4 * frame.canvasWidth)
    let rowOfLine = frame.rows
    var lineOfRow = [Int](repeating: 0, count: frame.height)
    for (line, row) in rowOfLine.enumerated() { lineOfRow[row] = line }
    for y in 0..<(missing?.lowerBound ?? frame.canvasHeight) {
      for x in 0..<frame.canvasWidth {
        frame.palette.write(0, toRGBA: &row, at: x)
        row[4 * x + 3] = frame.transparentIndex == nil ? 255 : 0
      }
      if frame.top..<frame.top + frame.height ~= y {
        let start = lineOfRow[y - frame.top] * frame.width
        for x in 0..<frame.width {
          let index = indices[start + x]
          frame.palette.write(Int(index), toRGBA: &row, at: frame.left + x)
          row[4 * (frame.left + x) + 3] = Int(index) == frame.transparentIndex ? 0 : 255
        }
      }
      destination.place(rgba: row.span, inRow: y)
    }
    if let missing { destination.fillMissing(rows: missing) }
    return warnings
  }
}
