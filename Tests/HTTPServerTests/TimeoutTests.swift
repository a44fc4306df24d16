import Glibc
import HTTPServer
import Testing

@Suite struct TimeoutTests {
  @Test("RFC 9110 section 15.5.9: a head that comes too slowly is a 408") func slowHead()
    async throws
  {
    try await withServer({ $0.headTimeout = .milliseconds(250) }) { _, _, port in
      let client = try TestClient(port: port)
      let start = ContinuousClock.now
      try client.send("GET / HTTP/1.1\r\nHost: ")
      // A byte now and then does not buy time.
      for _ in 0..<3 {
        usleep(50_000)
        try client.send("x")
      }
      #expect(try client.receiveResponse().status == 408)
      #expect(ContinuousClock.now - start >= .milliseconds(200))
      #expect(try client.isClosedByServer())
    }
  }

  @Test("a second head on a connection has the same time") func slowSecondHead() async throws {
    try await withServer({ $0.headTimeout = .milliseconds(250) }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().status == 200)
      usleep(300_000)
      try client.send("GET ")
      #expect(try client.receiveResponse().status == 408)
    }
  }

  @Test("a connection that never says anything is closed without a word") func silence()
    async throws
  {
    try await withServer({ $0.headTimeout = .milliseconds(200) }) { _, _, port in
      let client = try TestClient(port: port)
      #expect(try client.isClosedByServer())
    }
  }

  @Test("RFC 9110 section 15.5.9: a body that comes too slowly is a 408") func slowBody()
    async throws
  {
    try await withServer({ $0.bodyTimeout = .milliseconds(250) }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
      for _ in 0..<3 {
        usleep(50_000)
        try client.send("x")
      }
      #expect(try client.receiveResponse().status == 408)
    }
  }

  @Test("a body that keeps up the least rate has more time") func steadyBody() async throws {
    try await withServer({
      $0.bodyTimeout = .milliseconds(300)
      $0.minimumRate = 10
    }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 110\r\n\r\n0123456789")
      for _ in 0..<10 {
        try client.send("0123456789")
        usleep(50_000)
      }
      #expect(try client.receiveResponse().text == "110")
    }
  }

  @Test("a connection at rest closes after its time, and a busy one does not") func idle()
    async throws
  {
    try await withServer({ $0.idleTimeout = .milliseconds(600) }) { _, _, port in
      let client = try TestClient(port: port)
      for _ in 0..<4 {
        try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.receiveResponse().status == 200)
        usleep(200_000)
      }
      #expect(try client.isClosedByServer())
    }
  }

  @Test("no time runs while a handler works") func slowHandler() async throws {
    try await withServer({
      $0.headTimeout = .milliseconds(100)
      $0.bodyTimeout = .milliseconds(100)
      $0.idleTimeout = .milliseconds(100)
    }) { _, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      usleep(300_000)
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
