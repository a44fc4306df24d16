internal import Dispatch
internal import Glibc
internal import HTTP1
internal import Synchronization

/// What the connections of one loop share.
///
/// A server has one such core for each loop. The first is the front: it has the sockets that are listened
/// on and deals connections out to all in turn, itself included.
@safe final class ServerCore: @unchecked Sendable {
  // `@unchecked`: everything is used on `queue` alone once `init` has returned.

  let queue: DispatchQueue
  let configuration: HTTPServerConfiguration
  let times: ConnectionTimes
  let handler: any RequestHandler
  let counters: ServerCounters
  let loop: EventLoop

  /// Where all connections read into: what is left of it after a read moves on at once, so that a
  /// connection at rest owns no buffer.
  let readBuffer: UnsafeMutableRawBufferPointer

  /// A buffer for output, lent to the connection that is writing.
  var spareOutput: [UInt8] = []

  private var serverFieldsText: [UInt8] = []
  private var serverFieldsExpiry: UInt64 = 0

  /// What new connections use for TLS; `nil` without it.
  var tls: TLSContext?

  var listeners: [Listener]

  /// Connections of this loop.
  var openConnections = 0

  /// What all loops of the server count together.
  let shared: ServerShared

  /// The cores of the other loops; none save at the front.
  let others: [ServerCore]

  /// The front, from the others until they have ended.
  private var front: ServerCore?

  /// How many of the others have not ended yet.
  var runningOthers: Int

  /// The place of the next connection among the loops.
  var nextLoop = 0

  /// Who stands behind a proxy.
  let forwardedClient: ForwardedClient

  var bodyMemory: BodyMemory { shared.bodyMemory }

  var isShuttingDown = false

  /// When no handshake is under way any more, and nobody has to be let in; `.max` before the end.
  var lastHandshake = UInt64.max
  var hasEnded = false
  var shutdownDeadline = UInt64.max
  var shutdownCompletions: [@Sendable (Int) -> Void] = []
  var cutConnections = 0

  /// Makes the core of a loop that accepts nothing yet.
  init(
    queue: DispatchQueue, configuration: HTTPServerConfiguration, handler: any RequestHandler,
    clock: @escaping EventLoop.Clock, counters: ServerCounters, listeners: [Listener] = [],
    tls: TLSContext?, shared: ServerShared, others: [ServerCore] = []
  ) throws(HTTPServerError) {
    self.queue = queue
    self.configuration = configuration
    self.handler = handler
    self.counters = counters
    self.listeners = listeners
    self.tls = tls
    forwardedClient = ForwardedClient(
      proxies: configuration.trustedProxies, field: configuration.forwardedField)
    self.shared = shared
    self.others = others
    runningOthers = others.count
    times = ConnectionTimes(configuration)
    loop = try EventLoop(queue: queue, tick: times.tick, clock: clock)
    unsafe readBuffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 64 * 1024, alignment: 16)
    for other in others { other.front = self }
  }

  deinit {
    unsafe readBuffer.deallocate()
  }

  /// `Date` and `Server` as field lines (RFC 9110 sections 6.6.1 and 10.2.4), made anew ten times a
  /// second.
  var serverFields: [UInt8] {
    if loop.now >= serverFieldsExpiry {
      serverFieldsExpiry = loop.now + 100_000_000
      let date = HTTPDate.text(secondsSince1970: time(nil))
      serverFieldsText = Array("Date: \(date)\r\nServer: \(configuration.serverName)\r\n".utf8)
    }
    return serverFieldsText
  }

  /// Looks at what time has brought, besides the deadlines of connections.
  func tick() {
    for listener in listeners {
      if let time = listener.acceptsAgainAt, time <= loop.now { resumeAccepting(from: listener) }
    }
    if loop.now >= lastHandshake {
      for listener in listeners where listener.acceptsAgainAt == nil {
        acceptConnections(from: listener)
      }
      finishShutdownIfEmpty()
    }
    if loop.now >= shutdownDeadline { cutConnectionsShort() }
  }

  /// Takes note that a connection was closed.
  func connectionClosed(role: ListenerRole) {
    openConnections -= 1
    release(role: role)
    finishShutdownIfEmpty()
  }

  /// Gives a connection's place back, and has accepting go on where it waits for one.
  func release(role: ListenerRole) {
    shared.connectionClosed(role)
    counters.open.count(-1)
    guard shared.isPaused.load(ordering: .sequentiallyConsistent) else { return }
    if let front {
      front.queue.async { front.resumeAccepting() }
    } else {
      resumeAccepting()
    }
  }

  /// Tells the front that this loop has ended.
  func tellFront() {
    guard let front else { return }
    self.front = nil
    let cut = cutConnections
    front.queue.async { front.otherEnded(cutConnections: cut) }
  }
}
