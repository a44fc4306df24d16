/// Pixels of BMP as run lengths: pairs of a count and a value, or escapes.
///
/// Source: Microsoft, "Bitmap Compression". Pixels that are skipped have the first colour.
enum BMPRuns {
  /// Decodes the picture, whose rows come from below; gives how many rows there are data for.
  static func decode(
    _ bytes: Span<UInt8>, _ file: BMPHeader, into destination: ImageDestination
  ) throws(ImageError) -> Int {
    let isNarrow = file.compression == .runLengths4
    var offset = file.pixelOffset
    var row = [UInt8](repeating: 0, count: file.width)
    var (x, line) = (0, 0)

    func put(_ index: Int) {
      if x < file.width { row[x] = UInt8(index) }
      x += 1
    }
    var pixels = [UInt8](repeating: 0, count: 3 * file.width)
    func finishRow() {
      for column in 0..<file.width { file.palette.write(Int(row[column]), to: &pixels, at: column) }
      destination.place(rgb: pixels.span, inRow: file.height - 1 - line)
      for column in 0..<file.width { row[column] = 0 }
      line += 1
    }

    while line < file.height {
      guard bytes.count - offset >= 2 else { return line }
      let (count, value) = (Int(bytes[offset]), Int(bytes[offset + 1]))
      offset += 2
      switch (count, value) {
      case (0, 0):
        finishRow()
        x = 0
      case (0, 1):
        while line < file.height { finishRow() }
      case (0, 2):
        guard bytes.count - offset >= 2 else { return line }
        x += Int(bytes[offset])
        for _ in 0..<min(Int(bytes[offset + 1]), file.height - line) { finishRow() }
        offset += 2
      case (0, _):
        let byteCount = isNarrow ? (value + 1) / 2 : value
        guard bytes.count - offset >= byteCount else { return line }
        for index in 0..<value {
          let byte = Int(bytes[offset + (isNarrow ? index / 2 : index)])
          put(isNarrow ? (index % 2 == 0 ? byte >> 4 : byte & 15) : byte)
        }
        // Such a run is padded to an even number of bytes.
        offset += byteCount + byteCount % 2
      default:
        for index in 0..<count {
          put(isNarrow ? (index % 2 == 0 ? value >> 4 : value & 15) : value)
        }
      }
    }
    return line
  }
}
