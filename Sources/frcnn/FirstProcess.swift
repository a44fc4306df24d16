import Glibc

/// What the first process of a container has to do for itself.
enum FirstProcess {
  /// Lets signals end the process as they end any other: the kernel spares process 1 what it does not handle.
  ///
  /// `frcnn serve` has blocked them by then, and waits for them (`ProcessSignals`): none of these handlers is
  /// called there.
  static func heedSignals() {
    guard getpid() == 1 else { return }
    for number in [SIGTERM, SIGINT, SIGHUP] {
      signal(number) { _exit(128 + $0) }
    }
  }
}
