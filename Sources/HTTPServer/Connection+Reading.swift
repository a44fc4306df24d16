internal import HTTP1

extension Connection {
  /// Reads taken from one connection before others have their turn: 256 KiB.
  private static let readBatch = 4

  /// The largest body of a request that the handler refused which is read and dropped, so that the
  /// connection lives on.
  private static let droppedLength = 64 * 1024

  /// How long a connection at rest waits for another request when the server ends: 1 s.
  private static let lastRequestTime: UInt64 = 1_000_000_000

  /// Reads what is there and acts on it.
  func read() {
    if !unread.isEmpty { processUnread() }
    for _ in 0..<Self.readBatch {
      guard phase == .reading, !isWriting, !inputEnded else { break }
      switch unsafe transport.read(into: core.readBuffer) {
      case .bytes(let count):
        // Safety: the transport has written `count` bytes, which is no more than the buffer's.
        unsafe process(UnsafeRawBufferPointer(rebasing: core.readBuffer[..<count]))
        let isFull = unsafe count == core.readBuffer.count
        guard isFull || !transport.isDrainedByShortRead else { return }
      case .wouldBlock(let readiness):
        readWaitsFor = readiness
        if deadline == .handshake, !transport.isHandshaking { start() }
        return
      case .closed:
        inputEnded = true
        finishInput()
      case .failed:
        clientGone()
      case .plaintext:
        refusePlaintext()
      case .handshakeRefused:
        core.counters.failedHandshakes.count()
        finishResponses()
      }
    }
  }

  /// Answers what speaks HTTP to a port of TLS in words that a person finds in the client's output.
  private func refusePlaintext() {
    core.counters.refused.count()
    var fields = HTTPFields()
    fields.append("Content-Type", "text/plain; charset=utf-8")
    let text =
      "This port speaks HTTPS: the request came without TLS. Use https:// instead of http://.\n"
    respond(HTTPResponse(status: 400, fields: fields, body: Array(text.utf8)), closing: true)
  }

  /// Acts on bytes that were kept while a request was answered.
  func processUnread() {
    let kept = unread
    unread = []
    // Safety: `kept` lives until the closure returns.
    unsafe kept.withUnsafeBytes { unsafe process($0) }
  }

  /// Acts on new bytes, and keeps those behind a request that is not answered at once.
  private func process(_ buffer: UnsafeRawBufferPointer) {
    let bytes = unsafe Span<UInt8>(_bytes: RawSpan(_unsafeBytes: buffer))
    var index = 0
    do throws(RequestError) {
      while phase == .reading, !isWriting, let event = try http.next(bytes, from: &index) {
        switch event {
        case .head(let head):
          begin(head, isBodyHere: index < bytes.count)
        case .body(let range):
          unsafe append(UnsafeRawBufferPointer(rebasing: buffer[range]))
        case .end:
          handleRequest(isLast: index == bytes.count)
        }
      }
    } catch {
      refuse(error)
    }
    if index < bytes.count, phase == .answering || isWriting {
      unsafe unread.append(contentsOf: buffer[index...])
    }
    finishRound()
  }

  /// Writes what the new bytes brought about and sets the deadline for what is to come.
  func finishRound() {
    if !output.isEmpty, !isWriting, phase == .reading || phase == .answering { flush() }
    guard phase == .reading, !isWriting else { return }
    if http.isBetweenRequests {
      if hasServed, core.isShuttingDown, unread.isEmpty { return finishResponses() }
      if hasServed, deadline != .idle {
        setDeadline(.idle, core.loop.now &+ core.times.idle)
      }
    } else if http.client == .idle {
      if deadline != .head {
        setDeadline(.head, core.loop.now &+ core.times.head)
      }
    } else {
      setDeadline(
        .body, core.times.deadline(from: bodyStart, core.times.body, bytes: body.count))
    }
  }

  /// Acts on the client's having sent its last byte.
  func finishInput() {
    do throws(RequestError) {
      try http.finishInput()
      if http.client == .closed { finishResponses() }
    } catch {
      refuse(error)
      finishRound()
    }
  }

  /// Asks the handler whether to read the body, and the client to send it.
  private func begin(_ head: RequestHead, isBodyHere: Bool) {
    bodyStart = core.loop.now
    core.counters.requests.count()
    let limitRefusal = identifyClient(head.fields)
    let request = HTTPRequest(
      method: head.method, path: head.path, query: head.query, fields: head.fields,
      clientAddress: clientAddress, listener: role, memory: core.bodyMemory)
    self.request = request
    if isRefused { return refuse(core.tooManyConnections) }
    if head.isHTTPS, !isSecured { return refuse(Self.unsecuredTarget) }
    if let refusal = limitRefusal.map({ response(to: $0) }) ?? admit(request)
      ?? bodyRefusal(head).map({ response(to: $0) })
    {
      // To drop a small body costs less than a new connection. One that is large, or that the client
      // holds back until it is asked, is not read.
      guard !head.expectsContinue, let length = head.framing.declaredLength,
        length <= Self.droppedLength
      else { return respond(refusal, closing: true) }
      self.refusal = refusal
      return
    }
    switch head.framing {
    case .none: bodyLimit = 0
    case .length(let length): bodyLimit = length
    case .chunked: bodyLimit = core.configuration.limits.bodyLength
    }
    // RFC 9110 section 10.1.1: once part of the body has come, 100 Continue may be left out.
    if head.expectsContinue, !isBodyHere {
      lendOutput()
      http.writeContinue(to: &output)
    }
  }

  /// Asks the handler about a head, and keeps its ticket.
  ///
  /// - Returns: the answer that refuses the request; `nil` to go on.
  private func admit(_ head: HTTPRequest) -> HTTPResponse? {
    switch core.handler.admit(head: head) {
    case .refused(let response): return response
    case .admitted(let ticket):
      request?.ticket = ticket
      return nil
    }
  }

  /// RFC 9110 section 7.4: what an https URI names is not handed out on a connection that is not
  /// secured, save to a gateway that is trusted to have secured its own.
  private static let unsecuredTarget = HTTPRefusal(
    status: 400,
    detail: "the target is an https URI, and this connection is not secured (RFC 9110 section 7.4)")

  private var isSecured: Bool {
    transport.isSecure || IPAddress(peerAddress).map(core.forwardedClient.trusts) == true
  }

  /// Finds out whose request it is, and counts it where that is limited.
  ///
  /// - Returns: why it is refused; `nil` to go on.
  private func identifyClient(_ fields: HTTPFields) -> HTTPRefusal? {
    guard !core.configuration.trustedProxies.isEmpty, role == .service else { return nil }
    clientAddress = peerAddress
    guard let peer = IPAddress(peerAddress), core.forwardedClient.trusts(peer),
      let text = core.forwardedClient.address(in: fields), let address = IPAddress(text)
    else { return nil }
    clientAddress = text
    guard core.configuration.maximumConnectionsPerAddress != nil,
      !core.forwardedClient.trusts(address)
    else { return nil }
    countedClient = core.enter(address)
    return countedClient == nil ? core.tooManyConnections : nil
  }

  /// Why a body whose length is declared is refused; `nil` to go on.
  private func bodyRefusal(_ head: RequestHead) -> HTTPRefusal? {
    guard let length = head.framing.declaredLength, length > 0,
      length > core.bodyMemory.free
    else { return nil }
    return core.outOfBodyMemory
  }

  /// Keeps a part of the body.
  ///
  /// Room grows by doubling as bytes come and never beyond the declared length: a client that only
  /// says it has 32 MiB costs nothing.
  private func append(_ bytes: UnsafeRawBufferPointer) {
    guard refusal == nil else { return }
    let needed = body.count + bytes.count
    if needed > body.capacity {
      let capacity = min(max(needed, 2 * body.capacity), max(bodyLimit, needed))
      let share = bodyShare ?? BodyMemory.Share(of: core.bodyMemory)
      bodyShare = share
      guard share.take(capacity - share.count) else { return refuse(core.outOfBodyMemory) }
      body.reserveCapacity(capacity)
      // The allocator rounds up by less than a page or an eighth, which nobody is refused for.
      _ = share.take(max(body.capacity - capacity, 0))
    }
    unsafe body.append(contentsOf: bytes)
  }

  /// Gives a whole request to the handler.
  ///
  /// - Parameter isLast: whether no byte is known to follow it.
  private func handleRequest(isLast: Bool) {
    guard var request else { return }
    if let refusal {
      self.refusal = nil
      return respond(refusal, closing: core.isShuttingDown && isLast)
    }
    request.body = body
    request.share = bodyShare
    body = []
    bodyShare = nil
    phase = .answering
    setDeadline(.none, nil)
    exchangeNumber += 1
    let exchange = Exchange(connection: self, number: exchangeNumber)
    core.handler.handle(request) { exchange.respond($0) }
    if let response = exchange.finishHandling() {
      respond(response, closing: core.isShuttingDown && isLast)
    } else if clientHalfClosed {
      scheduleProbe()
    }
  }

  /// Keeps what has come behind the request that is being answered, without acting on it.
  func readAhead() {
    // Safety: the transport has written `count` bytes, which is no more than the buffer's.
    if case .bytes(let count) = unsafe transport.read(into: core.readBuffer) {
      unsafe unread.append(contentsOf: core.readBuffer[..<count])
    }
  }

  /// Acts on the server's being told to end: a connection at rest closes soon, unless a request comes.
  func serverShutsDown() {
    guard phase == .reading, http.isBetweenRequests, !isWriting else { return }
    read()
    settle()
    guard phase == .reading, http.isBetweenRequests, !isWriting else { return }
    // Its first request may be on its way, or its next one, which is answered with `Connection: close`.
    setDeadline(.idle, core.loop.now &+ min(core.times.head, Self.lastRequestTime))
  }
}
