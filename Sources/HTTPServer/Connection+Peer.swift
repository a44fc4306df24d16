internal import HTTP1

/// What the other side's silence, half-close and disappearance mean.
///
/// A client that goes away while its request is being answered should have its work dropped. TCP tells
/// of it in two ways:
///
/// - A reset (the client crashed, or closed with bytes unread, or was sent something after it had
///   closed) shows at once as an error of the socket: the request is cancelled.
/// - An ordinary close sends FIN, and so does `shutdown(SHUT_WR)` by a client that only says that its
///   request is complete and waits for the response. The two look the same from here, and stay so
///   until something is sent: a client that has closed answers that with a reset, one that waits takes
///   it. So a client that has shut its side and still has no response after `halfCloseProbeDelay` is
///   sent `100 Continue`, which RFC 9110 section 15.2 obliges every HTTP/1.1 client to pass over. An
///   HTTP/1.0 client cannot be asked; it is answered.
extension Connection {
  /// Acts on the client's FIN; bytes may be left to read before it, and `read` finds the end behind
  /// them.
  func clientEndedInput() {
    guard !clientHalfClosed else { return }
    clientHalfClosed = true
    if phase == .answering { scheduleProbe() }
  }

  /// Sees to it that a client that has shut its side is asked in a while whether it is still there.
  func scheduleProbe() {
    guard !isProbed, !isWriting, let delay = core.times.probe, http.allowsInterimResponse else {
      return
    }
    isProbed = true
    setDeadline(.probe, core.loop.now &+ delay)
  }

  /// Asks a client that has shut its side whether it is still there.
  private func probe() {
    lendOutput()
    http.writeContinue(to: &output)
    flush()
    settle()
  }

  /// Acts on a broken connection.
  func clientGone() {
    guard phase != .closed else { return }
    cancelRequest()
    close()
  }

  func deadlinePassed() {
    let passed = deadline
    guard !hasComeInTime(passed) else { return settle() }
    deadline = .none
    switch passed {
    case .none: break
    case .idle, .lingering: close()
    // A response in parts may still be worked on.
    case .write: abort()
    case .handshake:
      core.counters.failedHandshakes.count()
      close()
    case .head:
      guard !http.isBetweenRequests else { return close() }
      refuseSlow("the head of the request did not come within \(core.configuration.headTimeout)")
    case .body:
      refuseSlow(
        "the body of the request came too slowly: it may take \(core.configuration.bodyTimeout), "
          + "and longer at \(core.configuration.minimumRate) bytes a second")
    case .probe: probe()
    }
  }

  /// Reads what is here when a time for the client's bytes has passed: the loop may have been held up, and
  /// not the client.
  ///
  /// Some bytes more of a head do not make it one that has come in time.
  private func hasComeInTime(_ passed: Deadline) -> Bool {
    switch passed {
    case .handshake, .idle, .head, .body: break
    case .none, .write, .lingering, .probe: return false
    }
    read()
    guard phase == .reading, !isWriting else { return true }
    return core.loop.deadline(of: transport.descriptor).map { $0 > core.loop.now } ?? false
  }

  private func refuseSlow(_ detail: String) {
    refuse(HTTPRefusal(status: 408, detail: detail))
    settle()
  }
}
