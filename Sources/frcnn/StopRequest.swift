import Synchronization
import Threads

/// Whether somebody asked the program to end: SIGINT or SIGTERM.
///
/// Until `heed` is called a signal ends the program at once; from then on the first asks, and the second ends
/// it.
final class StopRequest: Sendable {
  private let signals = ProcessSignals()
  private let isHeeded = Atomic(false)
  private let number = Atomic<Int32>(0)

  /// Starts to wait for signals.
  func listen() throws(Failure) {
    do throws(ThreadError) {
      try DetachedThread.start(name: "frcnn-signals") { [self] in
        let first = signals.waitForEnd()
        guard isHeeded.load(ordering: .acquiring) else { ProcessSignals.end(128 + first) }
        number.store(first, ordering: .releasing)
        ProcessSignals.end(128 + signals.waitForEnd())
      }
    } catch {
      throw Failure(.internalError, "\(error)")
    }
  }

  /// From now on the work looks at `isStopping`.
  func heed() { isHeeded.store(true, ordering: .releasing) }

  /// Whether the work is to end.
  var isStopping: Bool { number.load(ordering: .acquiring) != 0 }

  /// The name of the signal that asked.
  var signalName: String { ProcessSignals.name(of: number.load(ordering: .acquiring)) }
}
