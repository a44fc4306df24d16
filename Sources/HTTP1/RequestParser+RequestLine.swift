extension RequestParser {
  /// Reads `request-line = method SP request-target SP HTTP-version` (RFC 9112 section 3).
  ///
  /// RFC 9112 section 3 lets a server accept other whitespace; one space each is what everybody
  /// sends, and to accept more is how two servers come to read one line differently.
  mutating func readRequestLine(_ line: Span<UInt8>) throws(RequestError) {
    if line.isEmpty {
      // RFC 9112 section 2.2: pass over empty lines before a request.
      emptyLines += 1
      guard emptyLines <= limits.leadingEmptyLines else {
        throw RequestError(.tooManyEmptyLines, at: offset)
      }
      return
    }
    var index = 0
    while index < line.count, ByteClass.token.contains(line[index]) { index += 1 }
    guard index > 0 else { throw RequestError(.invalidMethod, at: offset) }
    guard index <= limits.methodLength else {
      throw RequestError(.methodTooLong, at: offset + limits.methodLength)
    }
    guard index < line.count, line[index] == .space else {
      throw RequestError(.malformedRequestLine, at: offset + index)
    }
    head.method = String(ascii: line, 0..<index)
    let target = index + 1
    index = target
    while index < line.count, line[index] != .space { index += 1 }
    guard index > target, index < line.count else {
      throw RequestError(.malformedRequestLine, at: offset + index)
    }
    guard index - target <= limits.targetLength else {
      throw RequestError(.targetTooLong, at: offset + target + limits.targetLength)
    }
    // The version comes first: what follows is HTTP/1's reading of a target.
    head.version = try version(line, index + 1..<line.count)
    guard head.method != "CONNECT" else { throw RequestError(.tunnelNotSupported, at: offset) }
    let parts = try RequestTarget(
      line, target..<index, isOptions: head.method == "OPTIONS", base: offset)
    head.path = parts.path
    head.query = parts.query
    head.authority = parts.authority
    head.isHTTPS = parts.isHTTPS
    declared = DeclaredFraming()
    declared.hasTargetAuthority = parts.authority != nil
    state = .fieldLines
  }

  /// Reads `HTTP-version = "HTTP" "/" DIGIT "." DIGIT` (RFC 9112 section 2.3); case matters.
  private func version(
    _ line: Span<UInt8>, _ range: Range<Int>
  ) throws(RequestError) -> HTTPVersion {
    let start = range.lowerBound
    guard range.count == 8, line[start] == UInt8(ascii: "H"), line[start + 1] == UInt8(ascii: "T"),
      line[start + 2] == UInt8(ascii: "T"), line[start + 3] == UInt8(ascii: "P"),
      line[start + 4] == UInt8(ascii: "/"), line[start + 5].isDigit,
      line[start + 6] == UInt8(ascii: "."), line[start + 7].isDigit
    else { throw RequestError(.malformedVersion, at: offset + start) }
    guard line[start + 5] == UInt8(ascii: "1") else {
      throw RequestError(.unsupportedVersion, at: offset + start)
    }
    return line[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
  }
}
