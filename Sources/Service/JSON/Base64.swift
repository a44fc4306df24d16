/// Reads base64 (RFC 4648 sections 4 and 5) as it stands in a JSON string.
enum Base64 {
  /// What a character stands for; 64 is padding, 65 is passed over, 255 is none of the alphabet.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
    values[Int(UInt8(ascii: "-"))] = 62
    values[Int(UInt8(ascii: "_"))] = 63
    values[Int(UInt8(ascii: "="))] = 64
    return values
  }()

  /// Decodes a part of some bytes.
  ///
  /// Either alphabet is taken, padding may be missing, and the escapes `\/`, `\n` and `\r` that
  /// encoders of base64 and JSON write are understood.
  ///
  /// - Returns: the bytes, or the place of the first character that does not belong there.
  static func decode(_ text: [UInt8], in range: Range<Int>) -> Result<[UInt8], Misplaced> {
    var failure: Int?
    let decoded = unsafe [UInt8](unsafeUninitializedCapacity: range.count / 4 * 3 + 3) {
      output, count in
      var (bits, held, padding): (UInt32, Int, Int) = (0, 0, 0)
      var index = range.lowerBound
      // Safety: `index` stays within `range`, which the subscript below checks at its ends; three
      // bytes are written for each four characters, of which there are range.count at most.
      unsafe text[range].withUnsafeBufferPointer { text in
        unsafe values.withUnsafeBufferPointer { values in
          var at = 0
          while at < text.count {
            var value = unsafe values[Int(text[at])]
            if value == 255, unsafe text[at] == UInt8(ascii: "\\"), at + 1 < text.count {
              at += 1
              switch unsafe text[at] {
              case UInt8(ascii: "/"): value = 63
              case UInt8(ascii: "n"), UInt8(ascii: "r"): value = 65
              default: break
              }
            }
            if value < 64, padding == 0 {
              bits = bits << 6 | UInt32(value)
              held += 1
              if held == 4 {
                unsafe output[count] = UInt8(truncatingIfNeeded: bits >> 16)
                unsafe output[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                unsafe output[count + 2] = UInt8(truncatingIfNeeded: bits)
                count += 3
                (bits, held) = (0, 0)
              }
            } else if value == 64, padding < 2, held >= 2 || padding == 1 {
              padding += 1
            } else if value != 65 {
              failure = range.lowerBound + at
              break
            }
            at += 1
          }
          index += at
        }
      }
      guard failure == nil else { return }
      if held == 1 || padding > 0 && held + padding != 4 { return failure = index }
      if held >= 2 {
        unsafe output[count] = UInt8(truncatingIfNeeded: bits >> (6 * UInt32(held) - 8))
        count += 1
      }
      if held == 3 {
        unsafe output[count] = UInt8(truncatingIfNeeded: bits >> 2)
        count += 1
      }
    }
    if let failure { return .failure(Misplaced(offset: failure)) }
    return .success(decoded)
  }

  /// A character that does not belong where it stands.
  struct Misplaced: Error {
    var offset: Int
  }
}
