internal import Dispatch
internal import Glibc
public import Logging
internal import Synchronization

/// One line for each request, by swift-log: where a program that has the service inside puts its own
/// logs, requests go as well.
///
/// `record` only hands the record over: the line is made and written by a queue of the log's own. Where
/// what reads the log is slower than the requests come, records are dropped and counted, so that
/// neither a request nor the memory waits for it.
public final class RequestLog: Sendable {
  /// Which requests are recorded: those of this level and above.
  public enum Level: String, Sendable, CaseIterable {
    /// Every request.
    case info
    /// Requests that were answered with a status of 400 or more.
    case warning
    /// Requests that were answered with a status of 500 or more.
    case error
    /// None.
    case none

    /// The level of a request that was answered so.
    static func level(ofStatus status: Int) -> Level {
      status >= 500 ? .error : status >= 400 ? .warning : .info
    }

    private var rank: Int {
      switch self {
      case .info: 0
      case .warning: 1
      case .error: 2
      case .none: 3
      }
    }

    /// Whether requests of a level are recorded.
    func includes(_ other: Level) -> Bool { rank <= other.rank }

    /// The same level as swift-log calls it.
    var loggerLevel: Logger.Level {
      switch self {
      case .info: .info
      case .warning: .warning
      case .error, .none: .error
      }
    }
  }

  /// Which requests are recorded.
  public let level: Level

  private let logger: Logger
  private let queue = DispatchQueue(label: "frcnn.request-log", qos: .utility)
  private let backlog: Mutex<Backlog>

  private struct Backlog {
    var waiting = 0
    var dropped = 0
  }

  /// How many records may wait to be written.
  static let maximumBacklog = 4096

  /// Makes a log.
  ///
  /// - Parameters:
  ///   - level: which requests are recorded.
  ///   - logger: takes the lines, on one queue, never two at the same time; it may block. Each has the
  ///     record as metadata `request`.
  public init(level: Level = .info, logger: Logger) {
    self.level = level
    self.logger = logger
    backlog = Mutex(Backlog())
  }

  /// Makes a log of JSON lines.
  ///
  /// - Parameters:
  ///   - level: which requests are recorded.
  ///   - write: takes a whole line; called on one queue, never at the same time twice. Standard
  ///     output where it is left out.
  public convenience init(level: Level = .info, write: (@Sendable ([UInt8]) -> Void)? = nil) {
    let standardOutput = LogWriter(descriptor: STDOUT_FILENO)
    let write = write ?? { line in standardOutput.write(line) }
    self.init(
      level: level, logger: Logger(label: "frcnn.request") { _ in JSONLogHandler(write: write) })
  }

  /// Hands a record over; returns at once.
  public func record(_ record: RequestRecord) {
    let level = Level.level(ofStatus: record.status)
    guard self.level.includes(level) else { return }
    let isAccepted = backlog.withLock { backlog in
      guard backlog.waiting < Self.maximumBacklog else {
        backlog.dropped += 1
        return false
      }
      backlog.waiting += 1
      return true
    }
    guard isAccepted else { return }
    let time = WallTime.now
    queue.async { [self] in
      let dropped = backlog.withLock { backlog in
        backlog.waiting -= 1
        defer { backlog.dropped = 0 }
        return backlog.dropped
      }
      var metadata: Logger.Metadata = [
        "request": .stringConvertible(record),
        JSONLogHandler.timeKey: .string(time.text),
      ]
      // How many records before this one were not written, because the log's reader was slower than
      // its writers.
      if dropped > 0 { metadata["dropped_before"] = .stringConvertible(dropped) }
      logger.log(level: level.loggerLevel, "request", metadata: metadata)
    }
  }

  /// Returns when everything that was handed over before is written.
  public func flush() { queue.sync {} }

  /// Waits until everything that was handed over before is written, but no longer than a limit: a
  /// reader that has stopped reading must not keep a program from ending.
  public func flush(within limit: Duration) {
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + limit.timeInterval)
  }
}
