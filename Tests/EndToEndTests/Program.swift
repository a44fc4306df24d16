import Foundation
import Testing

/// The program under test: the executable that was built beside the test bundle.
enum Program {
  /// How a run of the program ended.
  struct Result {
    var status: Int32
    var output: Data
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }
  }

  static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "frcnn")

  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The picture that the repository brings along.
  static let example = repository.appending(path: "docs/images/example.jpg")

  /// Runs a command to its end; it is killed after the time limit, which no test comes near.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], input: Data = Data(),
    limit: Duration = .seconds(1800)
  ) async throws -> Result {
    let process = process(arguments, environment: environment)
    let (output, errors, standardInput) = (Pipe(), Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = standardInput
    try process.run()
    let watchdog = Task {
      try await Task.sleep(for: limit)
      process.terminate()
    }
    defer { watchdog.cancel() }
    // Each pipe has its own reader: a program that fills one would wait for it for ever.
    async let outputData = Self.contents(of: output)
    async let errorData = Self.contents(of: errors)
    async let written: Void = Self.write(input, to: standardInput)
    let (first, second, _) = try await (outputData, errorData, written)
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: first,
      errors: String(decoding: second, as: UTF8.self))
  }

  static func process(_ arguments: [String], environment: [String: String]) -> Process {
    let process = Process()
    process.executableURL = url
    process.arguments = arguments
    // Only what a test sets: nobody's FRCNN_PORT may decide what is tested.
    var variables = ["PATH": "/usr/bin:/bin"]
    // A program built with a sanitizer ends with its first report, as the tests do, if it is told so.
    for name in ["LD_LIBRARY_PATH", "HOME", "ASAN_OPTIONS", "TSAN_OPTIONS"] {
      variables[name] = ProcessInfo.processInfo.environment[name]
    }
    process.environment = variables.merging(environment) { $1 }
    return process
  }

  private static func contents(of pipe: Pipe) async throws -> Data {
    try await onThread { try pipe.fileHandleForReading.readToEnd() ?? Data() }
  }

  private static func write(_ data: Data, to pipe: Pipe) async throws {
    try await onThread {
      // A program that does not read its input may have ended before all of it was written.
      try? pipe.fileHandleForWriting.write(contentsOf: data)
      try pipe.fileHandleForWriting.close()
    }
  }
}

/// Runs work that blocks on a thread of its own, so that it holds up no other test.
func onThread<Value: Sendable>(
  _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Swift.Result { try work() }) }
  }
}

/// A folder that is removed when the last reference to it goes.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "frcnn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}
