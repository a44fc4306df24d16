import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTPServer

/// A clock that goes on only when a test says so, so that no machine is too slow for a time.
final class TestClock: Sendable {
  private let time = Atomic<UInt64>(1_000_000_000)

  /// What a server's times go by.
  var reading: EventLoop.Clock {
    { self.time.load(ordering: .sequentiallyConsistent) }
  }

  /// Goes on, and has the front of a server look at what time has brought.
  ///
  /// - Parameters:
  ///   - duration: how much time goes by.
  ///   - server: whose front has come to its deadlines when this returns.
  ///   - body: what happens meanwhile, while the loop is held up.
  /// - Throws: what the body throws.
  func advance(
    by duration: Duration, in server: HTTPServer,
    meanwhile body: (ServerCore) throws -> Void = { _ in }
  ) throws {
    let front = try #require(server.core.withLock { $0 })
    try front.queue.sync {
      try body(front)
      time.wrappingAdd(duration.nanoseconds, ordering: .sequentiallyConsistent)
      front.loop.tick()
    }
  }
}

extension ServerCore {
  /// Whether bytes have come to a connection of this loop that it has not read.
  var bytesWait: Bool {
    loop.handlers.contains { handler in
      guard let connection = handler as? Connection else { return false }
      var byte: UInt8 = 0
      let flags = Int32(MSG_PEEK | MSG_DONTWAIT)
      return unsafe recv(connection.transport.descriptor, &byte, 1, flags) == 1
    }
  }
}

/// Returns when a server of one loop has read what was sent on its other connections before: it reads in the
/// order in which bytes came.
func hasReadAll(port: Int, tls: TLSSession.Options? = nil) throws {
  let client = try TestClient(port: port, tls: tls)
  try client.send("GET /barrier HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
  let response = try client.receiveResponse()
  #expect(response.text == "/barrier")
}
