import Glibc
import HTTP1
import HTTPServer
import Testing

@Suite struct RefusalTests {
  @Test("a malformed request gets its status and a reason, and the server goes on")
  func malformed() async throws {
    let requests: [(String, Int)] = [
      ("GET / HTTP/1.1\r\n\r\n", 400),
      ("GET / HTTP/1.1\nHost: x\n\n", 400),
      (
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400
      ),
      ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
      ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
      ("GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
      ("GET / HTTP/1.1\r\nA: " + String(repeating: "a", count: 20_000), 431),
      ("GET / HTTP/3.0\r\n\r\n", 505),
      ("\u{16}\u{3}\u{1}", 400),
    ]
    try await withServer { _, handler, port in
      for (request, status) in requests {
        let client = try TestClient(port: port)
        try client.send(request)
        let response = try client.receiveResponse()
        #expect(response.status == status)
        #expect(!response.body.isEmpty)
        #expect(response.fields["connection"] == "close")
        #expect(try client.isClosedByServer())
      }
      #expect(handler.handledPaths.isEmpty)
      let client = try TestClient(port: port)
      try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "/a")
    }
  }

  @Test("requests before a malformed one are answered before it") func order() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /\u{1} HTTP/1.1\r\n\r\n")
      #expect(try client.receiveResponse().text == "later")
      #expect(try client.receiveResponse().status == 400)
      #expect(try client.isClosedByServer())
    }
  }

  @Test("RFC 9110 section 7.4: an https URI needs a connection that is secured")
  func unsecuredTarget() async throws {
    let request = "GET https://x/a HTTP/1.1\r\nHost: x\r\n\r\n"
    try await withServer { _, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET http://x/b HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "/b")
      try client.send(request)
      #expect(try client.receiveResponse().status == 400)
      #expect(try client.isClosedByServer())
      #expect(handler.handledPaths == ["/b"])
    }
    try await withServer({
      $0.trustedProxies = [AddressBlock("127.0.0.1")].compactMap(\.self)
    }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send(request)
      #expect(try client.receiveResponse().text == "/a")
    }
  }

  @Test("RFC 9110 section 6.6.1: refusals have a date too") func dateOfRefusal() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("bad\r\n\r\n")
      let response = try client.receiveResponse()
      #expect(response.status == 400)
      #expect(response.fields["date"]?.hasSuffix(" GMT") == true)
    }
  }

  @Test("RFC 9112 section 9.6: a client that is refused in the middle of a large body sees why")
  func lingeringClose() async throws {
    try await withServer({ $0.limits.bodyLength = 1000 }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n")
      // The client does not look for an answer before it has sent everything.
      for _ in 0..<8 { try client.send([UInt8](repeating: 1, count: 1_000_000)) }
      #expect(try client.receiveResponse().status == 413)
      #expect(try client.isClosedByServer())
    }
  }

  @Test("lingering ends after its bytes") func lingeringLength() async throws {
    try await withServer({
      $0.limits.bodyLength = 1000
      $0.lingeringLength = 100_000
    }) { _, _, port in
      let client = try TestClient(port: port)
      try client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 800000000\r\n\r\n")
      #expect(throws: TestClient.Failure.self) {
        for _ in 0..<100 { try client.send([UInt8](repeating: 1, count: 1_000_000)) }
      }
    }
  }

  @Test("lingering ends after its time") func lingeringTime() async throws {
    try await withServer({
      $0.lingeringTimeout = .milliseconds(100)
    }) { server, _, port in
      let client = try TestClient(port: port)
      try client.send("bad\r\n")
      #expect(try client.receiveResponse().status == 400)
      // This client never closes.
      #expect(becomesTrue { server.statistics.openConnections == 0 })
    }
  }

  @Test("a chunked body over the limit is refused") func chunkedTooLong() async throws {
    try await withServer({ $0.limits.bodyLength = 1000 }) { _, handler, port in
      let client = try TestClient(port: port)
      try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = "190\r\n\(String(repeating: "a", count: 400))\r\n"
      try client.send(chunk + chunk + chunk)
      #expect(try client.receiveResponse().status == 413)
      #expect(handler.handledPaths.isEmpty)
    }
  }

  @Test("RFC 9112 section 8: a body shorter than its length is not acted on") func lyingLength()
    async throws
  {
    try await withServer { _, handler, port in
      let client = try TestClient(port: port)
      try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello")
      client.shutdownWriting()
      #expect(try client.receiveResponse().status == 400)
      #expect(handler.handledPaths.isEmpty)
    }
  }
}
