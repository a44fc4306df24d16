import Glibc
import HTTP1
import Testing

@testable import HTTPServer

@Suite struct ListeningTests {
  @Test func listensOnSeveralAddressesOfBothFamilies() async throws {
    try await withServer({
      $0.addresses = [
        SocketAddress(host: "localhost", port: 0), SocketAddress(host: "[::1]", port: 0),
        SocketAddress(host: "127.0.0.1", port: 0),
      ]
    }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "/a")
    }
  }

  @Test func reportsTheBoundPortsAndTheIPv6ClientsAddress() async throws {
    var configuration = HTTPServerConfiguration.testing()
    configuration.addresses = [
      SocketAddress(host: "127.0.0.1", port: 0), SocketAddress(host: "::1", port: 0),
    ]
    let server = HTTPServer(configuration: configuration, handler: TestHandler())
    let bound = try server.start()
    #expect(bound.map(\.host) == ["127.0.0.1", "::1"])
    #expect(bound.allSatisfy { $0.port > 0 })
    #expect(bound[1].description == "[::1]:\(bound[1].port)")
    let client = try TestClient(port: bound[1].port, isIPv6: true)
    try client.send("GET /address HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(try client.receiveResponse().text == "::1")
    client.close()
    await server.shutdown(within: .seconds(3600))
  }

  @Test func saysWhyItCannotListen() async throws {
    try await withServer { server, handler, port in
      let taken = SocketAddress(host: "127.0.0.1", port: port)
      func error(_ addresses: [SocketAddress]) -> HTTPServerError? {
        var configuration = HTTPServerConfiguration.testing()
        configuration.addresses = addresses
        let other = HTTPServer(configuration: configuration, handler: handler)
        do throws(HTTPServerError) {
          _ = try other.start()
          return nil
        } catch {
          return error
        }
      }
      // What bound before the failure is given back: the second try fails in the same way.
      let free = SocketAddress(host: "127.0.0.1", port: 0)
      #expect(error([free, taken]) == .addressInUse(taken))
      #expect(error([taken]) == .addressInUse(taken))
      for host in ["example.com", "", "1.2.3", "127.0.0.1 ", "::g"] {
        let address = SocketAddress(host: host, port: 0)
        #expect(error([address]) == .invalidAddress(address))
      }
      for port in [-1, 65536] {
        let address = SocketAddress(host: "127.0.0.1", port: port)
        #expect(error([address]) == .invalidAddress(address))
      }
      // RFC 5737: no machine has an address of the documentation network.
      let foreign = SocketAddress(host: "192.0.2.1", port: 0)
      #expect(error([foreign]) == .addressNotAvailable(foreign))
      #expect(error([taken])?.description.contains("127.0.0.1:\(port)") == true)
      #expect(throws: HTTPServerError.alreadyStarted) { try server.start() }
    }
  }

  @Test("connections over the limit wait until one closes") func maximumConnections() async throws {
    try await withServer({ $0.maximumConnections = 2 }) { server, _, port in
      let first = try TestClient(port: port)
      let second = try TestClient(port: port)
      let third = try TestClient(port: port)
      try third.send("GET /third HTTP/1.1\r\nHost: x\r\n\r\n")
      try first.send("GET /first HTTP/1.1\r\nHost: x\r\n\r\n")
      try second.send("GET /second HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try first.receiveResponse().text == "/first")
      #expect(try second.receiveResponse().text == "/second")
      #expect(becomesTrue { server.statistics.acceptPauses >= 1 })
      #expect(server.statistics.acceptedConnections == 2)
      first.close()
      #expect(try third.receiveResponse().text == "/third")
    }
  }
}
