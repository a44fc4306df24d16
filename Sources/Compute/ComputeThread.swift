internal import Glibc
internal import Threads

/// A thread that lives as long as the object and runs everything that touches the engine.
///
/// libgomp keeps a team of workers for every thread that ever called it. Work that came from
/// whatever thread Dispatch happened to offer would pile up teams that fight for the cores; one
/// long-lived caller has one team. The number of threads in it is set here and nowhere else.
public final class ComputeThread: Sendable {
  private struct State {
    var queue: [@Sendable () -> Void] = []
    var isStopping = false
  }

  private enum Step: Sendable {
    case work(@Sendable () -> Void)
    case end
  }

  /// The number of threads that a kernel runs on, the calling one included.
  public let threadCount: Int

  private let state = Monitor(State())

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: shown by `ps -L` and debuggers; the kernel keeps 15 bytes of it.
  ///   - threadCount: how many threads the engine's kernels use.
  /// - Throws: `ComputeError` where the system has no thread to give.
  public init(name: String, threadCount: Int) throws(ComputeError) {
    self.threadCount = max(threadCount, 1)
    let (state, threadCount) = (state, self.threadCount)
    do throws(ThreadError) {
      try DetachedThread.start(name: name) {
        // Whoever answers probes and reads requests needs a core for microseconds: that goes before a
        // second of convolutions. The team's threads inherit it.
        _ = nice(5)
        OpenMP.setThreadCount(threadCount)
        while case .work(let work) = state.wait(for: Self.next) { work() }
      }
    } catch {
      throw ComputeError(operation: "starting a thread", reason: "\(error)")
    }
  }

  deinit { state.change { $0.isStopping = true } }

  /// What comes next; `nil` as long as nothing does.
  private static func next(_ state: inout State) -> Step? {
    if !state.queue.isEmpty { return .work(state.queue.removeFirst()) }
    return state.isStopping ? .end : nil
  }

  /// Queues work for the thread and returns at once.
  public func async(_ work: @escaping @Sendable () -> Void) {
    state.change { $0.queue.append(work) }
  }

  /// Runs work on the thread and waits for its result; must not be called from the thread itself.
  public func run<Result: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outcome = Monitor<Swift.Result<Result, Failure>?>(nil)
    async {
      do throws(Failure) {
        let result = try work()
        outcome.change { $0 = .success(result) }
      } catch {
        outcome.change { $0 = .failure(error) }
      }
    }
    return try outcome.wait { $0 }.get()
  }
}
