/// What the field lines of a head said so far about its body, host and connection.
struct DeclaredFraming: Sendable, Equatable {
  /// The transfer codings of all `Transfer-Encoding` lines, as far as they matter.
  enum Codings: Sendable, Equatable {
    case none
    case chunked
    case endingInChunked
    case other
  }

  var contentLength: Int?
  var codings = Codings.none
  var hasTargetAuthority = false
  var hasHost = false
  var isClosing = false
  var isKeepAlive = false
  var expectsContinue = false
  var hasOtherExpectation = false
}

extension DeclaredFraming {
  /// Reads `Transfer-Encoding = #transfer-coding` (RFC 9112 section 6.1), one line after another.
  mutating func addCodings(_ value: Span<UInt8>) {
    value.forEachListElement { range in
      let isChunked = value.equals("chunked", in: range)
      codings =
        switch (codings, isChunked) {
        case (.none, true): .chunked
        case (.other, true): .endingInChunked
        // RFC 9112 section 6.1: chunked must not be applied twice, and must come last.
        default: .other
        }
    }
    // An empty value names no coding, and is none that is known either.
    if codings == .none { codings = .other }
  }

  /// Reads `Connection = #connection-option` (RFC 9110 section 7.6.1).
  mutating func addConnectionOptions(_ value: Span<UInt8>) {
    value.forEachListElement { range in
      if value.equals("close", in: range) { isClosing = true }
      if value.equals("keep-alive", in: range) { isKeepAlive = true }
    }
  }

  /// Reads `Expect = #expectation` (RFC 9110 section 10.1.1).
  mutating func addExpectations(_ value: Span<UInt8>) {
    value.forEachListElement { range in
      if value.equals("100-continue", in: range) {
        expectsContinue = true
      } else {
        hasOtherExpectation = true
      }
    }
  }
}

extension Span<UInt8> {
  /// Calls back with each element of a comma-separated list, without the whitespace around it.
  ///
  /// RFC 9110 section 5.6.1.2: empty elements do not count. Commas in quoted strings cut as well,
  /// which is right for lists of tokens, the only ones read here.
  func forEachListElement(_ body: (Range<Int>) -> Void) {
    var start = 0
    while start <= count {
      var end = start
      while end < count, self[end] != UInt8(ascii: ",") { end += 1 }
      let range = trimmed(start..<end)
      if !range.isEmpty { body(range) }
      start = end + 1
    }
  }

  /// A range without the spaces and tabs at its ends.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, self[start].isWhitespace { start += 1 }
    while end > start, self[end - 1].isWhitespace { end -= 1 }
    return start..<end
  }
}
