/// Reads the part of YAML that `openapi.yaml` keeps to.
///
/// That is block mappings and sequences, flow sequences of scalars, literal block scalars, plain and
/// single-quoted scalars. Anything else is an error.
struct YAMLReader {
  struct Failure: Error {
    var line: Int
    var reason: String
  }

  private struct Line {
    var number: Int
    var indent: Int
    var text: Substring
  }

  private var lines: [Line]
  private var next = 0

  static func read(_ text: String) throws -> JSONValue {
    var reader = YAMLReader(text)
    let value = try reader.block(indent: 0)
    if let line = reader.peek() { throw Failure(line: line.number, reason: "unexpected indent") }
    return value
  }

  private init(_ text: String) {
    let all = text.split(separator: "\n", omittingEmptySubsequences: false)
    lines = all.enumerated().map { number, text in
      let content = text.drop { $0 == " " }
      return Line(number: number + 1, indent: text.count - content.count, text: content)
    }
  }

  /// The next line that is not empty.
  private mutating func peek() -> Line? {
    while next < lines.count, lines[next].text.isEmpty { next += 1 }
    return next < lines.count ? lines[next] : nil
  }

  private mutating func block(indent: Int) throws -> JSONValue {
    guard let line = peek(), line.indent >= indent else { return .null }
    return line.text.hasPrefix("- ")
      ? try sequence(indent: line.indent) : try mapping(indent: line.indent)
  }

  private mutating func sequence(indent: Int) throws -> JSONValue {
    var elements: [JSONValue] = []
    while let line = peek(), line.indent == indent, line.text.hasPrefix("- ") {
      let content = line.text.dropFirst(2)
      if Self.entry(content) == nil {
        next += 1
        elements.append(try scalar(content, line))
      } else {
        // The first entry of a mapping stands behind the dash: read it as if on its own line.
        lines[next] = Line(number: line.number, indent: indent + 2, text: content)
        elements.append(try mapping(indent: indent + 2))
      }
    }
    return .array(elements)
  }

  private mutating func mapping(indent: Int) throws -> JSONValue {
    var members: [String: JSONValue] = [:]
    while let line = peek(), line.indent == indent {
      guard let (key, rest) = Self.entry(line.text) else {
        throw Failure(line: line.number, reason: "not a mapping's entry: \(line.text)")
      }
      next += 1
      let value: JSONValue =
        switch rest {
        case "": try block(indent: indent + 1)
        case "|": .string(literal(indent: indent + 1))
        default: try scalar(rest, line)
        }
      guard members.updateValue(value, forKey: key) == nil else {
        throw Failure(line: line.number, reason: "the key \(key) stands there twice")
      }
    }
    return .object(members)
  }

  /// Reads a block scalar, whose lines lie deeper than its key.
  private mutating func literal(indent: Int) -> String {
    var text: [String] = []
    let base = peek()?.indent ?? indent
    while next < lines.count, lines[next].text.isEmpty || lines[next].indent >= max(base, indent) {
      let line = lines[next]
      text.append(String(repeating: " ", count: max(0, line.indent - base)) + line.text)
      next += 1
    }
    return text.joined(separator: "\n")
  }

  /// Takes `key: value` apart.
  private static func entry(_ text: Substring) -> (key: String, rest: Substring)? {
    if text.hasPrefix("'") {
      let key = text.dropFirst().prefix { $0 != "'" }
      let behind = text[key.endIndex...].dropFirst()
      return behind.hasPrefix(":") ? (String(key), behind.dropFirst().drop { $0 == " " }) : nil
    }
    if text.hasPrefix("[") { return nil }
    if text.hasSuffix(":") { return (String(text.dropLast()), "") }
    guard let range = text.firstRange(of: ": ") else { return nil }
    return (String(text[..<range.lowerBound]), text[range.upperBound...])
  }

  private func scalar(_ text: Substring, _ line: Line) throws -> JSONValue {
    if text.hasPrefix("[") {
      guard text.hasSuffix("]") else { throw Failure(line: line.number, reason: "no end: \(text)") }
      let content = text.dropFirst().dropLast()
      if content.isEmpty { return .array([]) }
      return .array(
        try content.split(separator: ",").map { try scalar($0.drop { $0 == " " }, line) })
    }
    if text.hasPrefix("'") {
      guard text.count >= 2, text.hasSuffix("'") else {
        throw Failure(line: line.number, reason: "no end: \(text)")
      }
      return .string(String(text.dropFirst().dropLast()).replacing("''", with: "'"))
    }
    if let first = text.first, "&*!|>{}\"%@`#".contains(first) || text.contains(" #") {
      throw Failure(line: line.number, reason: "not understood: \(text)")
    }
    switch text {
    case "null": return .null
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default: return Double(text).map { .number($0) } ?? .string(String(text))
    }
  }
}
