import Glibc
import HTTP1
import HTTPServer
import Testing

@Suite struct ExchangeTests {
  @Test func whatTheHandlerFindsInTheHeadTravelsWithTheRequest() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /ticket?seen HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
      #expect(try client.receiveResponse().text == "seen")
      try client.send("GET /ticket HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "none")
    }
  }

  @Test func answersOneRequestAfterAnotherOnOneConnection() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      for path in ["/one", "/two", "/three"] {
        try client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try client.receiveResponse()
        #expect(response.status == 200)
        #expect(response.text == path)
        #expect(response.fields["server"] == "frcnn")
        #expect(response.fields["date"]?.hasSuffix(" GMT") == true)
        #expect(response.fields["connection"] == nil)
        #expect(response.fields["content-length"] == "\(path.utf8.count)")
      }
    }
  }

  @Test func answersFromAnotherThread() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      for _ in 0..<3 {
        try client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.receiveResponse().text == "later")
      }
    }
  }

  @Test func readsARequestByteByByte() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      let request = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
      for _ in 0..<2 {
        for byte in request.utf8 { try client.send([byte]) }
        #expect(try client.receiveResponse().text == "hello")
      }
    }
  }

  @Test("RFC 9112 section 9.3.2: pipelined requests are answered in order, slow ones too")
  func pipelining() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      let paths = (0..<200).map { $0 % 7 == 3 ? "/later" : "/\($0)" }
      try client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
      for path in paths {
        #expect(try client.receiveResponse().text == (path == "/later" ? "later" : path))
      }
    }
  }

  @Test("pipelined requests with large bodies and responses are slowed down, not gathered")
  func backPressure() async throws {
    try await withServer { _, handler, port in
      let client = try TestClient(port: port, receiveBufferLength: 4096)
      let count = 20
      try client.send(
        String(repeating: "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", count: count))
      #expect(becomesTrue { !handler.handledPaths.isEmpty })
      usleep(50_000)
      // The first response of 8 MiB does not fit into the socket: the second is not asked for.
      #expect(handler.handledPaths.count == 1)
      for _ in 0..<count {
        let response = try client.receiveResponse()
        #expect(response.body.count == 8 << 20)
      }
      #expect(handler.handledPaths.count == count)
    }
  }

  @Test func readsAChunkedBody() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
      try client.send("5\r\nhel")
      try client.send("lo\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n")
      #expect(try client.receiveResponse().text == "hello world")
      try client.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "/next")
    }
  }

  @Test func readsAndWritesBodiesThatTakeManyReads() async throws {
    try await withServer { _, _, port in
      let pattern = (0..<4093).map { UInt8(truncatingIfNeeded: $0 * $0) }
      let body = Array(repeatElement(pattern, count: 256).joined())
      let client = try TestClient(port: port)
      for _ in 0..<2 {
        try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
        try client.send(body)
        #expect(try client.receiveResponse().body == body)
      }
    }
  }

  @Test("RFC 9110 section 9.3.2: HEAD gets the length and no body") func head() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("HEAD /large HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      let head = try client.receiveResponse(hasBody: false)
      #expect(head.fields["content-length"] == "\(8 << 20)")
      #expect(try client.receiveResponse().text == "/a")
    }
  }

  @Test("RFC 9110 section 15.3.5: 204 has no body") func noContent() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /empty HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      let response = try client.receiveResponse()
      #expect(response.status == 204)
      #expect(response.fields["content-length"] == nil)
      #expect(try client.receiveResponse().text == "/a")
    }
  }

  @Test("RFC 9112 section 9.3: HTTP/1.0 closes, or lives on where it asked") func http10()
    async throws
  {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(try client.receiveResponse().fields["connection"] == "keep-alive")
      try client.send("GET /b HTTP/1.0\r\n\r\n")
      #expect(try client.receiveResponse().fields["connection"] == "close")
      #expect(try client.isClosedByServer())
    }
  }

  @Test("RFC 9110 section 10.1.1: the client is asked for its body") func expectContinue()
    async throws
  {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      let head = "Host: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
      try client.send("POST /echo HTTP/1.1\r\n\(head)")
      #expect(try client.receiveResponse().status == 100)
      try client.send("hello")
      #expect(try client.receiveResponse().text == "hello")
      // A body that comes at once needs no asking.
      try client.send("POST /echo HTTP/1.1\r\n\(head)again")
      #expect(try client.receiveResponse().text == "again")
    }
  }

  @Test("RFC 9110 section 10.1.1: a handler that refuses is asked first") func expectRefused()
    async throws
  {
    try await withServer { _, handler, port in
      let client = try TestClient(port: port)
      try client.send(
        "POST /refused HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
      let response = try client.receiveResponse()
      #expect(response.status == 403)
      #expect(response.fields["connection"] == "close")
      #expect(try client.isClosedByServer())
      #expect(handler.handledPaths.isEmpty)
    }
  }

  @Test("RFC 9110 section 10.1.1: another expectation is a 417") func otherExpectation()
    async throws
  {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET / HTTP/1.1\r\nHost: x\r\nExpect: patience\r\n\r\n")
      #expect(try client.receiveResponse().status == 417)
    }
  }

  @Test("a refusal drops a small body and leaves the connection open") func refusedWithSmallBody()
    async throws
  {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /refused HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().status == 403)
      try client.send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
      #expect(try client.receiveResponse().fields["connection"] == nil)
      try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "/a")
    }
  }

  @Test("a refusal does not wait for a large body or one of unknown length")
  func refusedWithLargeBody()
    async throws
  {
    try await withServer { _, _, port in
      for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let client = try TestClient(port: port)
        try client.send("POST /refused HTTP/1.1\r\nHost: x\r\n\(framing)\r\n\r\n")
        let response = try client.receiveResponse()
        #expect(response.status == 403)
        #expect(response.fields["connection"] == "close")
        #expect(try client.isClosedByServer())
      }
    }
  }

  @Test func aHandlerThatForgetsItsRequestStillGivesAResponse() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /dropped HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().status == 500)
    }
  }

  @Test func tellsTheClientsAddressAndCounts() async throws {
    try await withServer { server, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /address?q HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
      #expect(try client.receiveResponse().text == "127.0.0.1")
      try client.send("bad\r\n\r\n")
      #expect(try client.receiveResponse().status == 400)
      let statistics = server.statistics
      #expect(statistics.acceptedConnections == 1)
      #expect(statistics.requests == 1)
      #expect(statistics.refusedRequests == 1)
    }
  }

  @Test func serves200ConnectionsAtOnce() async throws {
    try await withServer { server, _, port in
      let clients = try (0..<200).map { _ in try TestClient(port: port) }
      for client in clients { try client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n") }
      for client in clients { #expect(try client.receiveResponse().text == "later") }
      for (index, client) in clients.enumerated() {
        try client.send("GET /\(index) HTTP/1.1\r\nHost: x\r\n\r\n")
      }
      for (index, client) in clients.enumerated() {
        #expect(try client.receiveResponse().text == "/\(index)")
      }
      #expect(server.statistics.openConnections == 200)
      for client in clients { client.close() }
      #expect(becomesTrue { server.statistics.openConnections == 0 })
    }
  }
}
