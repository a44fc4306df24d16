import HTTPServer

/// A server on a port of its own that is shut down at the end of a test.
func withServer(
  _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
  observer: (any ExchangeObserver)? = nil,
  _ body: (_ server: HTTPServer, _ handler: TestHandler, _ port: Int) throws -> Void
) async throws {
  var configuration = HTTPServerConfiguration()
  configuration.addresses = [SocketAddress(host: "127.0.0.1", port: 0)]
  // Nothing that a client sees may depend on how many there are.
  configuration.loopCount = 3
  configure(&configuration)
  let handler = TestHandler()
  let server = HTTPServer(configuration: configuration, handler: handler, observer: observer)
  let addresses = try server.start()
  do {
    try body(server, handler, addresses[0].port)
  } catch {
    await server.shutdown(within: .zero)
    throw error
  }
  await server.shutdown(within: .zero)
}
