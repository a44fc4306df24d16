/// Writes JSON (RFC 8259) straight into bytes: no tree of values is built in between.
///
/// The caller keeps the order: a `key` before each value in an object, an end for each beginning.
/// Commas are the writer's.
public struct JSONWriter: Sendable {
  /// What was written so far.
  public private(set) var bytes: [UInt8]

  /// Whether a number was asked for that JSON cannot hold (an infinity or NaN); `null` stands for it.
  public private(set) var hasNonFiniteNumber = false

  private var needsComma = false

  /// Makes a writer.
  ///
  /// - Parameter capacity: how many bytes to make room for at once.
  public init(reservingCapacity capacity: Int = 256) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// Begins an object.
  public mutating func beginObject() { begin(UInt8(ascii: "{")) }

  /// Ends the innermost object.
  public mutating func endObject() { end(UInt8(ascii: "}")) }

  /// Begins an array.
  public mutating func beginArray() { begin(UInt8(ascii: "[")) }

  /// Ends the innermost array.
  public mutating func endArray() { end(UInt8(ascii: "]")) }

  /// Writes the name of a member; its value has to follow.
  public mutating func key(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Writes a string, escaping what RFC 8259 section 7 asks for.
  public mutating func string(_ value: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    let start = bytes.count
    bytes.append(contentsOf: value.utf8)
    if Self.needsEscapes(bytes.span.extracting(start...)) {
      bytes.removeLast(bytes.count - start)
      appendEscaped(value)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Whether a byte is one of those that RFC 8259 section 7 has escaped; without a way out of the loop,
  /// so that it looks at many bytes at once.
  private static func needsEscapes(_ bytes: Span<UInt8>) -> Bool {
    var found: UInt8 = 0
    for index in bytes.indices {
      let byte = bytes[index]
      found |= (byte < 0x20 ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x5C ? 1 : 0)
    }
    return found != 0
  }

  private mutating func appendEscaped(_ value: String) {
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(Self.hexadecimalDigit(byte >> 4))
        bytes.append(Self.hexadecimalDigit(byte & 15))
      default: bytes.append(byte)
      }
    }
  }

  /// Writes an integer.
  public mutating func integer(_ value: Int) {
    separate()
    bytes.append(contentsOf: value.description.utf8)
  }

  /// Writes the shortest decimal that reads back as the same `Float`, without a trailing `.0`.
  public mutating func number(_ value: Float) {
    guard value.isFinite else {
      hasNonFiniteNumber = true
      null()
      return
    }
    separate()
    // A string of up to 15 bytes, which any ordinary coordinate or score fits in, is not allocated.
    bytes.append(contentsOf: value.description.utf8)
    if bytes.suffix(2).elementsEqual(".0".utf8) { bytes.removeLast(2) }
  }

  /// Writes a number in the caller's own form, as `12.340`; traps on what is none (RFC 8259 section 6).
  public mutating func number(formatted text: String) {
    let isNumber = unsafe Array(text.utf8).withUnsafeRange(0..<text.utf8.count) { (from, to) in
      unsafe JSONNumber.length(from, to) == to - from
    }
    precondition(isNumber == true, "'\(text)' is no number of JSON")
    separate()
    bytes.append(contentsOf: text.utf8)
  }

  /// Writes `true` or `false`.
  public mutating func boolean(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
  }

  /// Writes `null`.
  public mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
  }

  private mutating func begin(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func end(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  /// Sets a comma where a value or member stands before; what is written next stands before another.
  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
