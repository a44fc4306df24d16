internal import HTTP1

/// Reads the tokens and quoted strings that structured field values are made of (RFC 9110
/// section 5.6).
struct HeaderScanner {
  private let bytes: [UInt8]
  private var position = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { position == bytes.count }

  /// Takes a byte if it stands next.
  mutating func skip(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// Takes spaces and tabs.
  mutating func skipWhitespace() {
    while skip(UInt8(ascii: " ")) || skip(UInt8(ascii: "\t")) {}
  }

  /// Takes a token: one or more characters of `tchar`.
  mutating func token() -> String? {
    let start = position
    while position < bytes.count, ByteClass.token.contains(bytes[position]) { position += 1 }
    return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// Takes a quoted string and gives what it stands for; `nil` where it does not end, or holds
  /// control characters or broken UTF-8.
  mutating func quotedString() -> String? {
    guard skip(UInt8(ascii: "\"")) else { return nil }
    var content: [UInt8] = []
    while position < bytes.count {
      var byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") { return String(validating: content, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") {
        guard position < bytes.count else { return nil }
        byte = bytes[position]
        position += 1
      }
      guard byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t") else { return nil }
      content.append(byte)
    }
    return nil
  }

  /// Takes all parameters up to the end of the field, their names in small letters.
  ///
  /// - Parameter lenient: the names of those whose values are taken however they are written: bare with
  ///   blanks and brackets, or with quotation marks and backslashes in them that are not escaped. So
  ///   clients write the names of files.
  /// - Returns: the parameters, or `nil` where something else than `; name=value` stands there.
  mutating func parameters(lenient: Set<String> = []) -> [(name: String, value: String)]? {
    var parameters: [(name: String, value: String)] = []
    skipWhitespace()
    while !isAtEnd {
      guard skip(UInt8(ascii: ";")) else { return nil }
      skipWhitespace()
      // RFC 9110 section 5.6.6 allows empty parameters.
      if isAtEnd { break }
      guard let name = token()?.lowercased() else { return nil }
      let isLenient = lenient.contains(name)
      if isLenient { skipWhitespace() }
      guard skip(UInt8(ascii: "=")) else { return nil }
      guard let value = isLenient ? looseValue() : quotedString() ?? token() else { return nil }
      parameters.append((name, value))
      skipWhitespace()
    }
    return parameters
  }

  /// Takes what stands there up to the end of the field or the next parameter: in quotation marks up to
  /// the first one that is followed by either, and bare up to the next semicolon.
  private mutating func looseValue() -> String? {
    skipWhitespace()
    let isQuoted = skip(UInt8(ascii: "\""))
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if !isQuoted, byte == UInt8(ascii: ";") { break }
      position += 1
      guard isQuoted, byte == UInt8(ascii: "\"") else { continue }
      let end = position - 1
      skipWhitespace()
      if isAtEnd || bytes[position] == UInt8(ascii: ";") {
        return String(decoding: bytes[start..<end], as: UTF8.self)
      }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    return isQuoted ? nil : String(text[...].trimmingSpaces)
  }
}
