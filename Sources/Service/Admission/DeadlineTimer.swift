internal import Dispatch

/// Calls something at a time, unless it is cancelled before.
final class DeadlineTimer: @unchecked Sendable {
  // Sendable: a Dispatch source may be used from any thread, and `source` never changes.
  private let source: any DispatchSourceTimer

  private static let queue = DispatchQueue(label: "frcnn-deadlines", qos: .userInitiated)

  /// Starts to wait.
  ///
  /// - Parameters:
  ///   - delay: how long; a time that has passed counts as now.
  ///   - action: called once, on a queue of all timers; it must return at once.
  init(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
    source = DispatchSource.makeTimerSource(queue: Self.queue)
    let (seconds, attoseconds) = max(delay, .zero).components
    let nanoseconds = min(Int(clamping: seconds), 1 << 32) * 1_000_000_000
    source.schedule(
      deadline: .now() + .nanoseconds(nanoseconds + Int(attoseconds / 1_000_000_000)),
      leeway: .milliseconds(1))
    source.setEventHandler(handler: DispatchWorkItem(block: action))
    source.activate()
  }

  /// Waits no longer; what the action holds is let go.
  func cancel() { source.cancel() }

  deinit { source.cancel() }
}
