internal import Dispatch
internal import Glibc
internal import Synchronization

/// An HTTP/1.1 server on one serial queue for each of its loops.
///
/// ```swift
/// let server = HTTPServer(configuration: configuration, handler: handler)
/// let addresses = try server.start()
/// ...
/// let cut = await server.shutdown(within: .seconds(30))
/// ```
///
/// Several servers can run side by side, each on its own queue. Signals are the program's affair; SIGPIPE cannot come from here.
public final class HTTPServer: Sendable {
  private let queue: DispatchQueue
  private let configuration: HTTPServerConfiguration
  private let handler: any RequestHandler
  private let clock: EventLoop.Clock
  private let counters = ServerCounters()
  /// The front; `nil` before the start.
  let core = Mutex<ServerCore?>(nil)

  /// Makes a server that does not listen yet.
  ///
  /// - Parameters:
  ///   - configuration: where to listen and what to allow.
  ///   - handler: what answers requests.
  public convenience init(configuration: HTTPServerConfiguration, handler: any RequestHandler) {
    self.init(configuration: configuration, handler: handler, clock: EventLoop.systemClock)
  }

  /// Makes a server whose times go by a clock of one's own.
  init(
    configuration: HTTPServerConfiguration, handler: any RequestHandler,
    clock: @escaping EventLoop.Clock
  ) {
    self.configuration = configuration
    self.handler = handler
    self.clock = clock
    queue = DispatchQueue(label: "HTTPServer", qos: .userInteractive)
  }

  deinit {
    if let core = core.withLock({ $0 }) {
      queue.async { core.shutDown(within: .zero) { _ in } }
    }
  }

  /// Binds all addresses and starts to accept.
  ///
  /// - Returns: the bound addresses in the order of the configuration's, those for health last, with the
  ///   ports that the kernel chose.
  /// - Throws: `HTTPServerError`; then nothing listens.
  public func start() throws(HTTPServerError) -> [SocketAddress] {
    try core.withLock { (core) throws(HTTPServerError) in
      guard core == nil else { throw .alreadyStarted }
      var listeners: [Listener] = []
      do throws(HTTPServerError) {
        let tls = try readTLSFiles()
        for address in configuration.addresses {
          listeners.append(try Listener(address, backlog: configuration.backlog))
        }
        for address in configuration.healthAddresses {
          listeners.append(try Listener(address, backlog: configuration.backlog, role: .health))
        }
        let started = try makeCores(listeners, tls)
        core = started
        queue.async { started.startAccepting() }
      } catch {
        for listener in listeners { listener.close() }
        throw error
      }
      return listeners.map(\.address)
    }
  }

  /// Makes the cores of all loops.
  ///
  /// - Returns: the front.
  private func makeCores(
    _ listeners: [Listener], _ tls: TLSContext?
  ) throws(HTTPServerError) -> ServerCore {
    let shared = ServerShared(configuration)
    var others: [ServerCore] = []
    do throws(HTTPServerError) {
      for number in 1..<max(configuration.loopCount, 1) {
        others.append(
          try ServerCore(
            queue: DispatchQueue(label: "HTTPServer-\(number)", qos: .userInteractive),
            configuration: configuration, handler: handler, clock: clock, counters: counters,
            tls: nil, shared: shared))
      }
      return try ServerCore(
        queue: queue, configuration: configuration, handler: handler, clock: clock,
        counters: counters, listeners: listeners, tls: tls, shared: shared, others: others)
    } catch {
      Self.abandon(others)
      throw error
    }
  }

  /// Ends loops that never served: each on its own queue, where its clock may be ticking, and alive
  /// until then.
  static func abandon(_ cores: [ServerCore]) {
    for core in cores { core.queue.async { core.loop.stop() } }
  }

  /// Reads certificate, key and client authorities anew, for connections from now on.
  ///
  /// Connections that are open go on with what they began with. Does nothing without TLS, or before
  /// `start()`, which reads them anyway.
  ///
  /// - Throws: what is wrong with the files; then those read before stay in use.
  public func reloadCertificates() throws(TLSError) {
    guard let core = core.withLock({ $0 }), let files = configuration.tls else { return }
    let context = try TLSContext(files)
    queue.async { core.tls = context }
  }

  private func readTLSFiles() throws(HTTPServerError) -> TLSContext? {
    guard let files = configuration.tls else { return nil }
    do throws(TLSError) {
      return try TLSContext(files)
    } catch {
      throw .tls(error)
    }
  }

  /// Stops accepting, answers the requests that have come, each with `Connection: close`, closes
  /// connections at rest after a second, and ends.
  ///
  /// - Parameter limit: how long it may take; connections still open then are cut.
  /// - Returns: how many connections were cut.
  @discardableResult
  public func shutdown(within limit: Duration) async -> Int {
    await withCheckedContinuation { continuation in
      shutdown(within: limit) { continuation.resume(returning: $0) }
    }
  }

  /// Shuts down like the method that waits.
  ///
  /// - Parameters:
  ///   - limit: how long it may take; a later call can only shorten it.
  ///   - completion: called once, with how many connections were cut.
  public func shutdown(within limit: Duration, completion: @escaping @Sendable (Int) -> Void) {
    guard let core = core.withLock({ $0 }) else { return completion(0) }
    queue.async { core.shutDown(within: limit, completion: completion) }
  }

  /// What was counted until now.
  public var statistics: ServerStatistics { counters.statistics }
}
