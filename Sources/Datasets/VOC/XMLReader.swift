/// A small XML 1.0 reader for annotation files: bytes in, events out, everything bounded.
///
/// Foundation's XMLParser would bring libxml2 and ICU into a program that needs neither. This one
/// knows elements, text, CDATA, comments, processing instructions, the five predefined entities and
/// character references. It skips attributes and document type declarations, and refuses one that
/// declares something itself: so there is no entity of one's own, no expansion and no access to other files. Work is linear in
/// the bytes, and memory in the depth.
struct XMLReader {
  enum Event: Equatable {
    case start(String)
    case end(String)
    /// A run of text; several may follow each other.
    case text(String)
  }

  /// A fault and the line that it is on: in the XML itself, or in what a caller makes of it.
  enum Failure: Error, Equatable {
    case xml(line: Int, detail: String)
    case annotation(line: Int, detail: String)
  }

  /// Deeper nesting than this is refused: an annotation needs five levels.
  static let maximumDepth = 64

  private let bytes: [UInt8]
  private var position = 0
  private var openElements: [String] = []
  private var hasSeenRoot = false
  /// The end of an element that was written as `<name/>`.
  private var pendingEnd: String?

  /// The line of the next byte, counted from 1.
  private(set) var line = 1

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// The next event, `nil` at the end of a complete document.
  mutating func next() throws(Failure) -> Event? {
    if let name = pendingEnd {
      pendingEnd = nil
      openElements.removeLast()
      return .end(name)
    }
    while position < bytes.count {
      if bytes[position] != UInt8(ascii: "<") {
        let text = try readText()
        if !openElements.isEmpty { return .text(text) }
        guard text.allSatisfy(\.isWhitespace) else {
          throw failure(hasSeenRoot ? "text after the end" : "text before the first element")
        }
      } else if skip("<!--") {
        try skipPast("-->", of: "comment")
      } else if skip("<![CDATA[") {
        let start = position
        try skipPast("]]>", of: "CDATA section")
        guard !openElements.isEmpty else { throw failure("CDATA outside of the root element") }
        return .text(try string(bytes[start..<position - 3]))
      } else if skip("<?") {
        try skipPast("?>", of: "processing instruction")
      } else if skip("<!DOCTYPE") {
        try skipDocumentType()
      } else if skip("<!") {
        throw failure("a declaration, which is not accepted here")
      } else if skip("</") {
        let name = try readName()
        skipWhitespace()
        guard skip(">") else { throw failure("'</\(name)' is not closed by '>'") }
        guard let open = openElements.popLast() else { throw failure("'</\(name)>' opens nothing") }
        guard open == name else { throw failure("'</\(name)>' where '</\(open)>' was due") }
        return .end(name)
      } else {
        return try readStart()
      }
    }
    if let open = openElements.last { throw failure("it ends inside '<\(open)>'") }
    guard hasSeenRoot else { throw failure("no element") }
    return nil
  }

  /// Steps over `<!DOCTYPE name ...>`; what it refers to is not looked at.
  private mutating func skipDocumentType() throws(Failure) {
    guard !hasSeenRoot, openElements.isEmpty else { throw failure("a document type inside of it") }
    while position < bytes.count {
      if skip(">") { return }
      guard bytes[position] != UInt8(ascii: "[") else {
        throw failure("a document type that declares something, which is not accepted here")
      }
      advance(by: 1)
    }
    throw failure("it ends inside of the document type")
  }

  private mutating func readStart() throws(Failure) -> Event {
    position += 1
    let name = try readName()
    guard !openElements.isEmpty || !hasSeenRoot else { throw failure("a second root element") }
    guard openElements.count < Self.maximumDepth else {
      throw failure("more than \(Self.maximumDepth) elements inside one another")
    }
    hasSeenRoot = true
    openElements.append(name)
    while position < bytes.count {
      skipWhitespace()
      if skip(">") { return .start(name) }
      if skip("/>") {
        pendingEnd = name
        return .start(name)
      }
      _ = try readName()
      skipWhitespace()
      guard skip("=") else { throw failure("an attribute of '<\(name)' has no '='") }
      skipWhitespace()
      if skip("\"") {
        try skipPast("\"", of: "attribute value")
      } else if skip("'") {
        try skipPast("'", of: "attribute value")
      } else {
        throw failure("an attribute of '<\(name)' has no quotes")
      }
    }
    throw failure("it ends inside '<\(name)'")
  }

  /// Reads up to the next `<`, resolving references.
  private mutating func readText() throws(Failure) -> String {
    var text: [UInt8] = []
    let end = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
    while position < end {
      if bytes[position] == UInt8(ascii: "&") {
        text.append(contentsOf: try readReference(before: end).utf8)
      } else {
        text.append(bytes[position])
        advance(by: 1)
      }
    }
    return try string(text[...])
  }

  private mutating func readReference(before end: Int) throws(Failure) -> String {
    // The longest that is known is `&#1114111;`, zeros before it aside.
    let window = bytes[position..<min(end, position + 12)]
    guard let semicolon = window.firstIndex(of: UInt8(ascii: ";")) else {
      throw failure("'&' starts no reference; write '&amp;'")
    }
    let name = try string(bytes[position + 1..<semicolon])
    position = semicolon + 1
    switch name {
    case "amp": return "&"
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    default:
      let code =
        name.hasPrefix("#x")
        ? UInt32(name.dropFirst(2), radix: 16)
        : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
      guard let code, let scalar = Unicode.Scalar(code), code != 0 else {
        throw failure("unknown reference '&\(name);'")
      }
      return String(scalar)
    }
  }

  private mutating func readName() throws(Failure) -> String {
    let start = position
    let delimiters: [UInt8] = Array(" \t\r\n/>=<\"'&".utf8)
    while position < bytes.count, !delimiters.contains(bytes[position]) { position += 1 }
    guard position > start else { throw failure("a name was expected") }
    return try string(bytes[start..<position])
  }

  /// Steps over a token if it comes next.
  private mutating func skip(_ token: String) -> Bool {
    guard bytes[position...].starts(with: token.utf8) else { return false }
    position += token.utf8.count
    return true
  }

  private mutating func skipPast(_ token: String, of what: String) throws(Failure) {
    let startLine = line
    while position < bytes.count {
      if skip(token) { return }
      advance(by: 1)
    }
    throw .xml(line: startLine, detail: "the \(what) that starts here has no '\(token)'")
  }

  private mutating func skipWhitespace() {
    while position < bytes.count, [0x20, 0x09, 0x0D, 0x0A].contains(bytes[position]) {
      advance(by: 1)
    }
  }

  private mutating func advance(by count: Int) {
    for byte in bytes[position..<position + count] where byte == UInt8(ascii: "\n") { line += 1 }
    position += count
  }

  private func string(_ bytes: ArraySlice<UInt8>) throws(Failure) -> String {
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw failure("bytes that are not UTF-8")
    }
    return string
  }

  private func failure(_ detail: String) -> Failure { .xml(line: line, detail: detail) }
}
