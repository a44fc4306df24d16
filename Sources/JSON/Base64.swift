/// Reads base64 (RFC 4648 sections 4 and 5) as it stands in a JSON string, and writes it.
public enum Base64 {
  /// Section 4's letters.
  private static let letters = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// What a character stands for; 64 is padding, 65 is passed over, 255 is none of the alphabet.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
    values[Int(UInt8(ascii: "-"))] = 62
    values[Int(UInt8(ascii: "_"))] = 63
    values[Int(UInt8(ascii: "="))] = 64
    for byte in [0x09, 0x0A, 0x0D] { values[byte] = 65 }
    return values
  }()

  /// Decodes the content of a JSON string.
  ///
  /// Either alphabet is taken, padding may be missing, and line ends and tabs are passed over. Each
  /// character may be written as JSON's escape for it, as many encoders do by default with `/`, `+`
  /// and `=`. A blank is refused: where text was sent as a form it stands for a `+` that was lost.
  ///
  /// - Parameters:
  ///   - text: what has the string in it.
  ///   - range: where its content stands.
  /// - Returns: the bytes, or the place of the first character that does not belong there.
  public static func decode(_ text: [UInt8], in range: Range<Int>) -> Result<[UInt8], Misplaced> {
    var failure: Int?
    let decoded = unsafe [UInt8](unsafeUninitializedCapacity: range.count / 4 * 3 + 3) {
      output, count in
      var (bits, held, padding): (UInt32, Int, Int) = (0, 0, 0)
      // Safety: `at` stays below the count of the slice, whose bounds the subscript checks; three
      // bytes are written for each four characters, of which there are range.count at most.
      unsafe text[range].withUnsafeBufferPointer { slice in
        unsafe values.withUnsafeBufferPointer { values in
          var at = 0
          while at < slice.count {
            let start = at
            var value = unsafe values[Int(slice[at])]
            at += 1
            if value == 255, unsafe slice[start] == UInt8(ascii: "\\") {
              (value, at) = unescaped(text, in: range, at: start)
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
              failure = range.lowerBound + start
              break
            }
          }
        }
      }
      guard failure == nil else { return }
      if held == 1 || padding > 0 && held + padding != 4 { return failure = range.upperBound }
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

  /// What the character stands for that an escape stands for, and the place behind it, both counted
  /// from the range's beginning.
  private static func unescaped(
    _ text: [UInt8], in range: Range<Int>, at start: Int
  ) -> (value: UInt8, end: Int) {
    var characters = JSONCharacters(text, in: range.lowerBound + start..<range.upperBound)
    let value: UInt8 =
      switch characters.next() {
      case .byte(let byte): values[Int(byte)]
      case .scalar(let scalar): scalar.isASCII ? values[Int(scalar.value)] : 255
      case .malformed, nil: 255
      }
    return (value, characters.position - range.lowerBound)
  }

  /// Writes bytes in section 4's alphabet, padded.
  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
      for place in 0..<4 {
        text.append(
          place <= group.count
            ? letters[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// A character that does not belong where it stands.
  public struct Misplaced: Error {
    /// Its place, counted from the first byte of all.
    public var offset: Int
  }
}
