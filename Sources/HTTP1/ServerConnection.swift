/// The server's end of one HTTP/1.1 connection: requests in, responses out, no socket.
///
/// It reads no further than one request whose response it owes: requests sent ahead (pipelining,
/// RFC 9112 section 9.3.2) stay with the caller, who stops reading; so responses keep their order
/// and a client cannot make a server hold more than one of its requests.
///
/// Not copyable: a connection has one state.
public struct ServerConnection: ~Copyable, Sendable {
  /// The client's side.
  public private(set) var client = ClientState.idle

  /// The server's side.
  public private(set) var server = ServerState.idle

  private var parser: RequestParser
  private var method = ""
  private var version = HTTPVersion.http11
  private var keepsAlive = true
  /// How the body that is being sent in parts ends.
  private var parts = Parts(isChunked: false, isLast: false)

  private struct Parts {
    /// By a chunk of no length, and not by the connection's end.
    var isChunked: Bool
    /// With the connection.
    var isLast: Bool
  }

  /// Makes a connection on which nothing was said yet.
  ///
  /// - Parameter limits: what each request may hold.
  public init(limits: HTTPLimits = HTTPLimits()) {
    parser = RequestParser(limits: limits)
  }

  /// Whether the client may send bytes that are read now.
  public var isReading: Bool {
    (client == .idle && server == .idle) || (client == .sending && server == .owing)
  }

  /// Whether no request is under way and no byte of one has come.
  public var isBetweenRequests: Bool {
    client == .idle && server == .idle && parser.isBetweenRequests
  }

  /// Whether an interim response may be sent: a request is under way from a client that knows them
  /// (RFC 9110 section 15.2: never to HTTP/1.0).
  public var allowsInterimResponse: Bool { server == .owing && version == .http11 }

  /// Reads up to one event from the front of new bytes.
  ///
  /// - Parameters:
  ///   - bytes: bytes as they came.
  ///   - index: where in `bytes` to go on; moved past what was used.
  /// - Returns: an event; `nil` when all bytes are used up or `isReading` is false.
  /// - Throws: why the request is refused. One response can then be sent, and it closes.
  public mutating func next(
    _ bytes: Span<UInt8>, from index: inout Int
  ) throws(RequestError) -> RequestEvent? {
    guard isReading else { return nil }
    do throws(RequestError) {
      let event = try parser.next(bytes, from: &index)
      switch event {
      case .head(let head):
        method = head.method
        version = head.version
        keepsAlive = head.keepsAlive
        move(.head)
        move(.requestHead)
      case .end:
        move(.endOfRequest)
      case .body, nil: break
      }
      return event
    } catch {
      // A response to HEAD has no body, even one that says what is wrong with its field lines.
      if client == .idle { method = parser.head.method }
      move(.error)
      throw error
    }
  }

  /// Says that the client sends no more bytes.
  ///
  /// - Throws: `incompleteRequest` where it stopped in the middle of one.
  public mutating func finishInput() throws(RequestError) {
    guard isReading else { return }
    do throws(RequestError) {
      try parser.finish()
      move(.endOfInput)
    } catch {
      move(.error)
      throw error
    }
  }

  /// Writes `100 Continue`, which asks for the body that the client holds back.
  ///
  /// - Parameter output: where to append.
  public mutating func writeContinue(to output: inout [UInt8]) {
    precondition(allowsInterimResponse, "no interim response in \(server) to \(version)")
    move(.interimResponse)
    output.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
  }

  /// Writes the head of the response to the request under way, or of a refusal.
  ///
  /// Where the head has no length, and a body follows, that is written by `writePart` and ended by
  /// `finishBody`: in chunks, or to an HTTP/1.0 client, which knows none, up to the connection's end
  /// (RFC 9112 sections 6.1 and 6.3).
  ///
  /// - Parameters:
  ///   - response: the head.
  ///   - serverFields: whole field lines to add: `Date` and `Server`.
  ///   - closing: whether the server wants the connection to end with this response.
  ///   - output: where to append.
  /// - Returns: whether the body follows: not after `HEAD`, 204 and 304.
  public mutating func write(
    _ response: ResponseHead, serverFields: [UInt8], closing: Bool, to output: inout [UInt8]
  ) -> Bool {
    precondition(
      server == .owing || (server == .idle && client != .done),
      "a response while the server is \(server) and the client \(client)")
    let isUnbounded = response.bodyLength == nil && response.allowsBody
    precondition(!isUnbounded || server == .owing, "a refusal comes in one piece")
    let isChunked = isUnbounded && version != .http10
    let isLast = closing || !keepsAlive || client != .done || isUnbounded && !isChunked
    let persistence: ResponseHead.Persistence =
      isLast ? .close : version == .http10 ? .keepAlive : .implied
    response.write(
      to: &output, serverFields: serverFields, persistence: persistence, isChunked: isChunked)
    let hasBody = response.allowsBody && method != "HEAD"
    if isUnbounded, hasBody {
      parts = Parts(isChunked: isChunked, isLast: isLast)
      move(.responseHead)
    } else {
      finishResponse(isLast: isLast)
    }
    return hasBody
  }

  /// Writes a part of a body whose head had no length.
  ///
  /// - Parameters:
  ///   - part: the bytes; none are no part.
  ///   - output: where to append.
  public mutating func writePart(_ part: [UInt8], to output: inout [UInt8]) {
    precondition(server == .sending, "a part of a body while the server is \(server)")
    // A chunk of no length would end the body.
    guard !part.isEmpty else { return }
    if parts.isChunked { output.append(contentsOf: "\(String(part.count, radix: 16))\r\n".utf8) }
    output.append(contentsOf: part)
    if parts.isChunked { output.append(contentsOf: "\r\n".utf8) }
  }

  /// Writes the end of a body whose head had no length.
  ///
  /// - Parameter output: where to append.
  public mutating func finishBody(to output: inout [UInt8]) {
    precondition(server == .sending, "the end of a body while the server is \(server)")
    if parts.isChunked { output.append(contentsOf: "0\r\n\r\n".utf8) }
    finishResponse(isLast: parts.isLast)
  }

  private mutating func finishResponse(isLast: Bool) {
    move(isLast ? .lastResponse : .response)
    if !isLast { startNextCycle() }
  }

  /// Both sides are done: the next request may be read.
  private mutating func startNextCycle() {
    move(ClientState.Event.nextCycle)
    move(ServerState.Event.nextCycle)
    method = ""
    version = .http11
    keepsAlive = true
    parser.startNext()
  }

  private mutating func move(_ event: ClientState.Event) {
    guard let next = client.after(event) else {
      preconditionFailure("the client's \(event) in the state \(client)")
    }
    client = next
  }

  private mutating func move(_ event: ServerState.Event) {
    guard let next = server.after(event) else {
      preconditionFailure("the server's \(event) in the state \(server)")
    }
    server = next
  }
}
