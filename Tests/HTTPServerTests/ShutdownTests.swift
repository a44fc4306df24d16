import Dispatch
import Glibc
import HTTP1
import Synchronization
import Testing

@testable import HTTPServer

@Suite struct ShutdownTests {
  /// Starts a server that the test shuts down itself.
  private func started(
    _ configure: (inout HTTPServerConfiguration) -> Void = { _ in }
  ) throws -> (HTTPServer, TestHandler, Int) {
    var configuration = HTTPServerConfiguration()
    configuration.addresses = [SocketAddress(host: "127.0.0.1", port: 0)]
    configure(&configuration)
    let handler = TestHandler()
    let server = HTTPServer(configuration: configuration, handler: handler)
    return (server, handler, try server.start()[0].port)
  }

  /// Begins to shut a server down, and returns once it accepts no more.
  ///
  /// - Returns: where the count of connections that were cut will be found.
  private func beginShutdown(
    of server: HTTPServer, port: Int, within limit: Duration = .seconds(4)
  ) -> Outcome {
    let outcome = Outcome()
    server.shutdown(within: limit) { count in outcome.cut.withLock { $0 = count } }
    #expect(becomesTrue { (try? TestClient(port: port)) == nil })
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
    let outcome = beginShutdown(of: server, port: port)
    #expect(try resting.isClosedByServer())
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
    var configuration = HTTPServerConfiguration()
    configuration.addresses = [SocketAddress(host: "127.0.0.1", port: 0)]
    configuration.loopCount = 2
    // Some have to wait until others are answered.
    configuration.maximumConnections = 100
    let server = HTTPServer(configuration: configuration, handler: TestHandler())
    let port = try server.start()[0].port
    let front = try #require(server.core.withLock { $0 })
    let gate = DispatchSemaphore(value: 0)
    front.queue.async { gate.wait() }
    // The shutdown is next on the queue; the kernel goes on to take connections until then.
    let outcome = Outcome()
    server.shutdown(within: .seconds(30)) { count in outcome.cut.withLock { $0 = count } }
    let clients = try (0..<400).map { _ in try TestClient(port: port) }
    for client in clients { try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n") }
    gate.signal()
    for client in clients {
      let response = try client.receiveResponse()
      #expect(response.text == "/a" && response.fields["connection"] == "close")
      client.close()
    }
    #expect(becomesTrue { outcome.value == 0 })
    #expect(throws: TestClient.Failure.self) { try TestClient(port: port) }
  }

  @Test func pipelinedRequestsThatHaveComeAreAllAnswered() async throws {
    let (server, handler, port) = try started()
    let client = try TestClient(port: port)
    try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(handler.waits(forHeld: 1))
    try client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
    let outcome = beginShutdown(of: server, port: port)
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

  @Test("a client that connected before and asks after the shutdown began is answered")
  func connectedBefore() async throws {
    let (server, _, port) = try started()
    let client = try TestClient(port: port)
    let outcome = beginShutdown(of: server, port: port)
    try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    let response = try client.receiveResponse()
    #expect(response.text == "/a")
    #expect(response.fields["connection"] == "close")
    client.close()
    #expect(becomesTrue { outcome.value == 0 })
  }

  @Test func cutsWhatIsLeftWhenItsTimeIsOver() async throws {
    let (server, handler, port) = try started()
    let client = try TestClient(port: port)
    try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(handler.waits(forHeld: 1))
    let start = ContinuousClock.now
    let outcome = beginShutdown(of: server, port: port, within: .milliseconds(200))
    #expect(becomesTrue { outcome.value == 1 })
    #expect(ContinuousClock.now - start < .seconds(4))
    #expect(handler.heldRequests[0].request.cancellation.isCancelled)
    handler.release()
  }

  @Test func aSecondCallShortensTheTime() async throws {
    let (server, handler, port) = try started()
    let client = try TestClient(port: port)
    try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(handler.waits(forHeld: 1))
    let slow = beginShutdown(of: server, port: port, within: .seconds(60))
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
    #expect(await server.shutdown(within: .seconds(4)) == 0)
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
