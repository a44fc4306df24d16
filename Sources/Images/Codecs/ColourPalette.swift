/// Up to 256 colours that pixels name by number; a number without a colour is black.
struct ColourPalette {
  private var colours: [UInt8] = []

  /// Makes a palette without colours.
  init() {}

  /// Reads red, green and blue of each colour, one after the other.
  init(rgb bytes: Span<UInt8>, in range: Range<Int>) {
    colours = range.map { bytes[$0] }
  }

  /// Reads colours that begin with blue, green and red, as far as the bytes go.
  init(_ bytes: Span<UInt8>, at offset: Int, count: Int, entryBytes: Int) {
    for index in 0..<count {
      let entry = offset + entryBytes * index
      guard entry + 3 <= bytes.count else { return }
      colours += [bytes[entry + 2], bytes[entry + 1], bytes[entry]]
    }
  }

  /// Writes a colour to the pixel at an index of a row of RGB.
  func write(_ number: Int, to row: inout [UInt8], at index: Int) {
    for channel in 0..<3 {
      let at = 3 * number + channel
      row[3 * index + channel] = at < colours.count ? colours[at] : 0
    }
  }

  /// Writes a colour to the pixel at an index of a row of RGBA; alpha is left as it is.
  func write(_ number: Int, toRGBA row: inout [UInt8], at index: Int) {
    for channel in 0..<3 {
      let at = 3 * number + channel
      row[4 * index + channel] = at < colours.count ? colours[at] : 0
    }
  }
}
