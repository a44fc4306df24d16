/// Reads one request after another from bytes that come in pieces of any size (RFC 9112).
///
/// No sockets, no clock: bytes in, events out. What comes out does not depend on how the bytes were
/// cut, errors included.
///
/// ```
/// HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
/// ```
///
/// | state | reads | goes to |
/// |---|---|---|
/// | `requestLine` | empty lines, a few; the request line | `fieldLines` |
/// | `fieldLines` | field lines; the empty line gives `head` | `body`, `chunkSize`, `end` |
/// | `body(n)` | n bytes, given as `body` | `end` |
/// | `chunkSize` | a chunk's size and extensions | `chunkData`, `trailerLines` after size 0 |
/// | `chunkData(n)` | n bytes, given as `body` | `chunkEnd` |
/// | `chunkEnd` | CR, then LF | `chunkSize` |
/// | `trailerLines` | field lines; the empty line | `end` |
/// | `end(trailers)` | nothing; gives `end` | `complete` |
/// | `complete` | nothing, until `startNext()` | `requestLine` |
/// | `failed` | nothing more | |
///
/// Rules:
/// 1. A line is judged once it is whole, by its length first and then from its front, so that the
///    first error is the same however the bytes were cut. Only a first byte that cannot start a
///    method is refused at once: what speaks TLS to this port never sends a line end.
/// 2. A line that has not ended is refused as soon as it is longer than its limit.
/// 3. The bytes behind a request are not touched before `startNext()`.
public struct RequestParser: ~Copyable, Sendable {
  enum State: Sendable, Equatable {
    case requestLine
    case fieldLines
    case body(Int)
    case chunkSize
    case chunkData(Int)
    case chunkEnd(hasCarriageReturn: Bool)
    case trailerLines
    case end(HTTPFields)
    case complete
    case failed(RequestError)
  }

  /// The limits that hold for each request.
  public let limits: HTTPLimits

  var state = State.requestLine

  /// The front of a line whose end has not come; empty where lines come whole.
  private var partialLine: [UInt8] = []

  /// The bytes of this request before the line or data that is being read.
  var offset = 0

  var emptyLines = 0
  var head = RequestHead()
  var declared = DeclaredFraming()
  var trailers = HTTPFields()

  /// Body bytes of the chunks so far, those announced included.
  var chunkedLength = 0

  /// Bytes of chunk extensions so far.
  var extensionLength = 0

  /// The request's offset where the trailer section began.
  var trailerStart = 0

  /// Makes a parser at the start of a connection.
  ///
  /// - Parameter limits: what a request may hold.
  public init(limits: HTTPLimits = HTTPLimits()) {
    self.limits = limits
  }

  /// Whether no byte of a request has come, save empty lines before it.
  public var isBetweenRequests: Bool {
    if case .requestLine = state { partialLine.isEmpty } else { false }
  }

  /// Whether a request was read in full and `startNext()` not called yet.
  public var isComplete: Bool { if case .complete = state { true } else { false } }

  /// Reads up to one event from the front of new bytes.
  ///
  /// - Parameters:
  ///   - bytes: bytes as they came.
  ///   - index: where in `bytes` to go on; moved past what was used. Ranges in events count from the
  ///     start of `bytes`.
  /// - Returns: an event, or `nil` when all bytes are used up or the request is complete.
  /// - Throws: why the request is refused; each later call throws the same.
  public mutating func next(
    _ bytes: Span<UInt8>, from index: inout Int
  ) throws(RequestError) -> RequestEvent? {
    do throws(RequestError) {
      while true {
        switch state {
        case .requestLine, .fieldLines, .chunkSize, .trailerLines:
          guard index < bytes.count else { return nil }
          if let event = try readLine(bytes, from: &index) { return event }
        case .body(let remaining):
          return takeData(remaining, bytes, &index) { $0 == 0 ? .end(HTTPFields()) : .body($0) }
        case .chunkData(let remaining):
          return takeData(remaining, bytes, &index) {
            $0 == 0 ? .chunkEnd(hasCarriageReturn: false) : .chunkData($0)
          }
        case .chunkEnd(let hasCarriageReturn):
          guard index < bytes.count else { return nil }
          guard bytes[index] == (hasCarriageReturn ? .lineFeed : .carriageReturn) else {
            throw RequestError(.missingChunkEnd, at: offset)
          }
          index += 1
          offset += 1
          state = hasCarriageReturn ? .chunkSize : .chunkEnd(hasCarriageReturn: true)
        case .end(let trailers):
          state = .complete
          return .end(trailers: trailers)
        case .complete:
          return nil
        case .failed(let error):
          throw error
        }
      }
    } catch {
      state = .failed(error)
      throw error
    }
  }

  /// Says that no byte will come any more.
  ///
  /// RFC 9112 section 8: a request that ends early is incomplete and is not to be acted on.
  ///
  /// - Throws: `incompleteRequest` where a request had begun and not ended.
  public mutating func finish() throws(RequestError) {
    switch state {
    case .complete, .end: return
    case .requestLine where partialLine.isEmpty: return
    case .failed(let error): throw error
    default:
      let error = RequestError(.incompleteRequest, at: offset + partialLine.count)
      state = .failed(error)
      throw error
    }
  }

  /// Goes on to the request behind one that is complete.
  public mutating func startNext() {
    precondition(isComplete, "startNext() in the state \(state)")
    state = .requestLine
    offset = 0
    emptyLines = 0
    chunkedLength = 0
    extensionLength = 0
  }

  /// Gives the next bytes of a body or chunk.
  private mutating func takeData(
    _ remaining: Int, _ bytes: Span<UInt8>, _ index: inout Int, then next: (Int) -> State
  ) -> RequestEvent? {
    let count = min(remaining, bytes.count - index)
    guard count > 0 else { return nil }
    let range = index..<index + count
    index += count
    offset += count
    state = next(remaining - count)
    return .body(range)
  }

  /// Puts a line together and reads it; there is at least one byte.
  ///
  /// - Returns: an event; `nil` when the line gave none, or has not ended and all bytes are used.
  private mutating func readLine(
    _ bytes: Span<UInt8>, from index: inout Int
  ) throws(RequestError) -> RequestEvent? {
    if isBetweenRequests {
      let first = bytes[index]
      guard ByteClass.token.contains(first) || first == .carriageReturn || first == .lineFeed else {
        throw RequestError(.invalidMethod, at: offset)
      }
    }
    let (allowance, reason) = lineAllowance
    guard let lineFeed = bytes.lineFeed(from: index) else {
      guard partialLine.count + bytes.count - index <= allowance else {
        throw RequestError(reason, at: offset + allowance)
      }
      append(bytes, index..<bytes.count)
      index = bytes.count
      return nil
    }
    let end = lineFeed + 1
    guard partialLine.count + end - index <= allowance else {
      throw RequestError(reason, at: offset + allowance)
    }
    let start = index
    index = end
    if partialLine.isEmpty { return try read(bytes.extracting(start..<end)) }
    append(bytes, start..<end)
    let line = partialLine
    partialLine = []
    return try read(line.span)
  }

  private mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    unsafe bytes.extracting(range).withUnsafeBufferPointer {
      unsafe partialLine.append(contentsOf: $0)
    }
  }

  /// How long the line that is being read may be, its end included, and what to say if it is longer.
  private var lineAllowance: (Int, RequestError.Reason) {
    switch state {
    case .requestLine:
      // What stands beside the target: a method, two spaces, `HTTP/1.1`, CR LF. A longer line can
      // only be a target that is too long.
      (min(limits.targetLength + limits.methodLength + 12, limits.headLength), .targetTooLong)
    case .fieldLines: (limits.headLength - offset, .headTooLong)
    case .trailerLines: (limits.trailerLength - (offset - trailerStart), .trailersTooLong)
    default:
      // 16 hexadecimal digits and CR LF.
      (18 + limits.chunkExtensionLength - extensionLength, .chunkExtensionsTooLong)
    }
  }

  /// Reads a whole line, its line feed included.
  private mutating func read(_ line: Span<UInt8>) throws(RequestError) -> RequestEvent? {
    let length = line.count - 2
    guard length >= 0, line[length] == .carriageReturn else {
      throw RequestError(.bareLineFeed, at: offset + line.count - 1)
    }
    defer { offset += line.count }
    let text = line.extracting(0..<length)
    switch state {
    case .requestLine:
      try readRequestLine(text)
    case .fieldLines:
      guard length == 0 else {
        try readFieldLine(text)
        return nil
      }
      return try finishHead()
    case .chunkSize:
      try readChunkSize(text)
    case .trailerLines:
      try readTrailerLine(text)
    default:
      preconditionFailure("no line is read in the state \(state)")
    }
    return nil
  }
}
