internal import Synchronization

/// How long a piece of work of one kind takes: a moving average over the last few.
final class ServiceTime: Sendable {
  private let average = Mutex<Duration?>(nil)

  /// The average; `nil` before the first piece.
  var mean: Duration? { average.withLock { $0 } }

  /// Takes a piece in.
  ///
  /// - Parameters:
  ///   - elapsed: how long it took.
  ///   - isWhole: whether it was done; work that was given up halfway says only that it takes longer.
  func record(_ elapsed: Duration, isWhole: Bool) {
    average.withLock { mean in
      guard isWhole || mean.map({ elapsed > $0 }) ?? false else { return }
      // Each new time counts a fifth: about the last ten pieces tell.
      mean = mean.map { $0 + (elapsed - $0) / 5 } ?? elapsed
    }
  }
}
