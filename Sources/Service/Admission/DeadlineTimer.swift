internal import Dispatch
internal import Observability

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
    source.schedule(deadline: .now() + delay.timeInterval, leeway: .milliseconds(1))
    source.setEventHandler(handler: DispatchWorkItem(block: action))
    source.activate()
  }

  /// Waits no longer; what the action holds is let go.
  func cancel() { source.cancel() }

  deinit { source.cancel() }
}
