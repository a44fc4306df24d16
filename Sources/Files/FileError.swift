internal import Glibc

/// A step with a file that the system did not do.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was being done, as `renaming`.
  public let step: String

  /// The system's number for why it did not.
  public let code: Int32

  /// Why the system did not.
  public var reason: String { SystemMessage.text(of: code) }

  init(_ step: String, code: Int32 = errno) {
    (self.step, self.code) = (step, code)
  }

  /// The step and the reason.
  public var description: String { "\(step): \(reason)" }
}

/// What the system's error numbers mean, in words.
public enum SystemMessage {
  /// The meaning of the last error.
  public static func text() -> String { text(of: errno) }

  /// The meaning of a number.
  public static func text(of code: Int32) -> String {
    // Safety: `strerror` returns a terminated string or nil; it is copied at once.
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
  }
}
