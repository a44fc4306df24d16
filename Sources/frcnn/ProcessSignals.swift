import Glibc

/// The signals that the program heeds, taken by one thread that waits for them.
///
/// They are blocked instead of handled: a handler could do almost nothing, and as process 1 of a
/// container the program would never see a signal that it neither handles nor blocks.
struct ProcessSignals {
  /// What a signal asks for.
  enum Request {
    /// To end: SIGTERM or SIGINT, by its number.
    case end(Int32)
    /// To read again what may have changed: SIGHUP.
    case reload
  }

  /// Blocks the signals for this thread and every thread that is made from now on.
  init() {
    var set = Self.set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    // A log that is read no more ends nothing: writing to it fails instead.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for the next of them.
  func wait() -> Request {
    var set = Self.set
    var number: Int32 = 0
    while unsafe sigwait(&set, &number) != 0 {}
    return number == SIGHUP ? .reload : .end(number)
  }

  /// Waits for the next that asks to end, passing over others.
  func waitForEnd() -> Int32 {
    while true {
      if case .end(let number) = wait() { return number }
    }
  }

  /// The name of a signal that asks to end.
  static func name(of number: Int32) -> String { number == SIGINT ? "SIGINT" : "SIGTERM" }

  /// Ends the process at once, whatever its threads are doing.
  static func end(_ status: Int32) -> Never { _exit(status) }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    unsafe sigaddset(&set, SIGHUP)
    return set
  }
}
