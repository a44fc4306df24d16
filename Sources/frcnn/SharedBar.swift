import Synchronization

/// A line of progress that several threads move on.
final class SharedBar: Sendable {
  private let bar: Mutex<ProgressBar>

  init(_ title: String, total: Int) { bar = Mutex(ProgressBar(title, total: total)) }

  /// Shows that so much is done.
  func show(_ done: Int) { bar.withLock { $0.show(done) } }

  /// Takes the line away.
  func finish() { bar.withLock { $0.finish() } }
}
