/// Reads the part of YAML that `yaml.safe_dump` writes, which is what a training run's dumped
/// configuration is: block mappings and sequences by indentation, scalars on one line, flow sequences
/// and mappings on one line, and anchors of values that occur twice.
///
/// Multi-line scalars, tags, merge keys and several documents are refused with their line. All work is
/// bounded by the file's size and `maximumDepth`; what an alias repeats counts too.
///
/// Source: YAML 1.1, of which PyYAML writes a subset.
struct YAMLReader {
  /// The deepest nesting.
  static let maximumDepth = 32

  /// The most values, repeated ones counted each time.
  static let maximumValues = 200_000

  private struct Line {
    let number: Int
    var indent: Int
    var text: Substring
  }

  private var lines: [Line] = []
  private var next = 0
  private var anchors: [String: (value: ConfigValue, count: Int)] = [:]
  private var valueCount = 0

  /// Reads a document.
  ///
  /// - Parameter text: the document.
  /// - Returns: its value; nothing for an empty one.
  /// - Throws: `CardError` with the line.
  static func read(_ text: String) throws(CardError) -> ConfigValue {
    var reader = try YAMLReader(text)
    guard let first = reader.lines.first else { return .null }
    let value = try reader.block(indent: first.indent, depth: 0)
    if reader.next < reader.lines.count { throw reader.failure("it stands at no known level") }
    return value
  }

  private init(_ text: String) throws(CardError) {
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let indent = raw.prefix { $0 == " " }.count
      var line = Line(number: index + 1, indent: indent, text: raw.dropFirst(indent))
      guard line.text.first != "\t" else {
        throw CardError(reason: "line \(line.number): a tab indents; YAML takes spaces only")
      }
      line.text = Self.withoutComment(line.text)
      if line.text.isEmpty || (index == 0 && line.text == "---") { continue }
      guard line.text != "---", line.text != "..." else {
        throw CardError(reason: "line \(line.number): several documents in one file")
      }
      lines.append(line)
    }
  }

  private static func withoutComment(_ text: Substring) -> Substring {
    var quote: Character?
    var previous: Character = " "
    var end = text.endIndex
    for index in text.indices {
      let character = text[index]
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "'" || character == "\"" {
        quote = character
      } else if character == "#", previous.isWhitespace {
        end = index
        break
      }
      previous = character
    }
    let kept = text[..<end]
    return kept.dropLast(kept.reversed().prefix { $0.isWhitespace }.count)
  }

  private func failure(_ reason: String) -> CardError {
    let number = next < lines.count ? lines[next].number : lines.last?.number ?? 0
    return CardError(reason: "line \(number): \(reason)")
  }

  private mutating func count(_ values: Int = 1) throws(CardError) {
    valueCount += values
    guard valueCount <= Self.maximumValues else { throw failure("too many values") }
  }

  // MARK: Blocks

  private mutating func block(indent: Int, depth: Int) throws(CardError) -> ConfigValue {
    guard depth < Self.maximumDepth else { throw failure("it is nested too deep") }
    let text = lines[next].text
    if text.first == "-", text.count == 1 || text.dropFirst().first == " " {
      return try sequence(indent: indent, depth: depth)
    }
    if Self.key(of: text) != nil { return try mapping(indent: indent, depth: depth) }
    let value = try scalar(lines[next].text, depth: depth)
    next += 1
    return value
  }

  private mutating func mapping(indent: Int, depth: Int) throws(CardError) -> ConfigValue {
    try count()
    var members: [ConfigValue.Member] = []
    var names: Set<String> = []
    while next < lines.count, lines[next].indent == indent,
      let (name, rest) = Self.key(of: lines[next].text)
    {
      guard names.insert(name).inserted else {
        throw failure("\"\(name.prefix(64))\" stands twice")
      }
      guard name != "<<" else { throw failure("merge keys are not read") }
      members.append(.init(name, try value(rest, indent: indent, depth: depth)))
    }
    if next < lines.count, lines[next].indent > indent {
      throw failure("it stands at no known level")
    }
    return .object(members)
  }

  private mutating func sequence(indent: Int, depth: Int) throws(CardError) -> ConfigValue {
    guard depth < Self.maximumDepth else { throw failure("it is nested too deep") }
    try count()
    var elements: [ConfigValue] = []
    while next < lines.count, lines[next].indent == indent, lines[next].text.first == "-" {
      let text = lines[next].text
      let rest = text.dropFirst().drop { $0 == " " }
      guard rest.isEmpty || text.dropFirst().first == " " else { break }
      if rest.isEmpty || rest.first == "&" {
        elements.append(try value(rest, indent: indent, depth: depth))
      } else if rest == "-" || rest.hasPrefix("- ") || Self.key(of: rest) != nil {
        // `- - 32` and `- name: x`: what follows the dash is a block of its own, further right.
        lines[next].indent += text.count - rest.count
        lines[next].text = rest
        elements.append(try block(indent: lines[next].indent, depth: depth + 1))
      } else {
        elements.append(try scalar(rest, depth: depth + 1))
        next += 1
      }
    }
    return .list(elements)
  }

  /// What follows `name:` or `-`: a scalar on the same line, or a block below.
  private mutating func value(
    _ rest: Substring, indent: Int, depth: Int
  ) throws(CardError) -> ConfigValue {
    var rest = rest
    var anchor: String?
    if rest.first == "&" {
      anchor = String(rest.dropFirst().prefix { $0 != " " })
      rest = rest.drop { $0 != " " }.drop { $0 == " " }
    }
    let before = valueCount
    let result: ConfigValue
    if rest.isEmpty {
      next += 1
      // A sequence may stand as far left as the key that it belongs to.
      if next < lines.count,
        lines[next].indent > indent
          || (lines[next].indent == indent && lines[next].text.first == "-")
      {
        result = try block(indent: lines[next].indent, depth: depth + 1)
      } else {
        result = .null
      }
    } else {
      result = try scalar(rest, depth: depth + 1)
      next += 1
    }
    if let anchor { anchors[anchor] = (result, valueCount - before + 1) }
    return result
  }

  /// The name before a colon and what stands behind it.
  private static func key(of text: Substring) -> (name: String, rest: Substring)? {
    if let quote = text.first, quote == "'" || quote == "\"" {
      guard let end = text.dropFirst().firstIndex(of: quote) else { return nil }
      let rest = text[text.index(after: end)...]
      guard rest.first == ":", rest.count == 1 || rest.dropFirst().first == " " else { return nil }
      return (
        String(text[text.index(after: text.startIndex)..<end]),
        rest.dropFirst().drop { $0 == " " }
      )
    }
    guard let first = text.first, !"[{&*!|>%@`".contains(first) else { return nil }
    var from = text.startIndex
    while let colon = text[from...].firstIndex(of: ":") {
      let after = text.index(after: colon)
      if after == text.endIndex || text[after] == " " {
        return (String(text[..<colon]), text[after...].drop { $0 == " " })
      }
      from = after
    }
    return nil
  }

  // MARK: Scalars and flow

  private mutating func scalar(_ text: Substring, depth: Int) throws(CardError) -> ConfigValue {
    var rest = text
    let value = try flow(&rest, depth: depth, isNested: false)
    guard rest.allSatisfy(\.isWhitespace) else {
      throw failure("something stands behind the value")
    }
    return value
  }

  private mutating func flow(
    _ rest: inout Substring, depth: Int, isNested: Bool
  ) throws(CardError) -> ConfigValue {
    guard depth < Self.maximumDepth else { throw failure("it is nested too deep") }
    try count()
    switch rest.first {
    case "[": return .list(try flowElements(&rest, depth: depth))
    case "{": return .object(try flowMembers(&rest, depth: depth))
    case "'", "\"": return .text(try quoted(&rest))
    case "*":
      let name = String(rest.dropFirst().prefix { !$0.isWhitespace && !",]}".contains($0) })
      rest = rest.dropFirst(name.count + 1)
      guard let anchor = anchors[name] else {
        throw failure("nothing is called \(name.prefix(64))")
      }
      try count(anchor.count)
      return anchor.value
    case "|", ">", "!", "&", "%", "@", "`":
      throw failure("this kind of value is not read")
    default:
      let end = isNested ? rest.firstIndex { ",]}".contains($0) } ?? rest.endIndex : rest.endIndex
      let plain = rest[..<end]
      rest = rest[end...]
      return Self.plain(plain.trimmingSpaces)
    }
  }

  private mutating func flowElements(
    _ rest: inout Substring, depth: Int
  ) throws(CardError) -> [ConfigValue] {
    var elements: [ConfigValue] = []
    rest = rest.dropFirst().drop { $0 == " " }
    while rest.first != "]" {
      elements.append(try flow(&rest, depth: depth + 1, isNested: true))
      rest = rest.drop { $0 == " " }
      if rest.first == "," {
        rest = rest.dropFirst().drop { $0 == " " }
      } else if rest.first != "]" {
        throw failure("',' or ']' should stand here; lists go over one line")
      }
    }
    rest = rest.dropFirst()
    return elements
  }

  private mutating func flowMembers(
    _ rest: inout Substring, depth: Int
  ) throws(CardError) -> [ConfigValue.Member] {
    var members: [ConfigValue.Member] = []
    rest = rest.dropFirst().drop { $0 == " " }
    while rest.first != "}" {
      guard let colon = rest.firstIndex(of: ":") else { throw failure("':' should stand here") }
      let name = String(rest[..<colon].trimmingSpaces)
      rest = rest[rest.index(after: colon)...].drop { $0 == " " }
      members.append(.init(name, try flow(&rest, depth: depth + 1, isNested: true)))
      rest = rest.drop { $0 == " " }
      if rest.first == "," {
        rest = rest.dropFirst().drop { $0 == " " }
      } else if rest.first != "}" {
        throw failure("',' or '}' should stand here; objects go over one line")
      }
    }
    rest = rest.dropFirst()
    return members
  }

  private func quoted(_ rest: inout Substring) throws(CardError) -> String {
    let quote = rest.removeFirst()
    var text = ""
    while let character = rest.popFirst() {
      if character == quote {
        // In single quotes a quote is written twice.
        guard quote == "'", rest.first == "'" else { return text }
        rest.removeFirst()
        text.append("'")
      } else if character == "\\", quote == "\"" {
        guard let escaped = rest.popFirst() else { break }
        switch escaped {
        case "n": text.append("\n")
        case "t": text.append("\t")
        case "\\", "\"", "/": text.append(escaped)
        default: throw failure("the escape \\\(escaped) is not read")
        }
      } else {
        text.append(character)
      }
    }
    throw failure("a text does not end on its line")
  }

  private static func plain(_ text: Substring) -> ConfigValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "on", "On": return .boolean(true)
    case "false", "False", "FALSE", "no", "No", "off", "Off": return .boolean(false)
    default: break
    }
    let digits = text.filter { $0 != "_" }
    if let whole = Int(digits) { return .integer(whole) }
    let isNumber = text.first.map { "+-.0123456789".contains($0) } ?? false
    if isNumber, let number = Double(digits), number.isFinite { return .number(number) }
    return .text(String(text))
  }
}

extension Substring {
  /// Without the spaces and tabs at both ends.
  var trimmingSpaces: Substring {
    let start = drop { $0.isWhitespace }
    return start.dropLast(start.reversed().prefix { $0.isWhitespace }.count)
  }
}
