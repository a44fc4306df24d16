import Foundation
import Testing

/// What goes wrong around the program: each is told and ends with its status, or is got over.
@Suite struct FaultTests {
  @Test func aFullDiskUnderTheLogIsNoReasonToStop() async throws {
    let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
    let server = try await Server(output: full)
    for _ in 0..<3 {
      #expect(try await server.send(Connection.request("GET", "/livez")).status == 200)
    }
    try await until { server.logText.contains("No space left on device") }
    // Told once, not for each line.
    #expect(server.logText.components(separatedBy: "the log cannot be written").count == 2)
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
  }

  @Test func aLogThatNobodyReadsHoldsNothingUp() async throws {
    // Nobody reads the pipe: it is full after a few hundred lines.
    let pipe = Pipe()
    let server = try await Server(output: pipe.fileHandleForWriting)
    let port = server.port
    try await onThread {
      let connection = try Connection(port: port)
      for _ in 0..<1000 {
        try connection.send(Connection.request("GET", "/livez"))
        #expect(try connection.receive().status == 200)
      }
    }
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
    _ = pipe
  }

  @Test func aLogWhoseReaderIsGoneIsNoReasonToStop() async throws {
    let pipe = Pipe()
    try pipe.fileHandleForReading.close()
    let server = try await Server(output: pipe.fileHandleForWriting)
    #expect(try await server.send(Connection.request("GET", "/livez")).status == 200)
    try await until { server.logText.contains("Broken pipe") }
    #expect(try await server.send(Connection.request("GET", "/livez")).status == 200)
  }

  @Test(arguments: [
    ("/nowhere/keys", 66, "cannot open /nowhere/keys"),
    ("/dev/zero", 65, "/dev/zero has more than"),
    ("/dev/null", 65, "/dev/null: there is no key"), ("/", 66, "cannot read /"),
  ])
  func keysThatCannotBeReadEndTheStart(path: String, status: Int32, message: String) async throws {
    let result = try await Program.run(["serve", "--port", "0", "--api-key-file", path])
    #expect(result.status == status)
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test(arguments: [
    (["--cors-origin", "*"], "--cors-origin is '*'; it takes scheme://host"),
    (["--cors-origin", "https://a.example/"], "--cors-origin is 'https://a.example/'"),
    (["--request-timeout", "0"], "--request-timeout is '0'; it takes a time"),
    (["--queue-bytes", "lots"], "--queue-bytes is 'lots'; it takes a number of bytes"),
    (["--drain-delay", "-1s"], "drain-delay"), (["--log-level", "loud"], "--log-level is 'loud'"),
    (["--watch-model"], "--watch-model needs --model"),
  ])
  func aMalformedSettingIsNamed(arguments: [String], message: String) async throws {
    let result = try await Program.run(["serve", "--port", "0"] + arguments)
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
  }

  @Test(arguments: [
    ("FRCNN_WATCH_MODEL", "yes"), ("FRCNN_METRICS_WITHOUT_KEY", "2"), ("FRCNN_CORS_ORIGIN", "x"),
    ("FRCNN_REQUEST_TIMEOUT", "never"), ("FRCNN_QUEUE_PIXELS", "1G"),
  ])
  func aMalformedVariableIsNamed(name: String, value: String) async throws {
    let result = try await Program.run(["serve", "--port", "0"], environment: [name: value])
    #expect(result.status == 78)
    #expect(result.errors.contains("\(name) is '\(value)'"), "\(result.errors)")
  }
}
