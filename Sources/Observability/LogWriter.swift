internal import Files
internal import Glibc
internal import Synchronization

/// Writes whole lines to a descriptor, and says once where that fails.
///
/// A log that cannot be written to (a full disk, a reader that is gone) is no reason to stop serving:
/// the line is lost, and counted. What is lost is told on standard error when it begins and when it
/// ends.
final class LogWriter: Sendable {
  private let descriptor: Int32
  private let lost = Mutex(0)

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Writes a line; called by one thread at a time.
  func write(_ line: [UInt8]) {
    let fault = writeAll(line, to: descriptor)
    let before = lost.withLock { lost in
      let before = lost
      lost = fault == nil ? 0 : lost + 1
      return before
    }
    if let fault, before == 0 {
      announce(
        "the log cannot be written (\(SystemMessage.text(of: fault))); serving goes on without it")
    } else if fault == nil, before > 0 {
      announce("the log is written again; \(before) lines were lost")
    }
  }
}

/// Writes plain lines about the program itself (start, stop, failures) to standard error.
public func announce(_ message: String) {
  _ = writeAll(Array("frcnn: \(message)\n".utf8), to: STDERR_FILENO)
}

/// Writes all of the bytes, or as many as the descriptor takes before it fails.
///
/// - Returns: the `errno` of the failure; `nil` where all were written.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
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
      return count < 0 ? errno : EIO
    }
  }
  return nil
}
