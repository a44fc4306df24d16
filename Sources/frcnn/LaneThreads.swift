import Compute
import Synchronization

/// The compute threads of the lanes, which all models share: as many pictures are worked on at once as there
/// are lanes, whichever models they are for, and the cores are shared out among the lanes.
final class LaneThreads: Sendable {
  let threads: [ComputeThread]

  /// Guards nothing but the list: the thread of a number that was taken out is its taker's.
  private let resting: Mutex<[Int]>

  /// How many of some threads each of some lanes computes with.
  ///
  /// What does not divide goes to the first lanes; more lanes than threads have one each.
  static func shares(of threadCount: Int, among laneCount: Int) -> [Int] {
    (0..<laneCount).map { lane in
      max(1, threadCount / laneCount + (lane < threadCount % laneCount ? 1 : 0))
    }
  }

  /// Makes a thread for each lane.
  init(laneCount: Int, threadCount: Int) throws(Failure) {
    var threads: [ComputeThread] = []
    for share in Self.shares(of: threadCount, among: laneCount) {
      do {
        threads.append(try ComputeThread(name: "frcnn-compute", threadCount: share))
      } catch {
        throw Failure(.internalError, "\(error)")
      }
    }
    self.threads = threads
    resting = Mutex(Array(threads.indices))
  }

  /// Lends out a thread, by its number.
  ///
  /// - Throws: what the closure throws; a `Failure` where no thread rests.
  func lend<Result>(_ body: (Int) throws -> Result) throws -> Result {
    guard let number = resting.withLock({ $0.popLast() }) else {
      throw Failure(.internalError, "more requests at once than there are lanes")
    }
    defer { resting.withLock { $0.append(number) } }
    return try body(number)
  }
}
