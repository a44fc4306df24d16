internal import Dispatch
internal import Foundation
internal import HTTPServer
internal import Synchronization

/// A piece of work that waits for a lane.
struct Work: Sendable {
  /// Asks whether nobody waits for it any more.
  var cancellation: Cancellation

  /// Does the work; told how long it waited.
  var run: @Sendable (_ waited: Duration) -> Void

  /// Is called instead of `run` where the work was cancelled while it waited.
  var abandon: @Sendable (_ waited: Duration) -> Void
}

/// A bounded queue, first come first served, and the lanes that work it off.
///
/// A lane is a thread of its own that lives as long as the queue: the arithmetic keeps a team of
/// threads for each thread that calls it, so work must not wander over the threads of a pool.
final class WorkQueue: Sendable {
  /// How much there is to do.
  struct Load: Sendable, Equatable {
    /// How many pieces wait.
    var waiting = 0
    /// How many are being worked on.
    var running = 0
    /// How long a piece takes: a moving average over the last few; `nil` before the first.
    var meanServiceTime: Duration?
  }

  private struct Entry {
    var work: Work
    var arrival: ContinuousClock.Instant
  }

  private struct State {
    var waiting: [Entry] = []
    /// Work that is not for any lane but for each, as warming up; it goes before all other.
    var errands: [[@Sendable () -> Void]]
    /// Lanes that wait for work.
    var idle: [Int] = []
    var running = 0
    var meanServiceTime: Duration?
    var isClosed = false
  }

  private enum Step {
    case errand(@Sendable () -> Void)
    case work(Entry)
    case wait
    case end
  }

  let capacity: Int
  let laneCount: Int
  private let state: Mutex<State>
  /// Wakes the lane of the same number; signalled only for a lane that was taken out of `idle`.
  private let wakeUps: [DispatchSemaphore]
  private let ends = DispatchGroup()

  /// Makes a queue and starts its lanes.
  init(capacity: Int, laneCount: Int) {
    self.capacity = capacity
    self.laneCount = laneCount
    state = Mutex(State(errands: Array(repeating: [], count: laneCount)))
    wakeUps = (0..<laneCount).map { _ in DispatchSemaphore(value: 0) }
    for lane in 0..<laneCount {
      ends.enter()
      let thread = Thread { [self] in
        work(lane)
        ends.leave()
      }
      thread.name = "frcnn-lane-\(lane)"
      // The engine runs on this thread too; a secondary thread's usual 8 MiB are plenty.
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  /// Takes work on.
  ///
  /// - Returns: whether there was room; `false` also once the queue is closed.
  func submit(_ work: Work) -> Bool {
    let arrival = ContinuousClock.now
    var abandoned: [Entry] = []
    let (isAccepted, lane) = state.withLock { state -> (Bool, Int?) in
      if state.waiting.count >= capacity { abandoned = Self.removeCancelled(from: &state) }
      guard !state.isClosed, state.waiting.count < capacity else { return (false, nil) }
      state.waiting.append(Entry(work: work, arrival: arrival))
      return (true, state.idle.popLast())
    }
    if let lane { wakeUps[lane].signal() }
    for entry in abandoned { entry.work.abandon(arrival - entry.arrival) }
    return isAccepted
  }

  /// Does something once on the thread of each lane, before any work that waits.
  func runOnEachLane(_ errand: @escaping @Sendable () -> Void) {
    let idle = state.withLock { state in
      for lane in 0..<laneCount { state.errands[lane].append(errand) }
      defer { state.idle.removeAll() }
      return state.idle
    }
    for lane in idle { wakeUps[lane].signal() }
  }

  /// How much there is to do.
  var load: Load {
    state.withLock { state in
      Load(
        waiting: state.waiting.count, running: state.running, meanServiceTime: state.meanServiceTime
      )
    }
  }

  /// Whether work would be refused now.
  var isFull: Bool {
    state.withLock { state in
      state.waiting.count >= capacity
        && !state.waiting.contains { $0.work.cancellation.isCancelled }
    }
  }

  /// Takes no more work on, and lets the lanes end when all that was accepted is done.
  func close() {
    let idle = state.withLock { state in
      state.isClosed = true
      defer { state.idle.removeAll() }
      return state.idle
    }
    for lane in idle { wakeUps[lane].signal() }
  }

  /// Returns when the lanes have ended; `close` has to be called before.
  func waitForEnd() { ends.wait() }

  private func work(_ lane: Int) {
    while true {
      switch state.withLock({ Self.nextStep(of: lane, &$0) }) {
      case .errand(let errand): errand()
      case .work(let entry): run(entry)
      case .wait: wakeUps[lane].wait()
      case .end: return
      }
    }
  }

  private static func nextStep(of lane: Int, _ state: inout State) -> Step {
    if !state.errands[lane].isEmpty { return .errand(state.errands[lane].removeFirst()) }
    if !state.waiting.isEmpty {
      state.running += 1
      return .work(state.waiting.removeFirst())
    }
    if state.isClosed { return .end }
    state.idle.append(lane)
    return .wait
  }

  private func run(_ entry: Entry) {
    let start = ContinuousClock.now
    let waited = start - entry.arrival
    let isCancelled = entry.work.cancellation.isCancelled
    if isCancelled { entry.work.abandon(waited) } else { entry.work.run(waited) }
    let elapsed = ContinuousClock.now - start
    state.withLock { state in
      state.running -= 1
      // Work that was given up halfway says nothing about how long work takes.
      guard !isCancelled, !entry.work.cancellation.isCancelled else { return }
      // Each new time counts a fifth: about the last ten pieces tell.
      state.meanServiceTime = state.meanServiceTime.map { $0 + (elapsed - $0) / 5 } ?? elapsed
    }
  }

  private static func removeCancelled(from state: inout State) -> [Entry] {
    let cancelled = state.waiting.filter { $0.work.cancellation.isCancelled }
    if !cancelled.isEmpty { state.waiting.removeAll { $0.work.cancellation.isCancelled } }
    return cancelled
  }
}

extension WorkQueue.Load {
  /// After how many whole seconds all that waits now will have found a lane: at least 1, at most an
  /// hour.
  func retryAfter(laneCount: Int) -> Int {
    guard let meanServiceTime else { return 1 }
    let wait = meanServiceTime * waiting / laneCount
    return min(max(wait.wholeSecondsRoundedUp, 1), 3600)
  }
}

extension Duration {
  /// The time in seconds, rounded up.
  var wholeSecondsRoundedUp: Int {
    Int(clamping: components.seconds) + (components.attoseconds > 0 ? 1 : 0)
  }
}
