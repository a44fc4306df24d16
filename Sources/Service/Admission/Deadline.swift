internal import Dispatch
internal import HTTP1

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

/// How long a request may take, from its arrival to its answer.
enum RequestTimeout {
  static let field = "X-Request-Timeout-Ms"

  /// The longest time that a client may name: a day, in milliseconds.
  static let maximumMilliseconds = 86_400_000

  /// What a request's head asks for; `nil` where it does not.
  ///
  /// - Throws: a `Problem` where it is said in a way that cannot be meant: a deadline that is not kept
  ///   would be worse than a refusal.
  static func stated(in fields: HTTPFields) throws(Problem) -> Duration? {
    let values = fields.values(of: field)
    guard let value = values.first else { return nil }
    guard values.count == 1, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let count = Int(value), (1...maximumMilliseconds).contains(count)
    else {
      throw Problem(
        .invalidParameter,
        "The field \(field) has to be one whole number from 1 to \(maximumMilliseconds), in "
          + "milliseconds.", parameter: field)
    }
    return .milliseconds(count)
  }
}
