extension ServerCore {
  /// How long accepting pauses when descriptors or memory have run out, unless a connection closes
  /// before: 100 ms, so that a server at its limit neither spins nor keeps clients waiting.
  private static let exhaustionPause: UInt64 = 100_000_000

  /// Connections taken from one listener before others have their turn.
  private static let acceptBatch = 64

  /// Begins to accept on all listeners.
  func startAccepting() {
    loop.onTick = { [unowned self] in tick() }
    guard !isShuttingDown else { return }
    for listener in listeners {
      listener.onReady = { [unowned self] in acceptConnections(from: $0) }
      _ = loop.watch(listener.descriptor, for: .readable, handler: listener)
    }
  }

  /// Takes the connections that wait at a listener.
  func acceptConnections(from listener: Listener) {
    for _ in 0..<Self.acceptBatch {
      guard openConnections < configuration.maximumConnections else {
        return pauseAccepting(until: .max)
      }
      switch listener.accept() {
      case .connection(let descriptor, let address):
        open(descriptor, clientAddress: address.host)
      case .nothing:
        return
      case .exhausted:
        return pauseAccepting(until: loop.now + Self.exhaustionPause)
      }
    }
  }

  private func open(_ descriptor: Int32, clientAddress: String) {
    let transport = SocketTransport(descriptor: descriptor)
    let connection = Connection(core: self, transport: transport, clientAddress: clientAddress)
    guard loop.watch(descriptor, for: Connection.initialInterest, handler: connection) else {
      loop.unwatch(descriptor)
      return transport.close()
    }
    openConnections += 1
    counters.open.count()
    counters.accepted.count()
    connection.start()
  }

  private func pauseAccepting(until time: UInt64) {
    guard acceptsAgainAt == nil else { return }
    acceptsAgainAt = time
    counters.acceptPauses.count()
    for listener in listeners { loop.rewatch(listener.descriptor, for: []) }
  }

  /// Accepts again after a pause.
  func resumeAccepting() {
    acceptsAgainAt = nil
    for listener in listeners { loop.rewatch(listener.descriptor, for: .readable) }
  }
}
