import Glibc
import HTTP1
import HTTPServer
import Synchronization
import Testing

/// Answers whose parts are made while they are sent.
@Suite struct StreamingTests {
  private static let post = "POST /parts HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

  @Test func partsComeInChunksAndTheConnectionLivesOn() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      // The second request is sent ahead: its answer waits for the first one's last part.
      try client.send(Self.post + "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
      let response = try client.receiveResponse(hasBody: false)
      #expect(response.status == 200)
      #expect(response.fields["transfer-encoding"] == "chunked")
      #expect(response.fields["content-length"] == nil)
      let chunks = try client.receiveChunks()
      #expect(String(decoding: chunks.joined(), as: UTF8.self) == "head,a,bc")
      #expect(chunks.allSatisfy { !$0.isEmpty })
      #expect(try client.receiveResponse().status == 200)
      try client.send(Self.post)
      #expect(try client.receiveResponse(hasBody: false).status == 200)
      #expect(try client.receiveChunks().joined().count == 9)
    }
  }

  @Test func anOldClientGetsPartsUpToTheEndOfItsConnection() async throws {
    try await withServer { _, _, port in
      let client = try TestClient(port: port)
      try client.send("POST /parts HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
      let response = try client.receiveResponse(hasBody: false)
      #expect(response.fields["transfer-encoding"] == nil)
      #expect(response.fields["connection"] == "close")
      #expect(String(decoding: try client.receiveRest(), as: UTF8.self) == "head,a,bc")
    }
  }

  @Test func aSlowReaderHoldsTheWriterBackAndIsCutOff() async throws {
    try await withServer({
      $0.writeTimeout = .milliseconds(300)
      $0.minimumRate = 1 << 30
    }) { server, handler, port in
      let client = try TestClient(port: port, receiveBufferLength: 16 << 10)
      try client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse(hasBody: false).status == 200)
      // It reads no more: what is written is what the two sides' kernels and the server keep, no more.
      #expect(becomesTrue { handler.produced.withLock { $0.isEnded } })
      let most = 2 * (BodyStream.limit + (64 << 10)) + (16 << 20)
      #expect(handler.produced.withLock { $0.parts } * (64 << 10) <= most)
      #expect(server.statistics.cancelledRequests == 1)
      #expect(becomesTrue { server.statistics.openConnections == 0 })
    }
  }

  @Test(arguments: [true, false]) func aClientThatLeavesEndsTheWriter(byReset: Bool) async throws {
    try await withServer { server, handler, port in
      let client = try TestClient(port: port)
      try client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse(hasBody: false).status == 200)
      if byReset { client.reset() } else { client.close() }
      #expect(becomesTrue { handler.produced.withLock { $0.isEnded } })
      #expect(becomesTrue { server.statistics.openConnections == 0 })
      #expect(server.statistics.cancelledRequests == 1)
    }
  }

  @Test func aServerThatEndsWaitsForTheLastPart() async throws {
    try await withServer { server, _, port in
      let client = try TestClient(port: port)
      try client.send("GET /slow-parts HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse(hasBody: false).status == 200)
      server.shutdown(within: .seconds(3600)) { _ in }
      #expect(try client.receiveChunks().joined().count == 3)
      #expect(try client.isClosedByServer())
    }
  }

  @Test func aStreamIsDrainedByWhoTakesIt() {
    let stream = BodyStream()
    let calls = Mutex(0)
    stream.whenDrained { calls.withLock { $0 += 1 } }
    #expect(calls.withLock { $0 } == 1, "an empty one has room")
    stream.write([UInt8](repeating: 1, count: BodyStream.limit))
    #expect(!stream.isFull)
    stream.write([1])
    #expect(stream.isFull)
    stream.whenDrained { calls.withLock { $0 += 1 } }
    #expect(calls.withLock { $0 } == 1)
  }
}
