/// Reads a JSON text (RFC 8259) value by value, straight into what the caller makes of it.
///
/// No tree is built: the caller asks for the value that it expects, so that a number array of a
/// hundred megabytes never is anything but bytes and floats. Nesting is bounded, a name given twice in
/// an object is refused, and every refusal names the byte and the member where it stands.
struct JSONReader {
  /// The deepest nesting of objects and arrays.
  static let maximumDepth = 16

  /// The longest name or text in bytes, base64 aside.
  static let maximumTextBytes = 4 << 10

  /// The most members of an object.
  static let maximumMembers = 128

  let bytes: [UInt8]
  private(set) var position: Int
  let end: Int
  private var depth = 0
  /// The members and indices that lead to the value that is read, as `features` and `data`.
  private var path: [String] = []

  /// Begins to read a part of some bytes.
  init(_ bytes: [UInt8], in range: Range<Int>? = nil) {
    self.bytes = bytes
    position = range?.lowerBound ?? 0
    end = range?.upperBound ?? bytes.count
    // RFC 8259 section 8.1 lets a reader pass over a byte order mark.
    if bytes[position..<end].starts(with: [0xEF, 0xBB, 0xBF]) { position += 3 }
  }

  /// What kind of value stands next.
  enum Kind: String {
    case object = "an object"
    case array = "an array"
    case string = "a string"
    case number = "a number"
    case boolean = "true or false"
    case null
  }

  /// Tells what stands next without taking it.
  mutating func kind() throws(Problem) -> Kind {
    guard let byte = nextAfterSpace() else { throw failure("it ends where a value should stand") }
    switch byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    default: throw failure("a value should stand here")
    }
  }

  /// Reads an object; the closure has to take the value of each member.
  mutating func object(
    _ member: (String, inout JSONReader) throws(Problem) -> Void
  ) throws(Problem) {
    try open(UInt8(ascii: "{"), .object)
    var names: Set<String> = []
    if !take(UInt8(ascii: "}")) {
      repeat {
        let name = try text()
        guard names.insert(name).inserted else {
          throw failure("the member '\(name.excerpt)' stands there twice")
        }
        guard names.count <= Self.maximumMembers else {
          throw failure("an object has more than \(Self.maximumMembers) members")
        }
        guard take(UInt8(ascii: ":")) else { throw failure("':' should stand here") }
        path.append(name.excerpt)
        try member(name, &self)
        path.removeLast()
      } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "}")) else { throw failure("',' or '}' should stand here") }
    }
    depth -= 1
  }

  /// Reads an array; the closure has to take each element.
  mutating func array(_ element: (Int, inout JSONReader) throws(Problem) -> Void) throws(Problem) {
    try open(UInt8(ascii: "["), .array)
    if !take(UInt8(ascii: "]")) {
      var index = 0
      repeat {
        path.append(String(index))
        try element(index, &self)
        path.removeLast()
        index += 1
      } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "]")) else { throw failure("',' or ']' should stand here") }
    }
    depth -= 1
  }

  /// Requires that nothing but white space follows.
  mutating func finish() throws(Problem) {
    guard nextAfterSpace() == nil else { throw failure("something stands behind the value") }
  }

  /// Reads a string of bounded length.
  mutating func text() throws(Problem) -> String {
    let content = try stringContent()
    guard content.count <= Self.maximumTextBytes else {
      throw failure("a text is longer than \(Self.maximumTextBytes) bytes")
    }
    guard bytes[content].contains(UInt8(ascii: "\\")) else {
      guard let text = String(validating: bytes[content], as: UTF8.self) else {
        throw failure("a string is not UTF-8")
      }
      return text
    }
    return try unescaped(content)
  }

  /// Reads a string and gives where its content stands in the bytes, escapes and all.
  mutating func stringContent() throws(Problem) -> Range<Int> {
    guard take(UInt8(ascii: "\"")) else { throw expected(.string) }
    let start = position
    // Safety: `position` and `end` lie within the bytes, and the loop stays between them.
    unsafe bytes.withUnsafeBufferPointer { bytes in
      var index = position
      while index < end {
        let byte = unsafe bytes[index]
        if byte == UInt8(ascii: "\"") || byte < 0x20 { break }
        index += byte == UInt8(ascii: "\\") ? 2 : 1
      }
      position = min(index, end)
    }
    guard position < end else { throw failure("a string does not end") }
    guard bytes[position] == UInt8(ascii: "\"") else {
      throw failure("a control character stands in a string unescaped")
    }
    position += 1
    return start..<position - 1
  }

  /// Reads a whole number.
  mutating func integer() throws(Problem) -> Int {
    let text = try numberText()
    guard let value = Int(text) else {
      throw failure("'\(text.excerpt)' is not a whole number that can be used here")
    }
    return value
  }

  /// Reads a number and gives it as it is written.
  mutating func numberText() throws(Problem) -> String {
    guard try kind() == .number else { throw expected(.number) }
    let start = position
    let length = unsafe bytes.withUnsafeRange(start..<end) { (from, to) in
      unsafe JSONNumber.length(from, to)
    }
    guard let length, length <= 64 else {
      throw failure("a number is malformed or too long")
    }
    position += length
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// Reads `true` or `false`.
  mutating func boolean() throws(Problem) -> Bool {
    if takeWord("true") { return true }
    if takeWord("false") { return false }
    throw expected(.boolean)
  }

  /// Takes `null`, if it stands next.
  mutating func takeNull() -> Bool { takeWord("null") }

  /// Takes any value.
  mutating func skip() throws(Problem) {
    switch try kind() {
    case .object: try object { (_, reader) throws(Problem) in try reader.skip() }
    case .array: try array { (_, reader) throws(Problem) in try reader.skip() }
    case .string: _ = try stringContent()
    case .number: _ = try numberText()
    case .boolean: _ = try boolean()
    case .null: if !takeNull() { throw expected(.null) }
    }
  }

  /// Passes over an array of numbers or strings by its brackets alone: whoever reads it later checks
  /// it.
  mutating func skipData() throws(Problem) {
    guard try kind() == .array else { throw expected(.array) }
    var open = 0
    repeat {
      guard let byte = nextAfterSpace() else { throw failure("it ends within an array") }
      if byte == UInt8(ascii: "\"") {
        _ = try stringContent()
        continue
      }
      if byte == UInt8(ascii: "[") { open += 1 }
      if byte == UInt8(ascii: "]") { open -= 1 }
      position += 1
    } while open > 0
  }

  /// Moves to a place that the number scanner reached.
  mutating func move(to position: Int) { self.position = position }

  /// The first byte behind white space, to which it moves.
  mutating func nextAfterSpace() -> UInt8? {
    while position < end {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      position += 1
    }
    return nil
  }

  /// Says what is wrong at this place.
  func failure(_ reason: String) -> Problem { failure(reason, at: position) }

  /// Says what is wrong at a place.
  func failure(_ reason: String, at offset: Int) -> Problem {
    let place = path.isEmpty ? "" : " in '\(path.joined(separator: "."))'"
    return Problem(
      .malformedJSON, "The JSON body is malformed at byte \(offset)\(place): \(reason).",
      parameter: path.isEmpty ? nil : path.joined(separator: "."))
  }

  /// Says that another kind of value should stand here.
  func expected(_ kind: Kind) -> Problem { failure("\(kind.rawValue) should stand here") }

  private mutating func open(_ bracket: UInt8, _ kind: Kind) throws(Problem) {
    guard take(bracket) else { throw expected(kind) }
    depth += 1
    guard depth <= Self.maximumDepth else {
      throw failure("values are nested deeper than \(Self.maximumDepth)")
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard nextAfterSpace() == byte else { return false }
    position += 1
    return true
  }

  private mutating func takeWord(_ word: StaticString) -> Bool {
    _ = nextAfterSpace()
    let wanted = String(describing: word).utf8
    guard bytes[position..<end].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  /// What a string with escapes stands for (RFC 8259 section 7).
  private func unescaped(_ content: Range<Int>) throws(Problem) -> String {
    var result: [UInt8] = []
    var index = content.lowerBound
    func codeUnit() throws(Problem) -> UInt32 {
      guard index + 4 <= content.upperBound,
        let text = String(validating: bytes[index..<index + 4], as: UTF8.self),
        text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
        let value = UInt32(text, radix: 16)
      else { throw failure("'\\u' without four hexadecimal digits", at: index) }
      index += 4
      return value
    }
    while index < content.upperBound {
      let byte = bytes[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      let escape = bytes[index]
      index += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"):
        var value = try codeUnit()
        if (0xD800..<0xDC00).contains(value), index + 2 <= content.upperBound,
          bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        {
          index += 2
          let low = try codeUnit()
          guard (0xDC00..<0xE000).contains(low) else {
            throw failure("half of a surrogate pair", at: index)
          }
          value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(value) else {
          throw failure("half of a surrogate pair", at: index)
        }
        result.append(contentsOf: String(Character(scalar)).utf8)
      default: throw failure("an escape that is not known", at: index - 1)
      }
    }
    guard let text = String(validating: result, as: UTF8.self) else {
      throw failure("a string is not UTF-8", at: content.lowerBound)
    }
    return text
  }
}

extension [UInt8] {
  /// Calls a closure with the addresses of the first byte of a range and of the byte behind its last;
  /// traps on a range outside of the array.
  func withUnsafeRange<Result>(
    _ range: Range<Int>, _ body: (UnsafePointer<UInt8>, UnsafePointer<UInt8>) -> Result?
  ) -> Result? {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "\(range) is not within \(count) bytes")
    return unsafe withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return nil }
      return unsafe body(base + range.lowerBound, base + range.upperBound)
    }
  }
}
