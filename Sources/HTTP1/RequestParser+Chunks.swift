extension RequestParser {
  /// Reads the line before a chunk's data (RFC 9112 section 7.1).
  ///
  /// ```
  /// chunk      = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
  /// last-chunk = 1*("0") [ chunk-ext ] CRLF
  /// chunk-size = 1*HEXDIG
  /// ```
  mutating func readChunkSize(_ line: Span<UInt8>) throws(RequestError) {
    var size: UInt64 = 0
    var index = 0
    while index < line.count, let digit = line[index].hexadecimalValue {
      // 16 digits fill 64 bits: none is lost, and no run of zeros is endless.
      guard index < 16 else { throw RequestError(.invalidChunkSize, at: offset + index) }
      size = size << 4 | UInt64(digit)
      index += 1
    }
    guard index > 0 else { throw RequestError(.invalidChunkSize, at: offset) }
    if index < line.count {
      extensionLength += line.count - index
      guard extensionLength <= limits.chunkExtensionLength else {
        throw RequestError(.chunkExtensionsTooLong, at: offset + index)
      }
      try checkChunkExtensions(line, from: index)
    }
    guard size <= UInt64(max(limits.bodyLength - chunkedLength, 0)) else {
      throw RequestError(.bodyTooLong, at: offset)
    }
    if size == 0 {
      state = .trailerLines
      trailerStart = offset + line.count + 2
    } else {
      chunkedLength += Int(size)
      state = .chunkData(Int(size))
    }
  }

  /// Checks chunk extensions, which then count for nothing (RFC 9112 section 7.1.1).
  ///
  /// ```
  /// chunk-ext     = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
  /// chunk-ext-val = token / quoted-string
  /// ```
  private func checkChunkExtensions(
    _ line: Span<UInt8>, from start: Int
  ) throws(RequestError) {
    var index = start
    func skipWhitespace() {
      while index < line.count, line[index].isWhitespace { index += 1 }
    }
    func skipToken() -> Bool {
      let first = index
      while index < line.count, ByteClass.token.contains(line[index]) { index += 1 }
      return index > first
    }
    while index < line.count {
      skipWhitespace()
      guard index < line.count, line[index] == UInt8(ascii: ";") else {
        throw RequestError(.invalidChunkExtension, at: offset + index)
      }
      index += 1
      skipWhitespace()
      guard skipToken() else { throw RequestError(.invalidChunkExtension, at: offset + index) }
      let afterName = index
      skipWhitespace()
      guard index < line.count, line[index] == UInt8(ascii: "=") else {
        // The whitespace belongs to the next extension, or is an error there.
        index = afterName
        continue
      }
      index += 1
      skipWhitespace()
      if index < line.count, line[index] == UInt8(ascii: "\"") {
        guard let end = endOfQuotedString(line, from: index) else {
          throw RequestError(.invalidChunkExtension, at: offset + index)
        }
        index = end
      } else if !skipToken() {
        throw RequestError(.invalidChunkExtension, at: offset + index)
      }
    }
  }

  /// Where a quoted string ends, one past its closing quote (RFC 9110 section 5.6.4).
  ///
  /// ```
  /// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE
  /// quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
  /// ```
  private func endOfQuotedString(_ line: Span<UInt8>, from start: Int) -> Int? {
    var index = start + 1
    while index < line.count {
      if line[index] == UInt8(ascii: "\"") { return index + 1 }
      if line[index] == UInt8(ascii: "\\") { index += 1 }
      guard index < line.count, line[index].isFieldContent else { return nil }
      index += 1
    }
    return nil
  }
}
