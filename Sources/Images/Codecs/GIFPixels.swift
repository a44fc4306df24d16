/// The compressed pixels of a GIF's frame.
///
/// Source: CompuServe, Graphics Interchange Format, version 89a, appendix F: LZW (Welch 1984) with codes
/// of growing length, the least significant bit first.
enum GIFPixels {
  private static let largestCode = 4096

  /// Decodes a frame.
  ///
  /// - Returns: the palette's numbers in the order in which rows are stored, how many of them there were
  ///   data for, and whether the bytes ended where more belong.
  /// - Throws: `ImageError.corrupt` where a code stands for nothing.
  static func decode(
    _ bytes: Span<UInt8>, _ frame: GIFFrame
  ) throws(ImageError) -> (indices: [UInt8], count: Int, isCut: Bool) {
    var indices = [UInt8](repeating: 0, count: frame.width * frame.height)
    guard frame.dataOffset < bytes.count else { return (indices, 0, true) }
    let size = Int(bytes[frame.dataOffset])
    guard 1...11 ~= size else {
      throw .corrupt(
        .gif, byteOffset: frame.dataOffset, detail: "its codes begin with \(size) bits")
    }
    var codes = CodeReader(bytes, at: frame.dataOffset + 1)
    let clear = 1 << size
    // A string is what another one is, and one number more; its length is kept so that it can be
    // written from its end.
    var prefixes = [UInt16](repeating: 0, count: largestCode)
    var suffixes = [UInt8](repeating: 0, count: largestCode)
    var lengths = [Int32](repeating: 0, count: largestCode)
    for code in 0..<clear {
      suffixes[code] = UInt8(truncatingIfNeeded: code)
      lengths[code] = 1
    }
    var next = clear + 2
    var bits = size + 1
    var previous: Int?
    var count = 0
    while count < indices.count, let code = codes.next(bits, of: bytes) {
      if code == clear {
        next = clear + 2
        bits = size + 1
        previous = nil
        continue
      }
      if code == clear + 1 { break }
      guard let last = previous else {
        guard code < clear else {
          throw .corrupt(.gif, byteOffset: codes.offset, detail: "a code that stands for nothing")
        }
        indices[count] = suffixes[code]
        count += 1
        previous = code
        continue
      }
      guard code <= next, code < largestCode, code < next || next < largestCode else {
        throw .corrupt(.gif, byteOffset: codes.offset, detail: "a code that stands for nothing")
      }
      // The string of a code that is only now made ends as it begins.
      let isNew = code == next
      let length = Int(isNew ? lengths[last] + 1 : lengths[code])
      var at = count + length - 1
      var rest = isNew ? last : code
      if isNew { at -= 1 }
      while true {
        if at < indices.count { indices[at] = suffixes[rest] }
        if lengths[rest] == 1 { break }
        rest = Int(prefixes[rest])
        at -= 1
      }
      let first = suffixes[rest]
      if isNew, count + length - 1 < indices.count { indices[count + length - 1] = first }
      count += length
      if next < largestCode {
        prefixes[next] = UInt16(last)
        suffixes[next] = first
        lengths[next] = lengths[last] + 1
        next += 1
        if next == 1 << bits, bits < 12 { bits += 1 }
      }
      previous = code
    }
    return (indices, min(count, indices.count), codes.isCut)
  }

  /// Takes codes out of blocks of up to 255 bytes.
  private struct CodeReader {
    private(set) var offset: Int
    /// Whether the bytes ended where more belong.
    private(set) var isCut = false
    private var left = 0
    private var isAtEnd = false
    private var buffer: UInt32 = 0
    private var bitCount = 0

    init(_ bytes: Span<UInt8>, at offset: Int) { self.offset = offset }

    /// The next code; `nil` where there are no more.
    mutating func next(_ bits: Int, of bytes: Span<UInt8>) -> Int? {
      while bitCount < bits {
        if left == 0 {
          guard !isAtEnd, offset < bytes.count else {
            isCut = isCut || !isAtEnd
            return nil
          }
          left = Int(bytes[offset])
          offset += 1
          if left == 0 {
            isAtEnd = true
            return nil
          }
        }
        guard offset < bytes.count else {
          isCut = true
          return nil
        }
        buffer |= UInt32(bytes[offset]) << UInt32(bitCount)
        bitCount += 8
        offset += 1
        left -= 1
      }
      let code = Int(buffer & (1 << UInt32(bits) - 1))
      buffer >>= UInt32(bits)
      bitCount -= bits
      return code
    }
  }
}
