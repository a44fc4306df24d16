import Foundation
import Testing

@Suite struct ShutdownTests {
  @Test(arguments: [SIGTERM, SIGINT])
  func aSignalLetsTheRequestEndAndExitsZero(signal: Int32) async throws {
    let server = try await Server("--drain-timeout", "60m")
    let picture = try Data(contentsOf: Program.example)
    let port = server.port
    let connection = try await onThread {
      let connection = try Connection(port: port)
      // All but the last byte: the request has been accepted and cannot be answered yet.
      try connection.send(Connection.request("POST", "/detect", body: picture).dropLast(1))
      // What was sent on another connection afterwards has been answered, so this one was read.
      let other = try Connection(port: port)
      try other.send(Connection.request("GET", "/livez"))
      #expect(try other.receive().status == 200)
      return connection
    }
    server.signal(signal)
    // Nobody is let in any more, while the one who was in is served.
    try await until { (try? Connection(port: port)) == nil }
    let response = try await onThread {
      try connection.send(picture.suffix(1))
      return try connection.receive()
    }
    #expect(response.status == 200)
    #expect(response.fields["connection"]?.lowercased() == "close")
    #expect(try await server.end() == 0)
  }

  @Test func aConnectionAtRestHoldsNoEndUp() async throws {
    let server = try await Server("--drain-timeout", "60m")
    let port = server.port
    // A connection that rests between requests holds nothing up.
    let connection = try await onThread {
      let connection = try Connection(port: port)
      try connection.send(Connection.request("GET", "/livez"))
      #expect(try connection.receive().status == 200)
      return connection
    }
    let start = ContinuousClock.now
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
    // Far below the drain timeout, which it would take if the connection held it up.
    #expect(ContinuousClock.now - start < .seconds(1800))
    _ = connection
  }

  @Test func aSecondSignalEndsItAtOnce() async throws {
    let server = try await Server("--drain-timeout", "60m")
    let port = server.port
    let connection = try await onThread {
      let connection = try Connection(port: port)
      try connection.send("POST /detect HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
      let other = try Connection(port: port)
      try other.send(Connection.request("GET", "/livez"))
      #expect(try other.receive().status == 200)
      return connection
    }
    server.signal(SIGTERM)
    try await until { (try? Connection(port: port)) == nil }
    server.signal(SIGTERM)
    #expect(try await server.end() == 128 + SIGTERM)
    _ = connection
  }

  @Test func whatIsNotDoneWithinTheDrainTimeoutIsGivenUp() async throws {
    let server = try await Server("--drain-timeout", "300ms")
    let port = server.port
    let connection = try await onThread {
      let connection = try Connection(port: port)
      try connection.send("POST /detect HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
      return connection
    }
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
    _ = connection
  }

  @Test func aTakenPortIsNamedAndEndsWith69() async throws {
    let server = try await Server()
    let result = try await Program.run(["serve", "--port", "\(server.port)"])
    #expect(result.status == 69)
    #expect(result.errors.contains("\(server.port)"), "\(result.errors)")
  }
}
