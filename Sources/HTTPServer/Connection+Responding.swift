internal import HTTP1

extension Connection {
  /// Takes a response that came from another thread or later.
  func deliver(_ response: HTTPResponse, toExchange number: UInt64) {
    // A connection that was closed in the meantime has no use for it.
    guard phase == .answering, number == exchangeNumber else { return }
    core.loop.refreshNow()
    if core.isShuttingDown, unread.isEmpty { readAhead() }
    respond(response, closing: core.isShuttingDown && unread.isEmpty)
    proceed()
  }

  /// Goes on after a response: writes it, and begins the next request.
  func proceed() {
    finishRound()
    while phase == .reading, !isWriting, !unread.isEmpty {
      let before = unread.count
      processUnread()
      if unread.count == before { break }
    }
    if phase == .reading, !isWriting, inputEnded { finishInput() }
    settle()
  }

  /// Refuses a request that breaks a rule or a limit, and says which limit it was.
  func refuse(_ error: RequestError) {
    let limit = core.configuration.limits.limit(for: error.reason)
    let most = limit.map { "; at most \($0.value) \($0.unit) are allowed" } ?? ""
    refuse(HTTPRefusal(status: error.status, detail: error.detail + most, limit: limit))
  }

  /// Answers in the server's own name, and ends the connection.
  func refuse(_ refusal: HTTPRefusal) {
    respond(response(to: refusal), closing: true)
  }

  /// The answer to what the server itself refuses.
  func response(to refusal: HTTPRefusal) -> HTTPResponse {
    core.counters.refused.count()
    var response = core.handler.response(to: refusal)
    if let seconds = refusal.retryAfter { response.fields["Retry-After"] = "\(seconds)" }
    return response
  }

  /// Puts a response into the output.
  func respond(_ response: HTTPResponse, closing: Bool) {
    let wantsClose =
      response.fields["Connection"]?.utf8.elementsEqual("close".utf8) == true
    let head = ResponseHead(
      status: response.status, fields: response.fields,
      bodyLength: response.stream == nil ? response.body.count : nil)
    lendOutput()
    let sendsBody = http.write(
      head, serverFields: core.serverFields, closing: closing || wantsClose, to: &output)
    if let stream = response.stream, http.server == .sending {
      http.writePart(response.body, to: &output)
      return begin(stream)
    }
    response.stream?.abandon()
    if sendsBody {
      if response.body.count <= Self.gatheringLength {
        output.append(contentsOf: response.body)
      } else {
        largeBody = response.body
      }
    }
    endResponse()
  }

  /// Forgets a request that was answered, and begins to read the next.
  func endResponse() {
    forgetRequest()
    hasServed = true
    isProbed = false
    // A deadline of this request means nothing to the next.
    setDeadline(.none, nil)
    // What has gathered must leave before more is made; so must the last response.
    let mustWrite =
      http.server == .closed || !largeBody.isEmpty || output.count > Self.gatheringLength
    phase = .reading
    if mustWrite, !isWriting { flush() }
  }

  /// Tells the handler that nobody waits for its response any more.
  func cancelRequest() {
    guard let request, phase == .answering else { return }
    request.cancellation.cancel()
    core.counters.cancelled.count()
    self.request = nil
  }
}
