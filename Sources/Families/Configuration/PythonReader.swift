/// Reads the assignments of plain values in a Python configuration: what MMDetection keeps as text in
/// its checkpoints.
///
/// `name = value` at the beginning of a line, where a value is a number, a text, `True`, `False`,
/// `None`, a list, a tuple, a dictionary in braces, or `dict(name=value, ...)`. An assignment of
/// anything else is passed over, since a configuration may compute what is not needed here. Nothing is
/// executed; work is bounded by the text's size and `maximumDepth`.
struct PythonReader {
  /// The deepest nesting.
  static let maximumDepth = 32

  /// The longest text that is read, in bytes.
  static let maximumByteCount = 1 << 20

  private let bytes: [UInt8]
  private var position = 0

  /// Why a value is not read; which one is all that matters.
  private struct Unreadable: Error {}

  private init(_ text: String) { bytes = Array(text.utf8) }

  /// The assignments of a text, in its order; of a name that is assigned twice, the last value.
  static func assignments(_ text: String) -> ConfigValue {
    guard text.utf8.count <= maximumByteCount else { return .object([]) }
    var reader = PythonReader(text)
    var members: [ConfigValue.Member] = []
    while !reader.isAtEnd {
      if let name = reader.name(), reader.take("=") {
        let start = reader.position
        do {
          members.append(.init(name, try reader.value(depth: 0)))
        } catch {
          reader.position = start
        }
      }
      reader.skipLine()
    }
    return .object(members)
  }

  private var isAtEnd: Bool { position >= bytes.count }

  private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipLine() {
    while let byte, byte != UInt8(ascii: "\n") { position += 1 }
    position += 1
  }

  /// Spaces, line breaks and comments, which mean nothing within brackets.
  private mutating func skipSpace() {
    while let byte {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        position += 1
      case UInt8(ascii: "#"): skipLine()
      default: return
      }
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard byte == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func name() -> String? {
    let start = position
    while let byte, Self.isNameByte(byte) { position += 1 }
    guard position > start, !Self.isDigit(bytes[start]) else { return nil }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || byte == UInt8(ascii: "_")
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }

  private mutating func value(depth: Int) throws(Unreadable) -> ConfigValue {
    guard depth < Self.maximumDepth else { throw Unreadable() }
    skipSpace()
    guard let byte else { throw Unreadable() }
    switch byte {
    case UInt8(ascii: "["):
      position += 1
      return .list(try elements(until: "]", depth: depth))
    case UInt8(ascii: "("):
      position += 1
      return .list(try elements(until: ")", depth: depth))
    case UInt8(ascii: "{"):
      position += 1
      return .object(try entries(depth: depth))
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "-"), UInt8(ascii: "."): return try number()
    case _ where Self.isDigit(byte): return try number()
    default: break
    }
    switch name() {
    case "True": return .boolean(true)
    case "False": return .boolean(false)
    case "None": return .null
    case "dict":
      guard take("(") else { throw Unreadable() }
      return .object(try arguments(depth: depth))
    default: throw Unreadable()
    }
  }

  private mutating func elements(
    until end: Unicode.Scalar, depth: Int
  ) throws(Unreadable) -> [ConfigValue] {
    var elements: [ConfigValue] = []
    while !take(end) {
      elements.append(try value(depth: depth + 1))
      guard take(",") else {
        guard take(end) else { throw Unreadable() }
        break
      }
    }
    return elements
  }

  private mutating func entries(depth: Int) throws(Unreadable) -> [ConfigValue.Member] {
    var members: [ConfigValue.Member] = []
    while !take("}") {
      let key = try value(depth: depth + 1)
      guard take(":") else { throw Unreadable() }
      let value = try value(depth: depth + 1)
      if let name = key.text { members.append(.init(name, value)) }
      guard take(",") else {
        guard take("}") else { throw Unreadable() }
        break
      }
    }
    return members
  }

  private mutating func arguments(depth: Int) throws(Unreadable) -> [ConfigValue.Member] {
    var members: [ConfigValue.Member] = []
    while !take(")") {
      skipSpace()
      guard let name = name(), take("=") else { throw Unreadable() }
      members.append(.init(name, try value(depth: depth + 1)))
      guard take(",") else {
        guard take(")") else { throw Unreadable() }
        break
      }
    }
    return members
  }

  private mutating func number() throws(Unreadable) -> ConfigValue {
    let start = position
    while let byte, Self.isNameByte(byte) || byte == UInt8(ascii: ".") || isSign(byte, after: start)
    {
      position += 1
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self).filter { $0 != "_" }
    // `1 / 58.4` and the like are computed, which nothing here does.
    skipSpaceOnLine()
    if let byte, [UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "+")].contains(byte) {
      throw Unreadable()
    }
    if let whole = Int(text) { return .integer(whole) }
    guard let number = Double(text), number.isFinite else { throw Unreadable() }
    return .number(number)
  }

  private func isSign(_ byte: UInt8, after start: Int) -> Bool {
    guard byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") else { return false }
    return position == start
      || [UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position - 1])
  }

  private mutating func skipSpaceOnLine() {
    while byte == UInt8(ascii: " ") { position += 1 }
  }

  private mutating func text() throws(Unreadable) -> String {
    let quote = bytes[position]
    position += 1
    var content: [UInt8] = []
    while let byte {
      position += 1
      if byte == quote { return String(decoding: content, as: UTF8.self) }
      guard byte != UInt8(ascii: "\n") else { throw Unreadable() }
      if byte == UInt8(ascii: "\\") {
        guard let escaped = self.byte else { break }
        position += 1
        content.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
      } else {
        content.append(byte)
      }
    }
    throw Unreadable()
  }
}
