import Foundation
import Testing

/// Signals close together; `scripts/check-signals` plays a thousand rounds of them.
@Suite struct SignalStormTests {
  @Test func x1ReloadsCloseTogetherAndTheEndAreADrain() async throws {
    for count in [1, 3, 40] {
      let server = try await Server("--drain-timeout", "60m")
      let port = server.port
      let picture = try Data(contentsOf: Program.example)
      let connection = try await onThread {
        let connection = try Connection(port: port)
        try connection.send(Connection.request("POST", "/detect", body: picture).dropLast(1))
        let other = try Connection(port: port)
        try other.send(Connection.request("GET", "/livez"))
        #expect(try other.receive().status == 200)
        return connection
      }
      // While the first is being heeded the next ones come.
      for _ in 0..<count { server.signal(SIGHUP) }
      server.signal(SIGTERM)
      server.signal(SIGHUP)
      try await until { (try? Connection(port: port)) == nil }
      let response = try await onThread {
        try connection.send(picture.suffix(1))
        return try connection.receive()
      }
      #expect(response.status == 200)
      #expect(try await server.end() == 0, "\(count) reloads and the end")
    }
  }
}
