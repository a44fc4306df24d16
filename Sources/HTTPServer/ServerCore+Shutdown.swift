internal import Dispatch

extension ServerCore {
  /// How long handshakes that have begun may take to be complete, 200 ms: the way there and back to
  /// the other side of the world.
  ///
  /// A client takes itself for connected when the kernel's answer has come to it, and the kernel when the
  /// client's has come back. To close in between would reset a connection whose request is on its way.
  private static let handshakeGrace: UInt64 = 200_000_000

  /// Stops accepting, lets requests that have come be answered, and ends; called at the front.
  ///
  /// - Parameters:
  ///   - limit: after which the connections that are left are cut.
  ///   - completion: called with how many were cut.
  func shutDown(within limit: Duration, completion: @escaping @Sendable (Int) -> Void) {
    loop.refreshNow()
    guard !hasEnded else { return completion(cutConnections) }
    shutdownCompletions.append(completion)
    let (deadline, isTooLarge) = loop.now.addingReportingOverflow(limit.nanoseconds)
    shutdownDeadline = min(shutdownDeadline, isTooLarge ? .max : deadline)
    if !isShuttingDown {
      isShuttingDown = true
      lastHandshake = loop.now &+ Self.handshakeGrace
      for listener in listeners {
        listener.refuseConnections()
        // Those that the kernel has accepted already believe themselves connected.
        if listener.acceptsAgainAt == nil { acceptConnections(from: listener) }
      }
      // Behind the connections that were dealt out to them, on the same queues.
      for other in others { other.queue.async { other.endConnections() } }
      endConnections()
    }
    if loop.now >= shutdownDeadline { cutConnectionsShort() }
  }

  /// Has each connection of this loop end when it is answered.
  private func endConnections() {
    isShuttingDown = true
    loop.refreshNow()
    for case let connection as Connection in loop.handlers { connection.serverShutsDown() }
    finishShutdownIfEmpty()
  }

  /// Closes what is left in all loops when the time is over; called at the front.
  func cutConnectionsShort() {
    shutdownDeadline = .max
    for listener in listeners { close(listener) }
    for other in others { other.queue.async { other.cutConnectionsOfLoop() } }
    cutConnectionsOfLoop()
  }

  private func cutConnectionsOfLoop() {
    for case let connection as Connection in loop.handlers {
      cutConnections += 1
      connection.abort()
    }
    finishShutdownIfEmpty()
  }

  /// Takes note that another loop has ended.
  func otherEnded(cutConnections count: Int) {
    cutConnections += count
    runningOthers -= 1
    finishShutdownIfEmpty()
  }

  /// Ends the loop and tells who waits, once no connection is left here and no other loop runs.
  func finishShutdownIfEmpty() {
    guard isShuttingDown, listeners.isEmpty, openConnections == 0, runningOthers == 0, !hasEnded
    else { return }
    hasEnded = true
    loop.stop()
    tellFront()
    let completions = shutdownCompletions
    shutdownCompletions = []
    for completion in completions { completion(cutConnections) }
  }
}
