extension ServerCore {
  /// Stops accepting, lets requests that have come be answered, and ends.
  ///
  /// - Parameters:
  ///   - limit: after which the connections that are left are cut.
  ///   - completion: called with how many were cut.
  func shutDown(within limit: Duration, completion: @escaping @Sendable (Int) -> Void) {
    loop.refreshNow()
    let wasShuttingDown = isShuttingDown
    guard !wasShuttingDown || openConnections > 0 else { return completion(cutConnections) }
    shutdownCompletions.append(completion)
    let (deadline, isTooLarge) = loop.now.addingReportingOverflow(limit.nanoseconds)
    shutdownDeadline = min(shutdownDeadline, isTooLarge ? .max : deadline)
    if !wasShuttingDown {
      isShuttingDown = true
      closeListeners()
      for case let connection as Connection in loop.handlers { connection.serverShutsDown() }
    }
    if loop.now >= shutdownDeadline { cutConnectionsShort() } else { finishShutdownIfEmpty() }
  }

  /// Takes what the kernel has accepted already, whose clients believe themselves connected, and
  /// stops listening.
  private func closeListeners() {
    let closing = listeners
    for listener in closing {
      acceptConnections(from: listener)
      loop.unwatch(listener.descriptor)
      listener.close()
    }
    listeners = []
  }

  /// Closes what is left when the time is over.
  func cutConnectionsShort() {
    shutdownDeadline = .max
    for case let connection as Connection in loop.handlers {
      cutConnections += 1
      connection.abort()
    }
    finishShutdownIfEmpty()
  }

  /// Ends the loop and tells who waits, once no connection is left.
  func finishShutdownIfEmpty() {
    guard isShuttingDown, openConnections == 0, !shutdownCompletions.isEmpty else { return }
    loop.stop()
    let completions = shutdownCompletions
    shutdownCompletions = []
    for completion in completions { completion(cutConnections) }
  }
}
