internal import Dispatch
internal import Synchronization

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

  /// Takes connections that wait at a listener; once the server ends, all of them, and closes it when
  /// no more can come.
  func acceptConnections(from listener: Listener) {
    // The kernel holds no more than its queue, and while the server ends lets no more come.
    let most = isShuttingDown ? configuration.backlog + Self.acceptBatch : Self.acceptBatch
    for _ in 0..<most {
      guard hasRoom(at: listener) else {
        pauseAccepting(from: listener, until: .max)
        // One may have closed before it could see that somebody waits for it.
        if hasRoom(at: listener) { resumeAccepting() }
        return
      }
      switch listener.accept() {
      case .connection(let descriptor, let address):
        open(descriptor, peerAddress: address.host, role: listener.role)
      case .aborted:
        continue
      case .nothing:
        if loop.now >= lastHandshake { close(listener) }
        return
      case .exhausted:
        return pauseAccepting(from: listener, until: loop.now + Self.exhaustionPause)
      case .failed:
        if isShuttingDown { return close(listener) }
        return pauseAccepting(from: listener, until: loop.now + Self.exhaustionPause)
      }
    }
  }

  /// Listens no more.
  func close(_ listener: Listener) {
    listeners.removeAll { $0 === listener }
    if listener.acceptsAgainAt == nil { loop.unwatch(listener.descriptor) }
    listener.close()
  }

  private func hasRoom(at listener: Listener) -> Bool {
    switch listener.role {
    case .service:
      shared.openServiceConnections.load(ordering: .sequentiallyConsistent)
        < configuration.maximumConnections
    case .health:
      shared.openConnections.load(ordering: .sequentiallyConsistent)
        - shared.openServiceConnections.load(ordering: .sequentiallyConsistent)
        < configuration.maximumHealthConnections
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
    shared.connectionOpened(role)
    counters.open.count()
    counters.accepted.count()
    let arrival = Arrival(
      descriptor: descriptor, peerAddress: peerAddress, role: role, counted: counted,
      isRefused: isRefused, tls: role == .service ? tls : nil)
    // Probes stay here, where no more than their share of the others waits before them.
    if role == .service { nextLoop = nextLoop == others.count ? 0 : nextLoop + 1 }
    // When the server ends, the other loops may have ended before.
    if role == .health || nextLoop == 0 || isShuttingDown {
      adopt(arrival)
    } else {
      let other = others[nextLoop - 1]
      other.queue.async { other.adopt(arrival) }
    }
  }

  /// A connection on its way to its loop.
  struct Arrival: Sendable {
    var descriptor: Int32
    var peerAddress: String
    var role: ListenerRole
    var counted: IPAddress?
    var isRefused: Bool
    var tls: TLSContext?
  }

  /// Takes a connection into this loop.
  private func adopt(_ arrival: Arrival) {
    let (descriptor, role, counted) = (arrival.descriptor, arrival.role, arrival.counted)
    func fail(_ transport: any ByteTransport) {
      if let counted { shared.leave(counted) }
      transport.close()
      release(role: role)
    }
    loop.refreshNow()
    guard let transport = Self.transport(arrival) else {
      return fail(SocketTransport(descriptor: descriptor))
    }
    let connection = Connection(
      core: self, transport: transport, peerAddress: arrival.peerAddress, role: role)
    connection.countedPeer = counted
    connection.isRefused = arrival.isRefused
    guard loop.watch(descriptor, for: Connection.initialInterest, handler: connection) else {
      loop.unwatch(descriptor)
      return fail(transport)
    }
    openConnections += 1
    connection.start()
    if isShuttingDown { connection.serverShutsDown() }
  }

  /// The way to a new connection's bytes; `nil` where memory has run out.
  private static func transport(_ arrival: Arrival) -> (any ByteTransport)? {
    guard let tls = arrival.tls else { return SocketTransport(descriptor: arrival.descriptor) }
    return TLSTransport(descriptor: arrival.descriptor, context: tls)
  }

  private func pauseAccepting(from listener: Listener, until time: UInt64) {
    guard listener.acceptsAgainAt == nil else { return }
    listener.acceptsAgainAt = time
    shared.isPaused.store(true, ordering: .sequentiallyConsistent)
    counters.acceptPauses.count()
    // Not only no interest: a socket that is broken would go on to be told of.
    loop.unwatch(listener.descriptor)
  }

  /// Accepts again after a pause.
  func resumeAccepting(from listener: Listener) {
    listener.acceptsAgainAt = nil
    if listeners.allSatisfy({ $0.acceptsAgainAt == nil }) {
      shared.isPaused.store(false, ordering: .sequentiallyConsistent)
    }
    _ = loop.watch(listener.descriptor, for: .readable, handler: listener)
    // What came during the pause is told of by the watch; while the server ends nobody may be left.
    if isShuttingDown { acceptConnections(from: listener) }
  }

  /// Accepts again wherever it pauses: a connection has closed.
  func resumeAccepting() {
    for listener in listeners where listener.acceptsAgainAt != nil {
      resumeAccepting(from: listener)
    }
  }
}
