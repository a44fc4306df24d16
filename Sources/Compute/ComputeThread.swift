internal import Glibc
internal import Synchronization
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

  /// The lock and the condition that guard `State`.
  @safe private final class Shared: @unchecked Sendable {
    // Sendable: `state` is only touched between `lock` and `unlock` of `mutex`.
    @unsafe let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @unsafe let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state = State()

    init() {
      unsafe pthread_mutex_init(mutex, nil)
      unsafe pthread_cond_init(condition, nil)
    }

    deinit {
      unsafe pthread_cond_destroy(condition)
      unsafe pthread_mutex_destroy(mutex)
      unsafe condition.deallocate()
      unsafe mutex.deallocate()
    }

    func withState(_ body: (inout State) -> Void) {
      unsafe pthread_mutex_lock(mutex)
      body(&state)
      unsafe pthread_cond_signal(condition)
      unsafe pthread_mutex_unlock(mutex)
    }

    /// Waits for work; `nil` once the thread should end.
    func next() -> (@Sendable () -> Void)? {
      unsafe pthread_mutex_lock(mutex)
      defer { unsafe pthread_mutex_unlock(mutex) }
      while state.queue.isEmpty && !state.isStopping {
        unsafe pthread_cond_wait(condition, mutex)
      }
      return state.queue.isEmpty ? nil : state.queue.removeFirst()
    }
  }

  /// The number of threads that a kernel runs on, the calling one included.
  public let threadCount: Int

  private let shared = Shared()

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: shown by `ps -L` and debuggers; the kernel keeps 15 bytes of it.
  ///   - threadCount: how many threads the engine's kernels use.
  /// - Throws: `ComputeError` where the system has no thread to give.
  public init(name: String, threadCount: Int) throws(ComputeError) {
    self.threadCount = max(threadCount, 1)
    let (shared, threadCount) = (shared, self.threadCount)
    do throws(ThreadError) {
      try DetachedThread.start(name: name) {
        // Whoever answers probes and reads requests needs a core for microseconds: that goes before a
        // second of convolutions. The team's threads inherit it.
        _ = nice(5)
        OpenMP.setThreadCount(threadCount)
        while let work = shared.next() { work() }
      }
    } catch {
      throw ComputeError(operation: "starting a thread", reason: "\(error)")
    }
  }

  deinit { shared.withState { $0.isStopping = true } }

  /// Queues work for the thread and returns at once.
  public func async(_ work: @escaping @Sendable () -> Void) {
    shared.withState { $0.queue.append(work) }
  }

  /// Runs work on the thread and waits for its result; must not be called from the thread itself.
  public func run<Result: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let box = Box<Swift.Result<Result, Failure>>()
    async {
      do throws(Failure) { box.fill(.success(try work())) } catch { box.fill(.failure(error)) }
    }
    return try box.wait().get()
  }
}

/// A value that one thread fills and another waits for.
@safe private final class Box<Value: Sendable>: @unchecked Sendable {
  // Sendable: `value` is written once before `sem_post` and read after `sem_wait`.
  private var value: Value?
  @unsafe private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { unsafe sem_init(semaphore, 0, 0) }

  deinit {
    unsafe sem_destroy(semaphore)
    unsafe semaphore.deallocate()
  }

  func fill(_ value: Value) {
    self.value = value
    unsafe sem_post(semaphore)
  }

  func wait() -> Value {
    while unsafe sem_wait(semaphore) != 0 {}
    guard let value else { preconditionFailure("a box that was opened before it was filled") }
    return value
  }
}
