extension RequestParser {
  /// Reads `field-line = field-name ":" OWS field-value OWS` (RFC 9112 section 5).
  ///
  /// - Returns: where name and value stand in the line.
  private func splitFieldLine(
    _ line: Span<UInt8>
  ) throws(RequestError) -> (name: Range<Int>, value: Range<Int>) {
    var colon = 0
    while colon < line.count, ByteClass.token.contains(line[colon]) { colon += 1 }
    guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else {
      throw RequestError(fault(inName: line, at: colon), at: offset + colon)
    }
    let value = line.trimmed(colon + 1..<line.count)
    var index = value.lowerBound
    while index < value.upperBound {
      guard line[index].isFieldContent else {
        throw RequestError(
          line[index] == .carriageReturn ? .bareCarriageReturn : .invalidFieldValue,
          at: offset + index)
      }
      index += 1
    }
    return (0..<colon, value)
  }

  /// What is wrong with a field line whose name ends at `index` without a colon behind it.
  private func fault(inName line: Span<UInt8>, at index: Int) -> RequestError.Reason {
    guard index < line.count, line[index].isWhitespace else { return .invalidFieldName }
    if index > 0 {
      // RFC 9112 section 5.1: names that differ by whitespace have led servers to disagree.
      let rest = line.trimmed(index..<line.count)
      return !rest.isEmpty && line[rest.lowerBound] == UInt8(ascii: ":")
        ? .whitespaceBeforeColon : .invalidFieldName
    }
    if state == .fieldLines, head.fields.lines.isEmpty { return .leadingWhitespace }
    return .foldedLine
  }

  private static func field(
    _ line: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>
  ) -> HTTPFields.Field {
    HTTPFields.Field(name: String(ascii: line, name), value: String(fieldValue: line, value))
  }

  /// Reads a field line of the head and takes note of those that frame the message.
  mutating func readFieldLine(_ line: Span<UInt8>) throws(RequestError) {
    let (name, value) = try splitFieldLine(line)
    guard head.fields.lines.count < limits.fieldCount else {
      throw RequestError(.tooManyFields, at: offset)
    }
    head.fields.append(Self.field(line, name, value))
    switch name.count {
    case 4 where line.equals("host", in: name):
      try readHost(line, value)
    case 6 where line.equals("expect", in: name):
      declared.addExpectations(line.extracting(value))
    case 10 where line.equals("connection", in: name):
      declared.addConnectionOptions(line.extracting(value))
    case 14 where line.equals("content-length", in: name):
      try readContentLength(line, value)
    case 17 where line.equals("transfer-encoding", in: name):
      declared.addCodings(line.extracting(value))
    default: break
    }
  }

  /// RFC 9112 section 3.2: more than one `Host`, or an invalid one, is a 400.
  private mutating func readHost(
    _ line: Span<UInt8>, _ value: Range<Int>
  ) throws(RequestError) {
    guard !declared.hasHost else { throw RequestError(.repeatedHost, at: offset) }
    guard Authority.isValid(line, value) else {
      throw RequestError(.invalidHost, at: offset + value.lowerBound)
    }
    declared.hasHost = true
    // RFC 9112 section 3.2.2: the authority of an absolute-form target replaces Host.
    if !declared.hasTargetAuthority { head.authority = String(ascii: line, value) }
  }

  /// Reads `Content-Length = 1*DIGIT` (RFC 9110 section 8.6).
  ///
  /// RFC 9112 section 6.3 lets a recipient take equal lengths for one; nothing honest sends two, so
  /// both `5, 5` and a second line are refused.
  private mutating func readContentLength(
    _ line: Span<UInt8>, _ value: Range<Int>
  ) throws(RequestError) {
    guard declared.contentLength == nil else {
      throw RequestError(.repeatedContentLength, at: offset)
    }
    guard !value.isEmpty else { throw RequestError(.invalidContentLength, at: offset) }
    var length = 0
    for index in value {
      guard line[index].isDigit else {
        throw RequestError(.invalidContentLength, at: offset + index)
      }
      // A number too large for an Int is too large for any limit: it stays at the largest.
      let (product, tooLarge) = length.multipliedReportingOverflow(by: 10)
      let (sum, stillTooLarge) = product.addingReportingOverflow(Int(line[index]) - 48)
      length = tooLarge || stillTooLarge ? Int.max : sum
    }
    declared.contentLength = length
  }

  /// Judges a whole head (RFC 9112 sections 3.2, 6.3 and 9.3; RFC 9110 section 10.1.1).
  mutating func finishHead() throws(RequestError) -> RequestEvent {
    let isHTTP10 = head.version == .http10
    guard declared.hasHost || isHTTP10 else { throw RequestError(.missingHost, at: offset) }
    head.framing = try framing(isHTTP10: isHTTP10)
    if !isHTTP10 {
      guard !declared.hasOtherExpectation else {
        throw RequestError(.unsupportedExpectation, at: offset)
      }
      // RFC 9110 section 10.1.1: HTTP/1.0's is ignored; without content there is none to wait for.
      head.expectsContinue = declared.expectsContinue && head.framing.announcesContent
    }
    head.keepsAlive = !declared.isClosing && (!isHTTP10 || declared.isKeepAlive)
    switch head.framing {
    case .none, .length(0): state = .end(HTTPFields())
    case .length(let length): state = .body(length)
    case .chunked: state = .chunkSize
    }
    let finished = head
    head = RequestHead()
    return .head(finished)
  }

  private func framing(isHTTP10: Bool) throws(RequestError) -> BodyFraming {
    guard declared.codings == .none else {
      // RFC 9112 section 6.3: both may be request smuggling; section 6.1: so may be 1.0 with codings.
      guard declared.contentLength == nil else {
        throw RequestError(.conflictingFraming, at: offset)
      }
      guard !isHTTP10 else { throw RequestError(.codingInHTTP10, at: offset) }
      switch declared.codings {
      case .chunked: return .chunked
      case .endingInChunked: throw RequestError(.unsupportedCoding, at: offset)
      case .other, .none: throw RequestError(.chunkedNotLast, at: offset)
      }
    }
    guard let length = declared.contentLength else { return .none }
    guard length <= limits.bodyLength else { throw RequestError(.bodyTooLong, at: offset) }
    return .length(length)
  }

  /// Reads a line of a trailer section, or its end (RFC 9112 section 7.1.2).
  mutating func readTrailerLine(_ line: Span<UInt8>) throws(RequestError) {
    guard !line.isEmpty else {
      state = .end(trailers)
      trailers = HTTPFields()
      return
    }
    let (name, value) = try splitFieldLine(line)
    guard trailers.lines.count < limits.fieldCount else {
      throw RequestError(.tooManyFields, at: offset)
    }
    trailers.append(Self.field(line, name, value))
  }
}
