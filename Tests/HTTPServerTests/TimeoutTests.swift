import Glibc
import HTTPServer
import Testing

@Suite struct TimeoutTests {
  @Test("RFC 9110 section 15.5.9: a head that comes too slowly is a 408") func slowHead()
    async throws
  {
    let clock = TestClock()
    try await withServer(clock: clock, { $0.headTimeout = .seconds(10) }) { server, _, port in
      let client = try TestClient(port: port)
      try client.send("GET / HTTP/1.1\r\nHost: ")
      // A byte now and then does not buy time, nor does one that comes with the end of it.
      for _ in 0..<3 {
        try hasReadAll(port: port)
        try clock.advance(by: .seconds(3), in: server)
        try client.send("x")
      }
      try hasReadAll(port: port)
      #expect(server.statistics.refusedRequests == 0)
      try clock.advance(by: .seconds(2), in: server) { front in
        try client.send("x")
        #expect(becomesTrue { front.bytesWait })
      }
      #expect(server.statistics.refusedRequests == 1)
      #expect(try client.receiveResponse().status == 408)
      #expect(try client.isClosedByServer())
    }
  }

  @Test("a second head on a connection has the same time") func slowSecondHead() async throws {
    let clock = TestClock()
    try await withServer(clock: clock, { $0.headTimeout = .seconds(10) }) { server, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().status == 200)
      try clock.advance(by: .seconds(11), in: server)
      try client.send("GET ")
      try hasReadAll(port: port)
      try clock.advance(by: .seconds(9), in: server)
      #expect(server.statistics.refusedRequests == 0)
      try clock.advance(by: .seconds(2), in: server)
      #expect(try client.receiveResponse().status == 408)
    }
  }

  @Test("a connection that never says anything is closed without a word") func silence()
    async throws
  {
    let clock = TestClock()
    try await withServer(clock: clock, { $0.headTimeout = .seconds(10) }) { server, _, port in
      let client = try TestClient(port: port)
      try hasReadAll(port: port)
      try clock.advance(by: .seconds(11), in: server)
      #expect(try client.isClosedByServer())
    }
  }

  @Test("a request that has come while the server was held up has come in time", arguments: [1, 2])
  func heldUp(requests: Int) async throws {
    let clock = TestClock()
    try await withServer(
      clock: clock,
      {
        $0.headTimeout = .seconds(10)
        $0.idleTimeout = .seconds(10)
      }
    ) { server, _, port in
      let client = try TestClient(port: port)
      try hasReadAll(port: port)
      // The first, for which the connection was made; and one on a connection at rest.
      for number in 1...requests {
        try clock.advance(by: .seconds(11), in: server) { front in
          try client.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
          #expect(becomesTrue { front.bytesWait })
        }
        #expect(try client.receiveResponse().text == "1", "the request \(number)")
      }
    }
  }

  @Test("RFC 9110 section 15.5.9: a body that comes too slowly is a 408") func slowBody()
    async throws
  {
    let clock = TestClock()
    try await withServer(clock: clock, { $0.bodyTimeout = .seconds(10) }) { server, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
      for _ in 0..<3 {
        try hasReadAll(port: port)
        try clock.advance(by: .seconds(3), in: server)
        try client.send("x")
      }
      try hasReadAll(port: port)
      #expect(server.statistics.refusedRequests == 0)
      try clock.advance(by: .seconds(2), in: server)
      #expect(try client.receiveResponse().status == 408)
    }
  }

  @Test("a body that keeps up the least rate has more time") func steadyBody() async throws {
    let clock = TestClock()
    try await withServer(
      clock: clock,
      {
        $0.bodyTimeout = .seconds(3)
        $0.minimumRate = 10
      }
    ) { server, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 110\r\n\r\n0123456789")
      for _ in 0..<10 {
        try hasReadAll(port: port)
        try clock.advance(by: .milliseconds(900), in: server)
        try client.send("0123456789")
      }
      #expect(try client.receiveResponse().text == "110")
    }
  }

  @Test("a connection at rest closes after its time, and a busy one does not") func idle()
    async throws
  {
    let clock = TestClock()
    try await withServer(clock: clock, { $0.idleTimeout = .seconds(60) }) { server, _, port in
      let client = try TestClient(port: port)
      for _ in 0..<4 {
        try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.receiveResponse().status == 200)
        try clock.advance(by: .seconds(50), in: server)
      }
      try clock.advance(by: .seconds(11), in: server)
      #expect(try client.isClosedByServer())
    }
  }

  @Test("no time runs while a handler works") func slowHandler() async throws {
    let clock = TestClock()
    try await withServer(
      clock: clock,
      {
        $0.headTimeout = .seconds(1)
        $0.bodyTimeout = .seconds(1)
        $0.idleTimeout = .seconds(1)
      }
    ) { server, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      try clock.advance(by: .seconds(3600), in: server)
      handler.release()
      #expect(try client.receiveResponse().text == "/hold")
    }
  }

  @Test("a client that does not take its response is cut off") func slowReader() async throws {
    try await withServer({
      $0.writeTimeout = .milliseconds(250)
      $0.minimumRate = 1 << 30
    }) { server, _, port in
      let client = try TestClient(port: port, receiveBufferLength: 4096)
      try client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(becomesTrue { server.statistics.requests == 1 })
      #expect(becomesTrue { server.statistics.openConnections == 0 })
    }
  }
}
