import Testing

@testable import HTTPServer

extension HTTPServerConfiguration {
  /// A port of its own, and times that no machine is too slow for: a test states those that it is about.
  static func testing() -> HTTPServerConfiguration {
    var configuration = HTTPServerConfiguration()
    configuration.addresses = [SocketAddress(host: "127.0.0.1", port: 0)]
    configuration.handshakeTimeout = .seconds(3600)
    configuration.headTimeout = .seconds(3600)
    configuration.bodyTimeout = .seconds(3600)
    configuration.idleTimeout = .seconds(3600)
    configuration.writeTimeout = .seconds(3600)
    configuration.lingeringTimeout = .seconds(3600)
    return configuration
  }
}

/// A server on a port of its own that is shut down at the end of a test.
///
/// - Parameters:
///   - clock: what its times go by, and then it has one loop; the system's clock where `nil`.
///   - configure: states what the test depends on.
///   - body: the test.
/// - Throws: what the test throws.
func withServer(
  clock: TestClock? = nil,
  _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
  _ body: (_ server: HTTPServer, _ handler: TestHandler, _ port: Int) throws -> Void
) async throws {
  var configuration = HTTPServerConfiguration.testing()
  // Nothing that a client sees may depend on how many there are.
  configuration.loopCount = clock == nil ? 3 : 1
  configure(&configuration)
  let handler = TestHandler()
  let server = HTTPServer(
    configuration: configuration, handler: handler,
    clock: clock?.reading ?? EventLoop.systemClock)
  let addresses = try server.start()
  do {
    try body(server, handler, addresses[0].port)
  } catch {
    await server.shutdown(within: .zero)
    throw error
  }
  await server.shutdown(within: .zero)
}
