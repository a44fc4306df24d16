import Dispatch
import Glibc
import HTTP1
import Synchronization
import Testing

@testable import HTTPServer

@Suite struct ShutdownTests {
  /// Starts a server that the test shuts down itself.
  private func started(
    clock: TestClock? = nil
  ) throws -> (HTTPServer, TestHandler, Int) {
    let handler = TestHandler()
    let server = HTTPServer(
      configuration: .testing(), handler: handler, clock: clock?.reading ?? EventLoop.systemClock)
    return (server, handler, try server.start()[0].port)
  }

  /// Begins to shut a server down, and returns when that has begun: nobody is let in any more.
  ///
  /// - Returns: where the count of connections that were cut will be found.
  private func beginShutdown(
    of server: HTTPServer, within limit: Duration = .seconds(3600)
  ) throws -> Outcome {
    let outcome = Outcome()
    server.shutdown(within: limit) { count in outcome.cut.withLock { $0 = count } }
    try #require(server.core.withLock { $0 }).queue.sync {}
    return outcome
  }

  /// How many connections a shutdown cut; `nil` while it goes on.
  private final class Outcome: Sendable {
    let cut = Mutex<Int?>(nil)
    var value: Int? { cut.withLock { $0 } }
  }

  @Test func answersWhatHasComeWithCloseAndAcceptsNoMore() async throws {
    let (server, handler, port) = try started()
    let busy = try TestClient(port: port)
    try busy.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    let halfway = try TestClient(port: port)
    try halfway.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe")
    let resting = try TestClient(port: port)
    try resting.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(try resting.receiveResponse().fields["connection"] == nil)
    #expect(handler.waits(forHeld: 1))
    #expect(becomesTrue { server.statistics.requests == 3 })
    let outcome = try beginShutdown(of: server)
    #expect(try resting.isClosedByServer())
    #expect(throws: TestClient.Failure.self) { try TestClient(port: port) }
    try halfway.send("llo")
    let second = try halfway.receiveResponse()
    #expect(second.text == "hello")
    #expect(second.fields["connection"] == "close")
    #expect(outcome.value == nil)
    handler.release()
    let first = try busy.receiveResponse()
    #expect(first.text == "/hold")
    #expect(first.fields["connection"] == "close")
    busy.close()
    halfway.close()
    #expect(becomesTrue { outcome.value == 0 })
  }

  @Test func whatTheKernelHasAcceptedIsAnswered() async throws {
    var configuration = HTTPServerConfiguration.testing()
    configuration.loopCount = 2
    // Some have to wait until others are answered.
    configuration.maximumConnections = 100
    let clock = TestClock()
    let server = HTTPServer(
      configuration: configuration, handler: TestHandler(), clock: clock.reading)
    let port = try server.start()[0].port
    let front = try #require(server.core.withLock { $0 })
    let gate = DispatchSemaphore(value: 0)
    front.queue.async { gate.wait() }
    // The shutdown is next on the queue; the kernel goes on to take connections until then.
    let outcome = Outcome()
    server.shutdown(within: .seconds(3600)) { count in outcome.cut.withLock { $0 = count } }
    let clients = try (0..<400).map { _ in try TestClient(port: port) }
    for client in clients { try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n") }
    gate.signal()
    for client in clients {
      let response = try client.receiveResponse()
      #expect(response.text == "/a" && response.fields["connection"] == "close")
      client.close()
    }
    #expect(becomesTrue { server.statistics.openConnections == 0 })
    try clock.advance(by: .seconds(1), in: server)
    #expect(becomesTrue { outcome.value == 0 })
    #expect(throws: TestClient.Failure.self) { try TestClient(port: port) }
  }

  @Test func pipelinedRequestsThatHaveComeAreAllAnswered() async throws {
    let (server, handler, port) = try started()
    let client = try TestClient(port: port)
    try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(handler.waits(forHeld: 1))
    try client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
    let outcome = try beginShutdown(of: server)
    handler.release()
    #expect(try client.receiveResponse().text == "/hold")
    #expect(try client.receiveResponse().text == "/1")
    let last = try client.receiveResponse()
    #expect(last.text == "/2")
    #expect(last.fields["connection"] == "close")
    #expect(try client.isClosedByServer())
    client.close()
    #expect(becomesTrue { outcome.value == 0 })
  }

  @Test(
    "a client that connected before and asks after the shutdown began is answered",
    arguments: [0, 1])
  func connectedBefore(requests: Int) async throws {
    let clock = TestClock()
    let (server, _, port) = try started(clock: clock)
    // It never asked, or it rests behind an answer; another one says nothing more.
    let clients = try (0..<2).map { _ in try TestClient(port: port) }
    for client in clients {
      for _ in 0..<requests {
        try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.receiveResponse().fields["connection"] == nil)
      }
    }
    let outcome = try beginShutdown(of: server)
    try clock.advance(by: .milliseconds(900), in: server)
    try clients[0].send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    let response = try clients[0].receiveResponse()
    #expect(response.text == "/b")
    #expect(response.fields["connection"] == "close")
    clients[0].close()
    #expect(outcome.value == nil)
    try clock.advance(by: .milliseconds(200), in: server)
    #expect(try clients[1].isClosedByServer())
    #expect(becomesTrue { outcome.value == 0 })
  }

  @Test("a client whose handshake is under way when the shutdown begins is let in")
  func handshakesUnderWay() async throws {
    let clock = TestClock()
    let (server, _, port) = try started(clock: clock)
    let front = try #require(server.core.withLock { $0 })
    // The kernel takes the handshake for complete when the first bytes come (tcp(7)): until then it is
    // under way, and yet the client is connected.
    var seconds: Int32 = 3600
    let length = socklen_t(MemoryLayout<Int32>.size)
    let status = unsafe setsockopt(
      front.listeners[0].descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, &seconds, length)
    #expect(status == 0)
    let client = try TestClient(port: port)
    let outcome = try beginShutdown(of: server)
    #expect(server.statistics.acceptedConnections == 0)
    try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(try client.receiveResponse().text == "/a")
    client.close()
    try clock.advance(by: .milliseconds(200), in: server)
    #expect(becomesTrue { outcome.value == 0 })
    #expect(throws: TestClient.Failure.self) { try TestClient(port: port) }
  }

  @Test func cutsWhatIsLeftWhenItsTimeIsOver() async throws {
    let (server, handler, port) = try started()
    let client = try TestClient(port: port)
    try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(handler.waits(forHeld: 1))
    let outcome = try beginShutdown(of: server, within: .milliseconds(200))
    #expect(becomesTrue { outcome.value == 1 })
    #expect(handler.heldRequests[0].request.cancellation.isCancelled)
    handler.release()
  }

  @Test func aSecondCallShortensTheTime() async throws {
    let (server, handler, port) = try started()
    let client = try TestClient(port: port)
    try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(handler.waits(forHeld: 1))
    let slow = try beginShutdown(of: server)
    #expect(await server.shutdown(within: .zero) == 1)
    #expect(slow.value == 1)
    #expect(await server.shutdown(within: .zero) == 1)
    handler.release()
  }

  @Test("requests that go on while the server ends are answered or never begun")
  func underLoad() async throws {
    let (server, _, port) = try started()
    let failures = Atomic(0)
    let answers = Atomic(0)
    let group = DispatchGroup()
    for number in 0..<4 {
      DispatchQueue(label: "client \(number)").async(group: group) {
        // Each connection is new, so that no request can meet the close of a connection at rest.
        while let client = try? TestClient(port: port) {
          guard (try? client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")) != nil,
            let response = try? client.receiveResponse(), response.text == "later"
          else {
            failures.wrappingAdd(1, ordering: .relaxed)
            return
          }
          answers.wrappingAdd(1, ordering: .relaxed)
        }
      }
    }
    #expect(becomesTrue { answers.load(ordering: .relaxed) > 20 })
    #expect(await server.shutdown(within: .seconds(3600)) == 0)
    #expect(becomesTrue { group.wait(timeout: .now()) == .success })
    #expect(failures.load(ordering: .relaxed) == 0)
  }

  @Test func aServerThatIsLetGoEnds() async throws {
    var port = 0
    do {
      let (server, _, bound) = try started()
      port = bound
      _ = server.statistics
    }
    #expect(becomesTrue { (try? TestClient(port: port)) == nil })
  }
}
