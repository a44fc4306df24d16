internal import Dispatch
internal import HTTP1

/// Responses whose parts are made while they are sent.
///
/// The connection stays in `answering` until the last part. It takes from the stream only what it can
/// write: while the socket is full the parts wait in the stream, and its writer with them.
extension Connection {
  /// Begins to send parts; the head is in the output.
  func begin(_ stream: BodyStream) {
    self.stream = stream
    // From here on what shows that the client has gone is the writing.
    setDeadline(.none, nil)
    let number = exchangeNumber
    stream.onWriting { [weak self] in
      guard let self else { return }
      queue.async { self.partsWait(ofExchange: number) }
    }
  }

  private func partsWait(ofExchange number: UInt64) {
    guard phase == .answering, number == exchangeNumber, stream != nil else { return }
    core.loop.refreshNow()
    sendParts()
    if phase == .reading { proceed() } else { settle() }
  }

  /// Writes the parts that wait, and ends the response behind the last.
  func sendParts() {
    guard let stream, !isWriting else { return }
    let batch = stream.take()
    lendOutput()
    http.writePart(batch.bytes, to: &output)
    if batch.isLast { http.finishBody(to: &output) }
    if batch.isLast {
      self.stream = nil
      endResponse()
    }
    if !isWriting, !output.isEmpty { flush() }
  }
}
