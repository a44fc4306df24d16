import Glibc

/// The signals that ask the program to end, taken by one thread that waits for them.
///
/// They are blocked instead of handled: a handler could do almost nothing, and as process 1 of a
/// container the program would never see a signal that it neither handles nor blocks.
struct EndSignals {
  /// The number of the signal that came last.
  private(set) var last: Int32 = 0

  /// Blocks the signals for this thread and every thread that is made from now on.
  init() {
    var set = Self.set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    // A log that is read no more ends nothing: writing to it fails instead.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for the next of them and returns its name.
  mutating func wait() -> String {
    var set = Self.set
    while unsafe sigwait(&set, &last) != 0 {}
    return last == SIGINT ? "SIGINT" : "SIGTERM"
  }

  /// Ends the process at once, whatever its threads are doing.
  static func end(_ status: Int32) -> Never { _exit(status) }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    return set
  }
}
