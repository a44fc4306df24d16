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
      guard hasRoom(at: listener) else { return pauseAccepting(from: listener, until: .max) }
      switch listener.accept() {
      case .connection(let descriptor, let address):
        open(descriptor, peerAddress: address.host, role: listener.role)
      case .nothing:
        return
      case .exhausted:
        return pauseAccepting(from: listener, until: loop.now + Self.exhaustionPause)
      }
    }
  }

  private func hasRoom(at listener: Listener) -> Bool {
    switch listener.role {
    case .service: openServiceConnections < configuration.maximumConnections
    case .health: openConnections - openServiceConnections < configuration.maximumHealthConnections
    }
  }

  private func open(_ descriptor: Int32, peerAddress: String, role: ListenerRole) {
    var counted: IPAddress?
    var isRefused = false
    if role == .service {
      switch admit(peerAddress) {
      case .served(let client): counted = client
      case .refused(let client): (counted, isRefused) = (client, true)
      case .closed:
        counters.refused.count()
        return SocketTransport(descriptor: descriptor).close()
      }
    }
    guard let transport = transport(descriptor, role) else {
      if let counted { leave(counted) }
      return SocketTransport(descriptor: descriptor).close()
    }
    let connection = Connection(
      core: self, transport: transport, peerAddress: peerAddress, role: role)
    connection.countedPeer = counted
    connection.isRefused = isRefused
    guard loop.watch(descriptor, for: Connection.initialInterest, handler: connection) else {
      loop.unwatch(descriptor)
      if let counted { leave(counted) }
      return transport.close()
    }
    openConnections += 1
    if role == .service { openServiceConnections += 1 }
    counters.open.count()
    counters.accepted.count()
    connection.start()
  }

  /// The way to a new connection's bytes; `nil` where memory has run out.
  private func transport(_ descriptor: Int32, _ role: ListenerRole) -> (any ByteTransport)? {
    guard let tls, role == .service else { return SocketTransport(descriptor: descriptor) }
    return TLSTransport(descriptor: descriptor, context: tls)
  }

  private func pauseAccepting(from listener: Listener, until time: UInt64) {
    guard listener.acceptsAgainAt == nil else { return }
    listener.acceptsAgainAt = time
    counters.acceptPauses.count()
    loop.rewatch(listener.descriptor, for: [])
  }

  /// Accepts again after a pause.
  func resumeAccepting(from listener: Listener) {
    listener.acceptsAgainAt = nil
    loop.rewatch(listener.descriptor, for: .readable)
  }
}
