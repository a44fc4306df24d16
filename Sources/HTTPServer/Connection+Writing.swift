internal import HTTP1

extension Connection {
  /// Takes the shared buffer where the connection has none of its own.
  func lendOutput() {
    if output.capacity == 0 { swap(&output, &core.spareOutput) }
  }

  /// Writes as much as the socket takes.
  func flush() {
    // Safety: `outputSent` and `largeBodySent` count bytes taken and never pass their arrays' counts.
    while outputSent < output.count {
      let result = unsafe output.withUnsafeBytes {
        unsafe transport.write(
          UnsafeRawBufferPointer(rebasing: $0[outputSent...]), isMoreComing: !largeBody.isEmpty)
      }
      guard let count = taken(result) else { return }
      outputSent += count
    }
    while largeBodySent < largeBody.count {
      let result = unsafe largeBody.withUnsafeBytes {
        unsafe transport.write(
          UnsafeRawBufferPointer(rebasing: $0[largeBodySent...]), isMoreComing: false)
      }
      guard let count = taken(result) else { return }
      largeBodySent += count
    }
    returnOutput()
    finishWriting()
  }

  /// How many bytes were taken; `nil` where writing cannot go on now.
  private func taken(_ result: TransportResult) -> Int? {
    switch result {
    case .bytes(let count):
      writtenSinceStart += count
      return count
    case .wouldBlock(let readiness):
      writeWaitsFor = readiness
      if !isWriting {
        isWriting = true
        writeStart = core.loop.now
        writtenSinceStart = 0
      }
      setDeadline(
        .write,
        core.times.deadline(from: writeStart, core.times.write, bytes: writtenSinceStart))
      return nil
    case .closed, .failed, .plaintext, .handshakeRefused:
      abort()
      return nil
    }
  }

  /// Empties the output and gives the shared buffer back, unless it has grown large.
  private func returnOutput() {
    outputSent = 0
    largeBody = []
    largeBodySent = 0
    output.removeAll(keepingCapacity: output.capacity <= 2 * Self.gatheringLength)
    if output.capacity > core.spareOutput.capacity { swap(&output, &core.spareOutput) }
    if output.capacity > 0 { output = [] }
  }

  /// Goes on once everything is written.
  private func finishWriting() {
    if http.server == .closed {
      isWriting = false
      return finishResponses()
    }
    guard isWriting else { return }
    isWriting = false
    setDeadline(.none, nil)
    if phase == .answering, stream != nil { sendParts() }
    if phase == .reading, !isWriting { proceed() }
  }

  /// Ends the connection after its last response, in the way that lets the client read it.
  ///
  /// RFC 9112 section 9.6: shut the sending side, then read until the client has closed its own; to
  /// close at once with bytes unread would reset the connection and could take the response away.
  func finishResponses() {
    guard phase != .closed else { return }
    guard !inputEnded else { return close() }
    transport.shutdownWriting()
    phase = .lingering
    unread = []
    body = []
    lingeringLeft = core.configuration.lingeringLength
    lingeringEnd = core.loop.now &+ 6 * core.times.lingering
    setDeadline(.lingering, core.loop.now &+ core.times.lingering)
    settle()
  }

  /// Drops what the client still sends.
  func dropInput() {
    for _ in 0..<4 {
      switch unsafe transport.read(into: core.readBuffer) {
      case .bytes(let count):
        lingeringLeft -= count
        guard lingeringLeft > 0 else { return close() }
        setDeadline(.lingering, min(core.loop.now &+ core.times.lingering, lingeringEnd))
      case .wouldBlock:
        return
      case .closed, .failed, .plaintext, .handshakeRefused:
        return close()
      }
    }
  }
}
