import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTPServer

/// Several loops of one server, among which connections are shared out.
@Suite struct LoopTests {
  @Test func connectionsAreDealtOutInTurnAndProbesStayAtTheFront() async throws {
    var configuration = HTTPServerConfiguration.testing()
    configuration.healthAddresses = [SocketAddress(host: "127.0.0.1", port: 0)]
    configuration.loopCount = 3
    let server = HTTPServer(configuration: configuration, handler: TestHandler())
    let ports = try server.start().map(\.port)
    let front = try #require(server.core.withLock { $0 })
    func connectionsOfLoops() -> [Int] {
      ([front] + front.others).map { core in core.queue.sync { core.openConnections } }
    }
    func client(_ port: Int) throws -> TestClient {
      let client = try TestClient(port: port)
      try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "/a")
      return client
    }
    var clients = try (0..<12).map { _ in try client(ports[0]) }
    #expect(connectionsOfLoops() == [4, 4, 4])
    clients += try (0..<4).map { _ in try client(ports[1]) }
    #expect(connectionsOfLoops() == [8, 4, 4])
    #expect(server.statistics.openConnections == 16)
    // All are at rest, and end, wherever they are.
    #expect(await server.shutdown(within: .seconds(3600)) == 0)
    #expect(server.statistics.openConnections == 0)
    for client in clients { #expect(try client.isClosedByServer()) }
    #expect(await server.shutdown(within: .zero) == 0)
  }

  @Test func loopsThatNeverServedEndWhileTheirClocksTick() throws {
    var configuration = HTTPServerConfiguration()
    // The shortest of the times sets the clock: it ticks every 10 ms.
    configuration.headTimeout = .milliseconds(1)
    let handler = TestHandler()
    for round in 0..<200 {
      let queues = (0..<4).map { DispatchQueue(label: "test-\(round)-\($0)") }
      let cores = try queues.map { queue in
        try ServerCore(
          queue: queue, configuration: configuration, handler: handler,
          clock: EventLoop.systemClock,
          counters: ServerCounters(), tls: nil, shared: ServerShared(configuration))
      }
      // One that is busy gets to its end later, when nobody else holds its core.
      queues[0].async { usleep(20_000) }
      HTTPServer.abandon(cores)
    }
  }

  @Test func whatAllLoopsHaveLeftIsCutAndCounted() async throws {
    var configuration = HTTPServerConfiguration.testing()
    configuration.loopCount = 3
    let handler = TestHandler()
    let server = HTTPServer(configuration: configuration, handler: handler)
    let port = try server.start()[0].port
    let clients = try (0..<6).map { _ in try TestClient(port: port) }
    for client in clients { try client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n") }
    #expect(handler.waits(forHeld: 6))
    #expect(await server.shutdown(within: .zero) == 6)
    handler.release()
  }
}
