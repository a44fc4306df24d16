/// What the content of a string stands for, character by character, its escapes undone (RFC 8259
/// section 7).
struct JSONCharacters {
  enum Character: Equatable {
    /// A byte that stands for itself, or for which one of the short escapes stands.
    case byte(UInt8)
    /// What `\u` and four digits stand for, or two of those that are a surrogate pair.
    case scalar(Unicode.Scalar)
    /// No escape; nothing can be read behind it.
    case malformed(String)
  }

  private let bytes: [UInt8]
  private let end: Int

  /// Where the next character begins.
  private(set) var position: Int

  /// Where the character begins that was read last.
  private(set) var start: Int

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - bytes: what has the string in it.
  ///   - content: where its content stands, without its quotes; traps where that is not within them.
  init(_ bytes: [UInt8], in content: Range<Int>) {
    precondition(content.upperBound <= bytes.count, "\(content) is not within \(bytes.count) bytes")
    self.bytes = bytes
    position = content.lowerBound
    start = content.lowerBound
    end = content.upperBound
  }

  /// Reads the next character; `nil` at the end.
  mutating func next() -> Character? {
    guard position < end else { return nil }
    start = position
    let byte = bytes[position]
    position += 1
    guard byte == UInt8(ascii: "\\") else { return .byte(byte) }
    guard position < end else { return .malformed("an escape that is not known") }
    let escape = bytes[position]
    position += 1
    switch escape {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return .byte(escape)
    case UInt8(ascii: "b"): return .byte(0x08)
    case UInt8(ascii: "f"): return .byte(0x0C)
    case UInt8(ascii: "n"): return .byte(0x0A)
    case UInt8(ascii: "r"): return .byte(0x0D)
    case UInt8(ascii: "t"): return .byte(0x09)
    case UInt8(ascii: "u"): return scalar()
    default: return .malformed("an escape that is not known")
    }
  }

  /// Reads what stands behind `\u`.
  private mutating func scalar() -> Character {
    guard var value = codeUnit() else {
      return .malformed("'\\u' without four hexadecimal digits")
    }
    if (0xD800..<0xDC00).contains(value), position + 2 <= end,
      bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      guard let low = codeUnit(), (0xDC00..<0xE000).contains(low) else {
        return .malformed("half of a surrogate pair")
      }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(value) else { return .malformed("half of a surrogate pair") }
    return .scalar(scalar)
  }

  private mutating func codeUnit() -> UInt32? {
    guard position + 4 <= end else { return nil }
    var value: UInt32 = 0
    for index in position..<position + 4 {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 0x30)
      case UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "a")...UInt8(ascii: "f"):
        value = value << 4 | UInt32((byte | 0x20) - 0x57)
      default: return nil
      }
    }
    position += 4
    return value
  }
}
