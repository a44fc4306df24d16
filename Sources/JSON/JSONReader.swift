/// Reads a JSON text (RFC 8259) value by value, straight into what the caller makes of it.
///
/// No tree is built: the caller asks for the value that it expects, so that a number array of a
/// hundred megabytes never is anything but bytes and floats. Nesting is bounded, a name given twice in
/// an object is refused, and every refusal names the byte and the member where it stands.
public struct JSONReader {
  /// What the text is held to.
  public let limits: JSONLimits

  let bytes: [UInt8]
  private(set) var position: Int
  let end: Int
  private var depth = 0
  /// The members and indices that lead to the value that is read, as `features` and `data`.
  private var path: [String] = []

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - bytes: what has the text in it.
  ///   - range: where it stands there; everywhere unless it is given.
  ///   - limits: what the text is held to.
  public init(_ bytes: [UInt8], in range: Range<Int>? = nil, limits: JSONLimits = JSONLimits()) {
    self.bytes = bytes
    self.limits = limits
    position = range?.lowerBound ?? 0
    end = range?.upperBound ?? bytes.count
    // RFC 8259 section 8.1 lets a reader pass over a byte order mark.
    if bytes[position..<end].starts(with: [0xEF, 0xBB, 0xBF]) { position += 3 }
  }

  /// What kind of value stands next.
  public enum Kind: String, Sendable {
    /// Members by name.
    case object = "an object"
    /// Values in their order.
    case array = "an array"
    /// A text.
    case string = "a string"
    /// A number.
    case number = "a number"
    /// `true` or `false`.
    case boolean = "true or false"
    /// `null`.
    case null
  }

  /// Tells what stands next without taking it.
  public mutating func kind() throws(JSONError) -> Kind {
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
  public mutating func object(
    _ member: (String, inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    try open(UInt8(ascii: "{"), .object)
    var names: Set<String> = []
    if !take(UInt8(ascii: "}")) {
      repeat {
        let name = try text()
        guard names.insert(name).inserted else {
          throw failure("the member '\(name.excerpt)' stands there twice")
        }
        guard names.count <= limits.members else {
          throw failure("an object has more than \(limits.members) members")
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
  public mutating func array(_ element: (Int, inout JSONReader) throws(JSONError) -> Void)
    throws(JSONError)
  {
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
  public mutating func finish() throws(JSONError) {
    guard nextAfterSpace() == nil else { throw failure("something stands behind the value") }
  }

  /// Reads a string of bounded length.
  public mutating func text() throws(JSONError) -> String {
    try text(in: try stringContent())
  }

  /// Undoes the escapes of a string that was read already.
  public func text(in content: Range<Int>) throws(JSONError) -> String {
    guard content.count <= limits.textBytes else {
      throw failure("a text is longer than \(limits.textBytes) bytes")
    }
    guard bytes[content].contains(UInt8(ascii: "\\")) else {
      guard let text = String(validating: bytes[content], as: UTF8.self) else {
        throw failure("a string is not UTF-8")
      }
      return text
    }
    return try unescaped(content)
  }

  /// Reads a string whose content is base64, bare or behind the head of a data URI (RFC 2397).
  ///
  /// - Returns: the bytes; none where the string is empty.
  public mutating func base64() throws(JSONError) -> [UInt8] {
    try decodeBase64(in: try stringContent())
  }

  /// Decodes the content of a string that was read already.
  ///
  /// - Parameter content: where it stands, as `stringContent` gave it.
  /// - Returns: the bytes; none where there is no content.
  /// - Throws: a `JSONError` that says where it is no base64.
  public func decodeBase64(in content: Range<Int>) throws(JSONError) -> [UInt8] {
    switch Base64.decode(bytes, in: try Base64.payload(of: bytes, in: content, failure)) {
    case .success(let decoded): return decoded
    case .failure(let misplaced): throw failure("this is not base64", at: misplaced.offset)
    }
  }

  /// Whether the content of a string that was read already begins with some characters of ASCII, however
  /// they are escaped; letters count alike, large and small.
  public func begins(_ content: Range<Int>, with prefix: StaticString) -> Bool {
    var characters = JSONCharacters(bytes, in: content)
    for wanted in String(describing: prefix).utf8 {
      guard case .byte(let byte) = characters.next()?.folded, byte | 0x20 == wanted | 0x20 else {
        return false
      }
    }
    return true
  }

  /// Reads a string and gives where its content stands in the bytes, escapes and all.
  public mutating func stringContent() throws(JSONError) -> Range<Int> {
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

  /// Reads a whole number, written as `300`, `300.0` or `3e2`.
  public mutating func integer() throws(JSONError) -> Int {
    let text = try numberText()
    guard let value = JSONNumber.integer(text) else {
      throw failure("'\(text.excerpt)' is not a whole number that can be used here")
    }
    return value
  }

  /// Reads a number.
  public mutating func number() throws(JSONError) -> Double {
    let text = try numberText()
    guard let value = Double(text), value.isFinite else {
      throw failure("'\(text.excerpt)' is beyond all 64-bit floats")
    }
    return value
  }

  /// Reads a number and gives it as it is written.
  public mutating func numberText() throws(JSONError) -> String {
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
  public mutating func boolean() throws(JSONError) -> Bool {
    if takeWord("true") { return true }
    if takeWord("false") { return false }
    throw expected(.boolean)
  }

  /// Takes `null`, if it stands next.
  public mutating func takeNull() -> Bool { takeWord("null") }

  /// Takes any value.
  public mutating func skip() throws(JSONError) {
    switch try kind() {
    case .object: try object { (_, reader) throws(JSONError) in try reader.skip() }
    case .array: try array { (_, reader) throws(JSONError) in try reader.skip() }
    case .string: _ = try stringContent()
    case .number: _ = try numberText()
    case .boolean: _ = try boolean()
    case .null: if !takeNull() { throw expected(.null) }
    }
  }

  /// Passes over an array of numbers or strings by its brackets alone: whoever reads it later checks
  /// it.
  public mutating func skipData() throws(JSONError) {
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
  public func failure(_ reason: String) -> JSONError { failure(reason, at: position) }

  /// Says what is wrong at a place.
  public func failure(_ reason: String, at offset: Int) -> JSONError {
    JSONError(reason: reason, offset: offset, path: path)
  }

  /// Says that another kind of value should stand here.
  public func expected(_ kind: Kind) -> JSONError { failure("\(kind.rawValue) should stand here") }

  private mutating func open(_ bracket: UInt8, _ kind: Kind) throws(JSONError) {
    guard take(bracket) else { throw expected(kind) }
    depth += 1
    guard depth <= limits.depth else {
      throw failure("values are nested deeper than \(limits.depth)")
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
  private func unescaped(_ content: Range<Int>) throws(JSONError) -> String {
    var result: [UInt8] = []
    var units = JSONCharacters(bytes, in: content)
    while let character = units.next() {
      switch character {
      case .byte(let byte): result.append(byte)
      case .scalar(let scalar): result.append(contentsOf: String(Character(scalar)).utf8)
      case .malformed(let reason): throw failure(reason, at: units.start)
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
