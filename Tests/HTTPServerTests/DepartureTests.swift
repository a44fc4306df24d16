import Glibc
import HTTP1
import HTTPServer
import Testing

/// What happens when a client goes away, or only says that it has nothing more to send.
@Suite struct DepartureTests {
  @Test func aRequestWhoseClientShutItsSideIsAnswered() async throws {
    try await withServer({ $0.halfCloseProbeDelay = nil }) { _, _, port in
      for path in ["/now", "/later"] {
        let client = try TestClient(port: port)
        try client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        client.shutdownWriting()
        #expect(try client.receiveResponse().status == 200)
        #expect(try client.isClosedByServer())
      }
    }
  }

  @Test func allRequestsBeforeAHalfCloseAreAnswered() async throws {
    try await withServer({ $0.halfCloseProbeDelay = nil }) { _, _, port in
      let client = try TestClient(port: port)
      let paths = ["/later", "/1", "/later", "/2"]
      try client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
      client.shutdownWriting()
      for path in paths {
        #expect(try client.receiveResponse().text == (path == "/later" ? "later" : path))
      }
      #expect(try client.isClosedByServer())
    }
  }

  @Test("a client that waits behind a half-close is asked, and answered")
  func probedClientStays() async throws {
    try await withServer({ $0.halfCloseProbeDelay = .milliseconds(50) }) { server, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      client.shutdownWriting()
      // RFC 9110 section 15.2: a client must pass over interim responses.
      #expect(try client.receiveResponse().status == 100)
      usleep(50_000)
      #expect(!handler.heldRequests[0].request.cancellation.isCancelled)
      handler.release()
      #expect(try client.receiveResponse().text == "/hold")
      #expect(try client.isClosedByServer())
      #expect(server.statistics.cancelledRequests == 0)
    }
  }

  @Test("a client that closes while its request is in work cancels it") func closeCancels()
    async throws
  {
    try await withServer({ $0.halfCloseProbeDelay = .milliseconds(50) }) { server, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      let cancellation = handler.heldRequests[0].request.cancellation
      #expect(!cancellation.isCancelled)
      client.close()
      #expect(becomesTrue { cancellation.isCancelled })
      #expect(becomesTrue { server.statistics.openConnections == 0 })
      #expect(server.statistics.cancelledRequests == 1)
      // The late answer finds nobody, and harms nobody.
      handler.release()
    }
  }

  @Test("a client that resets while its request is in work cancels it at once") func resetCancels()
    async throws
  {
    try await withServer({ $0.halfCloseProbeDelay = nil }) { server, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      let cancellation = handler.heldRequests[0].request.cancellation
      client.reset()
      #expect(becomesTrue { cancellation.isCancelled })
      #expect(becomesTrue { server.statistics.openConnections == 0 })
      handler.release()
    }
  }

  @Test("a client that closes with requests waiting behind one in work is noticed too")
  func closeWithUnreadRequests() async throws {
    try await withServer({ $0.halfCloseProbeDelay = .milliseconds(50) }) { server, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      try client.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
      let cancellation = handler.heldRequests[0].request.cancellation
      client.close()
      #expect(becomesTrue { cancellation.isCancelled })
      #expect(becomesTrue { server.statistics.openConnections == 0 })
      #expect(handler.handledPaths == ["/hold"])
    }
  }

  @Test("clients that leave at any point of a request leave nothing behind") func leavesNothing()
    async throws
  {
    let request = Array(
      "POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        .utf8)
    try await withServer { server, _, port in
      let before = try openDescriptors()
      for end in 0...request.count {
        let client = try TestClient(port: port)
        try client.send(Array(request[..<end]))
        if end % 2 == 0 { client.reset() } else { client.close() }
      }
      #expect(becomesTrue { server.statistics.acceptedConnections == request.count + 1 })
      #expect(becomesTrue { server.statistics.openConnections == 0 })
      // Suites beside this one open and close descriptors of their own: it is the leak of one for
      // each of these connections that would show.
      #expect(becomesTrue { (try? openDescriptors()).map { $0 < before + 40 } ?? false })
    }
  }
}

/// How many descriptors the process has open.
func openDescriptors() throws -> Int {
  guard let folder = unsafe opendir("/proc/self/fd") else {
    throw TestClient.Failure(call: "opendir", code: errno)
  }
  defer { unsafe closedir(folder) }
  var count = 0
  while unsafe readdir(folder) != nil { count += 1 }
  return count
}
