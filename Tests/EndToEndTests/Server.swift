import Foundation
import Synchronization

/// A `frcnn serve` of a test's own, on a port of its own.
final class Server: Sendable {
  let port: UInt16
  private let process: Process
  private let log: Log

  /// What the server has said on standard error so far.
  private final class Log: Sendable {
    let text = Mutex("")
  }

  /// Times that no machine is too slow for; a test that is about one of them gives it as an option.
  private static let generousTimes = [
    "FRCNN_REQUEST_TIMEOUT": "60m", "FRCNN_LANE_TIMEOUT": "60m", "FRCNN_HEAD_TIMEOUT": "60m",
    "FRCNN_BODY_TIMEOUT": "60m", "FRCNN_IDLE_TIMEOUT": "60m", "FRCNN_TLS_HANDSHAKE_TIMEOUT": "60m",
    "FRCNN_DRAIN_TIMEOUT": "60m",
  ]

  /// The servers that run.
  ///
  /// A server that all tests of a suite share has no last user to end it: what
  /// is left ends with the test program.
  private static let running = Mutex<Set<Int32>>([])
  private static let endWithTests: Void = {
    atexit { Server.running.withLock { for server in $0 { kill(server, SIGKILL) } } }
  }()

  /// Starts a server and waits until it is ready.
  ///
  /// - Parameters:
  ///   - arguments: options besides the port.
  ///   - environment: variables to set.
  ///   - descriptorLimit: how many files it may have open; as many as the tests where `nil`.
  ///   - output: where its log goes; nowhere where it is left out.
  /// - Throws: what became of it instead.
  init(
    _ arguments: String..., environment: [String: String] = [:], descriptorLimit: Int? = nil,
    output: FileHandle? = nil
  ) async throws {
    let process = Program.process(
      ["serve", "--port", "0"] + arguments,
      environment: Self.generousTimes.merging(environment) { $1 })
    if let descriptorLimit {
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments =
        ["-c", "ulimit -n \(descriptorLimit); exec \"$0\" \"$@\"", Program.url.path]
        + (process.arguments ?? [])
    }
    let errors = Pipe()
    let log = Log()
    process.standardError = errors
    process.standardOutput = output ?? FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    errors.fileHandleForReading.readabilityHandler = { handle in
      let text = String(decoding: handle.availableData, as: UTF8.self)
      if text.isEmpty { handle.readabilityHandler = nil }
      log.text.withLock { $0 += text }
    }
    Self.endWithTests
    try process.run()
    let identifier = process.processIdentifier
    Self.running.withLock { _ = $0.insert(identifier) }
    process.terminationHandler = { _ in
      Self.running.withLock { _ = $0.remove(identifier) }
    }
    self.process = process
    self.log = log
    port = try await Self.port(process: process, log: log)
    try await waitUntilReady()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  var logText: String { log.text.withLock { $0 } }

  /// Sends a request on a connection of its own.
  func send(_ request: Data) async throws -> Connection.Response {
    let port = port
    return try await onThread {
      let connection = try Connection(port: port)
      try connection.send(request)
      return try connection.receive()
    }
  }

  /// Sends a signal.
  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// How many files it has open.
  func openDescriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(process.processIdentifier)/fd"
    ).count
  }

  /// Changes how many files it may have open while it runs.
  func limitDescriptors(to count: Int) throws {
    // The call is a GNU extension, which Swift does not see; the program is part of util-linux.
    let change = Process()
    change.executableURL = URL(filePath: "/usr/bin/prlimit")
    change.arguments = ["--pid", "\(process.processIdentifier)", "--nofile=\(count):"]
    try change.run()
    change.waitUntilExit()
    guard change.terminationStatus == 0 else {
      throw Connection.Fault("prlimit ended with \(change.terminationStatus)")
    }
  }

  /// Waits for the end and tells its status: the exit status, or minus the signal that ended it.
  func end() async throws -> Int32 {
    let process = process
    return try await onThread {
      process.waitUntilExit()
      return process.terminationReason == .exit
        ? process.terminationStatus : -process.terminationStatus
    }
  }

  /// Reads the port from the line that tells it.
  private static func port(process: Process, log: Log) async throws -> UInt16 {
    let deadline = ContinuousClock.now + patience
    while true {
      // Asked once more when the time is over: tests that compute may have held all threads meanwhile.
      let isLate = ContinuousClock.now >= deadline
      let text = log.text.withLock { $0 }
      if let match = text.firstMatch(of: /http:\/\/127\.0\.0\.1:([0-9]+)/),
        let port = UInt16(match.1)
      {
        return port
      }
      guard process.isRunning else { throw Connection.Fault("the server ended: \(text)") }
      guard !isLate else { throw Connection.Fault("the server told no port: \(text)") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func waitUntilReady() async throws {
    let deadline = ContinuousClock.now + patience
    while true {
      let isLate = ContinuousClock.now >= deadline
      if try await send(Connection.request("GET", "/readyz")).status == 200 { return }
      guard process.isRunning else { throw Connection.Fault("the server ended: \(logText)") }
      guard !isLate else { throw Connection.Fault("the server did not become ready: \(logText)") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
