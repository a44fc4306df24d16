internal import Dispatch
internal import Synchronization

/// Where bodies are looked into before they wait for a lane: a few at a time, begun in the order in
/// which they came.
///
/// It stands beside the server's own queue, which must not wait for that. With more than one at a time
/// a body that is costly to look into (a form of 32 MiB, a tensor as text, a bomb) does not hold up
/// those behind it; with a bound on how many, such bodies do not take every core from the lanes.
final class Intake: Sendable {
  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var running = 0
  }

  /// How many bodies are looked into at once.
  let width: Int

  private let state = Mutex(State())
  private let queue = DispatchQueue(
    label: "frcnn-intake", qos: .userInitiated, attributes: .concurrent)

  /// Makes an intake.
  init(width: Int) {
    precondition(width >= 1, "an intake of \(width) at a time takes nothing in")
    self.width = width
  }

  /// Does something as soon as its turn comes.
  func submit(_ action: @escaping @Sendable () -> Void) {
    let starts = state.withLock { state in
      state.waiting.append(action)
      guard state.running < width else { return false }
      state.running += 1
      return true
    }
    if starts { queue.async { self.work() } }
  }

  private func work() {
    while let action = next() { action() }
  }

  /// What comes next; `nil` where nothing waits, and then the caller ends.
  private func next() -> (@Sendable () -> Void)? {
    state.withLock { state in
      if !state.waiting.isEmpty { return state.waiting.removeFirst() }
      state.running -= 1
      return nil
    }
  }
}
