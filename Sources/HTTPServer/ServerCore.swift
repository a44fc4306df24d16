internal import Dispatch
internal import Glibc
internal import HTTP1

/// What the connections of a server share, and the sockets that it listens on.
@safe final class ServerCore: @unchecked Sendable {
  // `@unchecked`: everything is used on `queue` alone once `init` has returned.

  let queue: DispatchQueue
  let configuration: HTTPServerConfiguration
  let times: ConnectionTimes
  let handler: any RequestHandler
  let observer: (any ExchangeObserver)?
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
  var openConnections = 0

  /// Connections open at the listeners for everything.
  var openServiceConnections = 0

  /// How many connections each client has, where that is limited.
  var connectionsOfClients: [IPAddress: Int] = [:]

  /// Who stands behind a proxy.
  let forwardedClient: ForwardedClient

  /// Counts the bytes of the bodies that are being read or answered.
  let bodyMemory: BodyMemory

  var isShuttingDown = false
  var shutdownDeadline = UInt64.max
  var shutdownCompletions: [@Sendable (Int) -> Void] = []
  var cutConnections = 0

  /// Makes the core of a server that accepts nothing yet.
  init(
    queue: DispatchQueue, configuration: HTTPServerConfiguration, handler: any RequestHandler,
    observer: (any ExchangeObserver)?, counters: ServerCounters, listeners: [Listener],
    tls: TLSContext?
  ) throws(HTTPServerError) {
    self.queue = queue
    self.configuration = configuration
    self.handler = handler
    self.observer = observer
    self.counters = counters
    self.listeners = listeners
    self.tls = tls
    forwardedClient = ForwardedClient(
      proxies: configuration.trustedProxies, field: configuration.forwardedField)
    bodyMemory = BodyMemory(limit: configuration.maximumBodyMemory)
    times = ConnectionTimes(configuration)
    loop = try EventLoop(queue: queue, tick: times.tick)
    unsafe readBuffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 64 * 1024, alignment: 16)
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
    if loop.now >= shutdownDeadline { cutConnectionsShort() }
  }

  /// Takes note that a connection was closed.
  func connectionClosed(role: ListenerRole) {
    openConnections -= 1
    if role == .service { openServiceConnections -= 1 }
    counters.open.count(-1)
    for listener in listeners where listener.acceptsAgainAt != nil {
      resumeAccepting(from: listener)
    }
    finishShutdownIfEmpty()
  }
}
