internal import Glibc

/// The few calls that this project makes to the OpenMP runtime which oneDNN brings along.
///
/// They are looked up at run time: Debian's oneDNN is linked with libgomp, and naming libgomp in the
/// package would need its development files, which are a part of a compiler.
enum OpenMP {
  private typealias SetThreadCount = @convention(c) (Int32) -> Void
  private typealias Body = @convention(c) (UnsafeMutableRawPointer?) -> Void
  private typealias Parallel =
    @convention(c) (Body, UnsafeMutableRawPointer?, UInt32, UInt32) -> Void
  private typealias ThreadNumber = @convention(c) () -> Int32

  private static let setThreadCountFunction: SetThreadCount? = function("omp_set_num_threads")
  private static let parallelFunction: Parallel? = unsafe function("GOMP_parallel")
  private static let threadNumberFunction: ThreadNumber? = function("omp_get_thread_num")
  private static let threadCountFunction: ThreadNumber? = function("omp_get_num_threads")
  private static let mostThreadsFunction: ThreadNumber? = function("omp_get_max_threads")

  private static func function<Function>(_ name: String) -> Function? {
    guard let symbol = unsafe dlsym(nil, name) else { return nil }
    // Safety: the names are those of the OpenMP 4.5 API and of GCC's OpenMP ABI, with their types.
    return unsafe unsafeBitCast(symbol, to: Function.self)
  }

  /// Sets how many threads the parallel regions of the calling thread use.
  static func setThreadCount(_ count: Int) {
    setThreadCountFunction?(Int32(count))
  }

  /// How many threads the parallel regions of the calling thread use.
  static var threadCount: Int { mostThreadsFunction.map { Int($0()) } ?? 1 }

  /// Splits `0..<count` into as many ranges as there are threads and runs them on the calling
  /// thread's own team, so that no second set of threads competes with oneDNN's.
  static func parallel(_ count: Int, threadCount: Int, _ body: (Range<Int>) -> Void) {
    guard
      threadCount > 1, count > 1, let parallel = unsafe parallelFunction,
      let number = threadNumberFunction, let total = threadCountFunction
    else {
      body(0..<count)
      return
    }
    withoutActuallyEscaping(body) { body in
      var work = Work(count: count, body: body, number: number, total: total)
      unsafe withUnsafeMutablePointer(to: &work) { work in
        unsafe parallel(
          { argument in
            // Safety: the argument is the `work` above, which outlives the region.
            guard let work = unsafe argument?.assumingMemoryBound(to: Work.self) else { return }
            let (index, parts) = unsafe (Int(work.pointee.number()), Int(work.pointee.total()))
            let count = unsafe work.pointee.count
            let range = count * index / parts..<count * (index + 1) / parts
            if !range.isEmpty { unsafe work.pointee.body(range) }
          }, work, UInt32(min(threadCount, count)), 0)
      }
    }
  }

  private struct Work {
    let count: Int
    let body: (Range<Int>) -> Void
    let number: ThreadNumber
    let total: ThreadNumber
  }
}

extension ComputeThread {
  /// Splits a range over the thread's team; must be called on the thread itself.
  ///
  /// The parts run at the same time, so `body` may only write what belongs to its own part.
  public func parallel(_ count: Int, _ body: (Range<Int>) -> Void) {
    OpenMP.parallel(count, threadCount: threadCount, body)
  }
}
