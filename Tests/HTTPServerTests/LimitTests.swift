import Glibc
import HTTP1
import HTTPServer
import Testing

/// What one client, and what all of them together, may take.
@Suite struct LimitTests {
  @Test("RFC 6585 section 4: a client with too many connections is told so, then cut off")
  func connectionsPerAddress() async throws {
    // Time stands still: who is refused has two seconds to ask.
    try await withServer(clock: TestClock(), { $0.maximumConnectionsPerAddress = 2 }) {
      server, handler, port in
      let first = try TestClient(port: port)
      let second = try TestClient(port: port)
      try first.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      #expect(becomesTrue { server.statistics.openConnections == 2 })
      let third = try TestClient(port: port)
      let fourth = try TestClient(port: port)
      #expect(becomesTrue { server.statistics.openConnections == 4 })
      // One that does not even wait for its refusal.
      #expect(try TestClient(port: port).isClosedByServer())
      try third.send("GET /third HTTP/1.1\r\nHost: x\r\n\r\n")
      let refusal = try third.receiveResponse()
      #expect(refusal.status == 429)
      #expect(refusal.fields["retry-after"] == "1")
      #expect(refusal.fields["connection"] == "close")
      #expect(try third.isClosedByServer())
      handler.release()
      #expect(try first.receiveResponse().text == "/hold")
      for client in [first, third, fourth] { client.close() }
      #expect(becomesTrue { server.statistics.openConnections == 1 })
      let fifth = try TestClient(port: port)
      for client in [second, fifth] {
        try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.receiveResponse().text == "/a")
      }
    }
  }

  @Test func aTrustedProxyTellsTheClientAndAnybodyElseDoesNot() async throws {
    let request = "GET /address HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send(request)
      #expect(try client.receiveResponse().text == "127.0.0.1")
    }
    try await withServer({
      $0.trustedProxies = [AddressBlock("127.0.0.0/8")].compactMap(\.self)
    }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send(request)
      #expect(try client.receiveResponse().text == "192.0.2.1")
      // Each request for itself; one of the proxy's own has its address.
      try client.send("GET /address HTTP/1.1\r\nHost: x\r\nForwarded: for=192.0.2.1\r\n\r\n")
      #expect(try client.receiveResponse().text == "127.0.0.1")
    }
  }

  @Test func behindAProxyItsClientsRequestsCount() async throws {
    try await withServer({
      $0.trustedProxies = [AddressBlock("127.0.0.1")].compactMap(\.self)
      $0.maximumConnectionsPerAddress = 1
    }) { _, handler, port in
      func ask(_ path: String, for address: String) throws -> TestClient {
        let client = try TestClient(port: port)
        try client.send("GET \(path) HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \(address)\r\n\r\n")
        return client
      }
      let busy = try ask("/hold", for: "192.0.2.1")
      #expect(handler.waits(forHeld: 1))
      let refused = try ask("/a", for: "192.0.2.1")
      #expect(try refused.receiveResponse().status == 429)
      // The proxy's connection is not at fault, and others come by it.
      try refused.send("GET /b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.2\r\n\r\n")
      #expect(try refused.receiveResponse().text == "/b")
      handler.release()
      #expect(try busy.receiveResponse().text == "/hold")
      #expect(try ask("/c", for: "192.0.2.1").receiveResponse().text == "/c")
      // A client that goes away counts no more.
      try ask("/hold", for: "192.0.2.1").reset()
      #expect(
        becomesTrue {
          (try? ask("/d", for: "192.0.2.1").receiveResponse().text) == "/d"
        })
      handler.release()
    }
  }

  @Test func aBodyCountsForAsLongAsSomebodyHasIt() async throws {
    try await withServer({ $0.maximumBodyMemory = 100_000 }) { server, handler, port in
      let client = try TestClient(port: port)
      try client.send("POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
      try client.send([UInt8](repeating: 1, count: 60_000))
      #expect(handler.waits(forHeld: 1))
      // The client goes, but the handler is still at its body: there is no room for another.
      client.reset()
      #expect(becomesTrue { server.statistics.cancelledRequests == 1 })
      func post() throws -> Int {
        let client = try TestClient(port: port)
        try client.send(
          "POST /length HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n")
        try client.send([UInt8](repeating: 1, count: 60_000))
        return try client.receiveResponse().status
      }
      #expect(try post() == 503)
      handler.release()
      #expect(becomesTrue { (try? post()) == 200 })
    }
  }

  @Test("RFC 9110 section 15.6.4: bodies share their memory") func bodyMemory() async throws {
    try await withServer({ $0.maximumBodyMemory = 100_000 }) { server, handler, port in
      func post(_ path: String, _ framing: String) throws -> TestClient {
        let client = try TestClient(port: port)
        try client.send("POST \(path) HTTP/1.1\r\nHost: x\r\n\(framing)\r\n\r\n")
        return client
      }
      // Only what has come counts, not what was promised.
      let promising = try post("/length", "Content-Length: 100000")
      try promising.send([UInt8](repeating: 1, count: 10))
      // Another event loop reads the next one, and might do so before.
      #expect(becomesTrue { server.statistics.requests == 1 })
      let holding = try post("/hold", "Content-Length: 60000")
      try holding.send([UInt8](repeating: 1, count: 60_000))
      #expect(handler.waits(forHeld: 1))
      let declared = try post("/length", "Content-Length: 60000")
      // A small body of a refused request is dropped, and the connection lives on.
      try declared.send([UInt8](repeating: 1, count: 60_000))
      let refusal = try declared.receiveResponse()
      #expect(refusal.status == 503)
      #expect(refusal.fields["retry-after"] == "1")
      let chunked = try post("/length", "Transfer-Encoding: chunked")
      try chunked.send("EA60\r\n")
      try chunked.send([UInt8](repeating: 1, count: 60_000))
      #expect(try chunked.receiveResponse().status == 503)
      handler.release()
      #expect(try holding.receiveResponse().status == 200)
      try holding.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
      try holding.send([UInt8](repeating: 1, count: 60_000))
      #expect(try holding.receiveResponse().text == "60000")
      try promising.send([UInt8](repeating: 1, count: 99_990))
      let last = try promising.receiveResponse()
      #expect(last.text == "100000", "\(last.status)")
    }
  }

  @Test func probesAreAnsweredWhileTheServerIsFull() async throws {
    var configuration = HTTPServerConfiguration.testing()
    configuration.healthAddresses = [SocketAddress(host: "127.0.0.1", port: 0)]
    configuration.maximumConnections = 1
    configuration.maximumConnectionsPerAddress = 1
    let server = HTTPServer(configuration: configuration, handler: TestHandler())
    let ports = try server.start().map(\.port)
    let service = try TestClient(port: ports[0])
    try service.send("GET /listener HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(try service.receiveResponse().text == "service")
    let waiting = try TestClient(port: ports[0])
    #expect(becomesTrue { server.statistics.acceptPauses == 1 })
    let probes = try (0..<3).map { _ in try TestClient(port: ports[1]) }
    for probe in probes {
      try probe.send("GET /listener HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try probe.receiveResponse().text == "health")
    }
    // What closes at one port makes no room at the other.
    probes[0].close()
    #expect(becomesTrue { server.statistics.openConnections == 3 })
    #expect(server.statistics.acceptedConnections == 4)
    waiting.close()
    await server.shutdown(within: .zero)
  }
}
