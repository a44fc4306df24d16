import Glibc

/// Where messages and progress go, so that standard output holds results alone.
enum StandardError {
  /// Whether a person watches.
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// Whether a line of progress is of use: whoever watches has a terminal that can go back in a line.
  static let takesProgress: Bool = {
    // Safety: a terminated string or nil, compared at once; nothing changes the environment.
    guard let terminal = unsafe getenv("TERM") else { return isTerminal }
    return unsafe isTerminal && strcmp(terminal, "dumb") != 0
  }()

  /// The number of columns of the terminal, 80 where it does not say.
  static var width: Int {
    var size = winsize()
    let status = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size)
    return status == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Writes text as it is; what cannot be written is lost.
  static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      // Safety: the pointer and the count are the slice's own.
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
