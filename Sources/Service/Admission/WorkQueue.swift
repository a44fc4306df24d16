internal import Dispatch
internal import HTTPServer
internal import Observability
internal import Synchronization
internal import Threads

/// A piece of work that waits for a lane.
struct Work: Sendable {
  /// Does the work; told how long it waited.
  var run: @Sendable (_ waited: Duration) -> Void

  /// Is called instead of `run` where the work was cancelled while it waited.
  var abandon: @Sendable (_ waited: Duration) -> Void
}

/// A bounded queue, first come first served as far as deadlines allow, and the lanes that work it off.
///
/// A request takes a place by `enter`, from its head and the length of its body; what it costs and
/// what is to be done for it may be found out later (`charge`, `submit`), without losing the place.
///
/// A lane is a thread of its own that lives as long as the queue: it decodes pictures and writes answers,
/// and waits while a compute thread, which all models share, does the arithmetic. It is no thread of a
/// pool, because it blocks, and a pool that is blocked makes ever more threads.
final class WorkQueue: Sendable {
  /// How much there is to do.
  struct Load: Sendable, Equatable {
    /// How many requests wait.
    var waiting = 0
    /// The bytes of their bodies.
    var waitingBytes = 0
    /// The pixels of their pictures, as far as they are known.
    var waitingPixels = 0
    /// How many are being worked on.
    var running = 0
    /// How long all that waits will keep a lane, as far as that is known.
    var waitingTime = Duration.zero
  }

  /// A place in the queue.
  struct Place: Sendable, Hashable {
    fileprivate var number: UInt64
  }

  /// Why there is no place: the bound that is reached.
  enum Shortage: Sendable, Error {
    case requests
    case bytes
    case pixels
    /// What waits already will take longer than the request has.
    case time
    /// The queue takes nothing any more.
    case closed
  }

  private struct Entry {
    var place: Place
    var cancellation: Cancellation
    var arrival: ContinuousClock.Instant
    /// When its client has waited long enough.
    var deadline: ContinuousClock.Instant
    var bytes: Int
    var pixels = 0
    /// How long work of its kind takes.
    var serviceTime: ServiceTime
    /// `nil` until it is known what is to be done.
    var work: Work?
  }

  private struct State {
    var waiting: [Entry] = []
    var lastNumber: UInt64 = 0
    /// Lanes that wait for work.
    var idle: [Int] = []
    /// When each lane began what it does; `nil` where it does nothing.
    var starts: [ContinuousClock.Instant?]
    var isClosed = false

    /// The place of what is to be worked on next.
    ///
    /// In the order of arrival, but what cannot be done by its deadline any more lets those go first that
    /// can: else lanes that are late with one would be late with each.
    func nextIndex(at now: ContinuousClock.Instant) -> Int? {
      waiting.firstIndex { entry in
        entry.work != nil && entry.serviceTime.mean.map { now + $0 <= entry.deadline } ?? true
      } ?? waiting.firstIndex { $0.work != nil }
    }

    /// What waits and is still wanted, added up.
    var totals: (requests: Int, bytes: Int, pixels: Int, time: Duration) {
      var sum = (requests: 0, bytes: 0, pixels: 0, time: Duration.zero)
      for entry in waiting where !entry.cancellation.isCancelled {
        sum.requests += 1
        sum.bytes += entry.bytes
        sum.pixels += entry.pixels
        sum.time += entry.serviceTime.mean ?? .zero
      }
      return sum
    }
  }

  private enum Step {
    case work(Entry, Work)
    case wait
    case end
  }

  let limits: QueueLimits
  let laneCount: Int
  private let state: Mutex<State>
  /// Wakes the lane of the same number; signalled only for a lane that was taken out of `idle`.
  private let wakeUps: [DispatchSemaphore]
  private let ends = DispatchGroup()

  /// Makes a queue and starts its lanes.
  init(limits: QueueLimits, laneCount: Int) {
    self.limits = limits
    self.laneCount = laneCount
    state = Mutex(State(starts: Array(repeating: nil, count: laneCount)))
    wakeUps = (0..<laneCount).map { _ in DispatchSemaphore(value: 0) }
    for lane in 0..<laneCount {
      ends.enter()
      do throws(ThreadError) {
        // Pictures' decoders run here, whatever the system limits its own threads' stacks to.
        try DetachedThread.start(name: "frcnn-lane-\(lane)", stackByteCount: 8 << 20) { [self] in
          work(lane)
          ends.leave()
        }
      } catch {
        // Before the first request: a server that was given no threads at its start is not one.
        preconditionFailure("lane \(lane): \(error)")
      }
    }
  }

  // MARK: Taking work on

  /// Takes a place.
  ///
  /// - Parameters:
  ///   - bytes: the length of the request's body.
  ///   - time: how long its client waits.
  ///   - serviceTime: how long work of its kind takes.
  ///   - cancellation: says that nobody waits for it any more; its place is free then.
  /// - Returns: the place.
  /// - Throws: the bound that is reached.
  func enter(
    bytes: Int, within time: Duration, serviceTime: ServiceTime, cancellation: Cancellation
  ) throws(Shortage) -> Place {
    let arrival = ContinuousClock.now
    // Those who have gone leave nothing behind that grows while the lanes are busy.
    dropCancelled()
    let outcome = state.withLock { state -> Result<Place, Shortage> in
      if let shortage = shortage(in: state, adding: bytes, within: time, serviceTime) {
        return .failure(shortage)
      }
      state.lastNumber += 1
      let place = Place(number: state.lastNumber)
      state.waiting.append(
        Entry(
          place: place, cancellation: cancellation, arrival: arrival, deadline: arrival + time,
          bytes: bytes, serviceTime: serviceTime))
      return .success(place)
    }
    return try outcome.get()
  }

  /// Takes the place before all others for what had a lane, and has to wait for its client before it
  /// can go on: there was room for it, and what is left of it is no more.
  ///
  /// - Parameters:
  ///   - bytes: what it still holds.
  ///   - pixels: the pictures that are left of it.
  ///   - deadline: when its client has waited long enough.
  ///   - serviceTime: how long work of its kind takes.
  ///   - cancellation: says that nobody waits for it any more.
  /// - Returns: the place, to `submit` at.
  func reenter(
    bytes: Int, pixels: Int, deadline: ContinuousClock.Instant, serviceTime: ServiceTime,
    cancellation: Cancellation
  ) -> Place {
    state.withLock { state in
      state.lastNumber += 1
      let place = Place(number: state.lastNumber)
      state.waiting.insert(
        Entry(
          place: place, cancellation: cancellation, arrival: .now, deadline: deadline, bytes: bytes,
          pixels: pixels, serviceTime: serviceTime),
        at: 0)
      return place
    }
  }

  /// Corrects what a place costs, once that is known better than from the request's head.
  ///
  /// One that waits alone always has room: what no other request could ever leave room for has to be
  /// bounded by itself.
  ///
  /// - Parameters:
  ///   - place: the place; one that was given up meanwhile is passed over.
  ///   - bytes: what it holds.
  ///   - pixels: the pixels of its pictures.
  ///   - time: how long its client waits, where it wants to wait less long than it said at first.
  /// - Throws: the bound that would be passed; the place is lost then.
  func charge(
    _ place: Place, bytes: Int, pixels: Int, within time: Duration? = nil
  ) throws(Shortage) {
    let shortage = state.withLock { state -> Shortage? in
      guard let index = state.waiting.firstIndex(where: { $0.place == place }) else { return nil }
      state.waiting[index].bytes = 0
      let others = state.totals
      let isAlone = others.requests <= 1
      let failure: Shortage? =
        if isAlone {
          nil
        } else if others.bytes + bytes > limits.bytes {
          .bytes
        } else if others.pixels + pixels > limits.pixels {
          .pixels
        } else {
          nil
        }
      if failure == nil {
        state.waiting[index].bytes = bytes
        state.waiting[index].pixels = pixels
        if let time {
          let entry = state.waiting[index]
          state.waiting[index].deadline = min(entry.deadline, entry.arrival + time)
        }
      } else {
        state.waiting.remove(at: index)
      }
      return failure
    }
    if let shortage { throw shortage }
  }

  /// Says what is to be done for a place.
  func submit(_ work: Work, at place: Place) {
    let (isHere, lane) = state.withLock { state -> (Bool, Int?) in
      guard let index = state.waiting.firstIndex(where: { $0.place == place }) else {
        return (false, nil)
      }
      state.waiting[index].work = work
      return (true, state.idle.popLast())
    }
    if let lane { wakeUps[lane].signal() }
    // Its client went while it was made ready, and somebody else took the place.
    if !isHere { work.abandon(.zero) }
  }

  /// Gives a place up.
  func leave(_ place: Place) {
    let idle = state.withLock { state -> [Int] in
      state.waiting.removeAll { $0.place == place }
      // A queue that is closed ends when nothing waits.
      guard state.isClosed, state.waiting.isEmpty else { return [] }
      defer { state.idle.removeAll() }
      return state.idle
    }
    for lane in idle { wakeUps[lane].signal() }
  }

  /// Frees the places of those that nobody waits for any more.
  func dropCancelled() {
    let (dropped, idle) = state.withLock { state -> ([Entry], [Int]) in
      let cancelled = state.waiting.filter { $0.cancellation.isCancelled }
      if !cancelled.isEmpty { state.waiting.removeAll { $0.cancellation.isCancelled } }
      // A queue that is closed ends when nothing waits.
      guard state.isClosed, state.waiting.isEmpty else { return (cancelled, []) }
      defer { state.idle.removeAll() }
      return (cancelled, state.idle)
    }
    for lane in idle { wakeUps[lane].signal() }
    let now = ContinuousClock.now
    for entry in dropped { entry.work?.abandon(now - entry.arrival) }
  }

  /// Which bound a request with a body of so many bytes, whose client waits for so long, would meet
  /// now; `nil` where there is room.
  func shortage(
    adding bytes: Int, within time: Duration, serviceTime: ServiceTime
  ) -> Shortage? {
    state.withLock { shortage(in: $0, adding: bytes, within: time, serviceTime) }
  }

  private func shortage(
    in state: State, adding bytes: Int, within time: Duration, _ serviceTime: ServiceTime
  ) -> Shortage? {
    if state.isClosed { return .closed }
    let totals = state.totals
    if totals.requests >= limits.requests { return .requests }
    if totals.requests > 0, totals.bytes + bytes > limits.bytes { return .bytes }
    if totals.pixels >= limits.pixels { return .pixels }
    // What cannot be done in time would be given up halfway, and the lanes would be busy with nothing
    // else. Half a piece more for those that run; one that is the first to wait may try.
    if totals.requests > 0, let mean = serviceTime.mean,
      totals.time / laneCount + mean / 2 + mean > time
    {
      return .time
    }
    return nil
  }

  // MARK: Looking on

  /// How much there is to do.
  var load: Load {
    state.withLock { state in
      let totals = state.totals
      return Load(
        waiting: totals.requests, waitingBytes: totals.bytes, waitingPixels: totals.pixels,
        running: state.starts.count { $0 != nil }, waitingTime: totals.time)
    }
  }

  /// How many lanes have been at one piece of work for longer than a limit.
  func stuckLanes(limit: Duration) -> Int {
    let now = ContinuousClock.now
    return state.withLock { state in
      state.starts.count { start in start.map { now - $0 > limit } ?? false }
    }
  }

  // MARK: Ending

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

  // MARK: Lanes

  private func work(_ lane: Int) {
    while true {
      switch state.withLock({ Self.nextStep(of: lane, &$0) }) {
      case .work(let entry, let work): run(work, entry, lane)
      case .wait: wakeUps[lane].wait()
      case .end: return
      }
    }
  }

  private static func nextStep(of lane: Int, _ state: inout State) -> Step {
    if let index = state.nextIndex(at: .now), let work = state.waiting[index].work {
      state.starts[lane] = .now
      return .work(state.waiting.remove(at: index), work)
    }
    if state.isClosed, state.waiting.isEmpty { return .end }
    state.idle.append(lane)
    return .wait
  }

  private func run(_ work: Work, _ entry: Entry, _ lane: Int) {
    let start = ContinuousClock.now
    let waited = start - entry.arrival
    let isCancelled = entry.cancellation.isCancelled
    if isCancelled { work.abandon(waited) } else { work.run(waited) }
    let elapsed = ContinuousClock.now - start
    entry.serviceTime.record(
      elapsed, isWhole: !isCancelled && !entry.cancellation.isCancelled)
    let idle = state.withLock { state -> [Int] in
      state.starts[lane] = nil
      guard state.isClosed, state.waiting.isEmpty else { return [] }
      defer { state.idle.removeAll() }
      return state.idle
    }
    for lane in idle { wakeUps[lane].signal() }
  }
}

extension WorkQueue.Load {
  /// After how many whole seconds all that waits now will have found a lane: at least 1, at most an
  /// hour.
  func retryAfter(laneCount: Int) -> Int {
    min(max((waitingTime / laneCount).wholeSecondsRoundedUp, 1), 3600)
  }
}
