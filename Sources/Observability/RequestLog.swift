internal import Dispatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// One line of JSON for each request.
///
/// `record` only hands the record over: making the line and writing it is done by a queue of the
/// log's own. Where what reads the log is slower than the requests come, records are dropped and
/// counted, so that neither a request nor the memory waits for it.
public final class RequestLog: Sendable {
  /// Which requests are recorded.
  public enum Level: String, Sendable, CaseIterable {
    /// Every request.
    case requests
    /// Requests that were answered with a status of 400 or more.
    case errors
    /// None.
    case none
  }

  /// Which requests are recorded.
  public let level: Level

  private let write: @Sendable ([UInt8]) -> Void
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
  ///   - write: takes a whole line; called on one queue, never at the same time twice. Standard
  ///     output where it is left out.
  public init(level: Level = .requests, write: (@Sendable ([UInt8]) -> Void)? = nil) {
    self.level = level
    self.write = write ?? { line in writeAll(line, to: STDOUT_FILENO) }
    backlog = Mutex(Backlog())
  }

  /// Hands a record over; returns at once.
  public func record(_ record: RequestRecord) {
    switch level {
    case .none: return
    case .errors where record.status < 400: return
    case .errors, .requests: break
    }
    let isAccepted = backlog.withLock { backlog in
      guard backlog.waiting < Self.maximumBacklog else {
        backlog.dropped += 1
        return false
      }
      backlog.waiting += 1
      return true
    }
    guard isAccepted else { return }
    let time = Date()
    queue.async { [self] in
      let dropped = backlog.withLock { backlog in
        backlog.waiting -= 1
        defer { backlog.dropped = 0 }
        return backlog.dropped
      }
      let text = time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
      write(record.line(time: text, dropped: dropped))
    }
  }

  /// Returns when everything that was handed over before is written.
  public func flush() { queue.sync {} }
}

/// Writes plain lines about the program itself (start, stop, failures) to standard error.
public func announce(_ message: String) {
  writeAll(Array("frcnn: \(message)\n".utf8), to: STDERR_FILENO)
}

/// Writes all of the bytes, or as many as the descriptor takes before it fails: a log that cannot be
/// written to is no reason to stop serving.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  var offset = 0
  while offset < bytes.count {
    // Safety: `offset` is less than the count, and the length given is what lies behind it.
    let count = unsafe bytes.withUnsafeBytes { buffer in
      unsafe Glibc.write(
        descriptor, buffer.baseAddress.map { unsafe $0 + offset }, bytes.count - offset)
    }
    if count > 0 {
      offset += count
    } else if count < 0 && errno == EINTR {
      continue
    } else {
      return
    }
  }
}
