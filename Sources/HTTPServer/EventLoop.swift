internal import CLinux
internal import Dispatch
internal import Glibc

/// What a descriptor is ready for, or is watched for.
struct Readiness: OptionSet {
  let rawValue: UInt8

  /// Bytes, a connection or the end of input can be read.
  static let readable = Readiness(rawValue: 1)

  /// Bytes can be written.
  static let writable = Readiness(rawValue: 2)

  /// The other side has shut its sending side, though bytes may be left to read.
  static let inputEnded = Readiness(rawValue: 4)

  /// The connection is broken or shut both ways; told whether it is watched for or not.
  static let gone = Readiness(rawValue: 8)
}

/// What an event loop calls.
protocol EventHandler: AnyObject {
  /// Says that the descriptor is ready.
  func ready(_ readiness: Readiness)

  /// Says that the deadline has passed; it is then none.
  func deadlinePassed()
}

/// Watches descriptors and deadlines on one serial queue.
///
/// One `epoll` descriptor holds all sockets, and one Dispatch source watches that descriptor: see
/// `docs/decisions/0002-http-server.md` for why not a source for each socket. All methods belong to
/// `queue`.
@safe final class EventLoop: @unchecked Sendable {
  // `@unchecked`: everything mutable is used on `queue` alone.

  private struct Slot {
    var handler: (any EventHandler)?
    /// Tells an event for this descriptor from one for an earlier descriptor of the same number.
    var generation: UInt32 = 0
  }

  /// Tells nanoseconds, and never fewer than before.
  typealias Clock = @Sendable () -> UInt64

  /// The queue that everything runs on.
  let queue: DispatchQueue

  /// Nanoseconds of the clock, read once for each round.
  private(set) var now: UInt64

  private let clock: Clock

  private let epoll: Int32
  private var source: (any DispatchSourceRead)?
  private var timer: (any DispatchSourceTimer)?
  private var slots: [Slot] = []

  /// For each descriptor when to call, in nanoseconds; `.max` for never.
  ///
  /// One array looked through on each tick: 10,000 deadlines are 80 KB and take some microseconds,
  /// and to set one is a store.
  private var deadlines: [UInt64] = []

  private let events: UnsafeMutableBufferPointer<epoll_event>

  /// Called on each tick, after the deadlines.
  var onTick: () -> Void = {}

  /// Events taken from the kernel in one call.
  private static let batch = 256

  /// Makes a loop that watches nothing yet.
  ///
  /// - Parameters:
  ///   - queue: a serial queue.
  ///   - tick: how often deadlines are looked at, in nanoseconds.
  ///   - clock: what deadlines are held against.
  /// - Throws: `HTTPServerError.system` where the kernel has no descriptor left.
  init(
    queue: DispatchQueue, tick: UInt64, clock: @escaping Clock = EventLoop.systemClock
  ) throws(HTTPServerError) {
    self.queue = queue
    self.clock = clock
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw .system(call: "epoll_create1", code: errno, nil) }
    unsafe events = UnsafeMutableBufferPointer.allocate(capacity: Self.batch)
    now = clock()
    let source = DispatchSource.makeReadSource(fileDescriptor: epoll, queue: queue)
    source.setEventHandler { [unowned self] in round() }
    let epoll = epoll
    source.setCancelHandler { _ = close(epoll) }
    source.activate()
    self.source = source
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let interval = DispatchTimeInterval.nanoseconds(Int(tick))
    timer.schedule(deadline: .now() + interval, repeating: interval, leeway: interval)
    timer.setEventHandler { [unowned self] in self.tick() }
    timer.activate()
    self.timer = timer
  }

  deinit {
    unsafe events.deallocate()
  }

  /// Ends the loop; nothing may be watched any more.
  func stop() {
    source?.cancel()
    source = nil
    timer?.cancel()
    timer = nil
  }

  /// Reads the clock anew, where something did not come by way of a round.
  func refreshNow() { now = clock() }

  /// Watches a descriptor; it is told of `gone` in any case.
  func watch(_ descriptor: Int32, for interest: Readiness, handler: any EventHandler) -> Bool {
    let index = Int(descriptor)
    while slots.count <= index {
      slots.append(Slot())
      deadlines.append(.max)
    }
    slots[index].handler = handler
    slots[index].generation &+= 1
    return control(EPOLL_CTL_ADD, descriptor, interest)
  }

  /// Watches a descriptor for something else.
  func rewatch(_ descriptor: Int32, for interest: Readiness) {
    _ = control(EPOLL_CTL_MOD, descriptor, interest)
  }

  /// Forgets a descriptor, which must still be open.
  func unwatch(_ descriptor: Int32) {
    slots[Int(descriptor)].handler = nil
    deadlines[Int(descriptor)] = .max
    _ = control(EPOLL_CTL_DEL, descriptor, [])
  }

  /// Sets when to call the handler of a watched descriptor; `nil` for never.
  func setDeadline(_ deadline: UInt64?, of descriptor: Int32) {
    deadlines[Int(descriptor)] = deadline ?? .max
  }

  /// When the handler of a watched descriptor is called; `nil` for never.
  func deadline(of descriptor: Int32) -> UInt64? {
    let deadline = deadlines[Int(descriptor)]
    return deadline == .max ? nil : deadline
  }

  /// All handlers.
  var handlers: [any EventHandler] { slots.compactMap(\.handler) }

  private func control(_ operation: Int32, _ descriptor: Int32, _ interest: Readiness) -> Bool {
    var flags: UInt32 = 0
    if interest.contains(.readable) { flags |= EPOLLIN.rawValue }
    if interest.contains(.writable) { flags |= EPOLLOUT.rawValue }
    if interest.contains(.inputEnded) { flags |= EPOLLRDHUP.rawValue }
    let generation = UInt64(slots[Int(descriptor)].generation)
    let data = generation << 32 | UInt64(UInt32(bitPattern: descriptor))
    // Safety: every word of the event is set; the kernel only reads it.
    var event = unsafe epoll_event(events: flags, data: epoll_data_t(u64: data))
    return unsafe epoll_ctl(epoll, operation, descriptor, &event) == 0
  }

  /// Handles what is ready.
  ///
  /// One round may look several times, since one look costs far less than going through Dispatch
  /// again; it ends after a few for the sake of what else waits on the queue.
  private func round() {
    for _ in 0..<8 {
      // Safety: the kernel writes at most `batch` events, which is the buffer's capacity.
      guard let base = unsafe events.baseAddress else { return }
      let count = unsafe epoll_wait(epoll, base, Int32(Self.batch), 0)
      guard count > 0 else { return }
      refreshNow()
      for index in 0..<Int(count) {
        // Safety: the kernel has written `count` events, each with the data that `control` gave it.
        let (flags, data) = unsafe (events[index].events, events[index].data.u64)
        handle(flags, data)
      }
    }
  }

  private func handle(_ flags: UInt32, _ data: UInt64) {
    let slot = slots[Int(data & 0xffff_ffff)]
    // The descriptor may have been closed, and its number used again, earlier in this round.
    guard let handler = slot.handler, slot.generation == UInt32(data >> 32) else { return }
    var readiness: Readiness = []
    if flags & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
    if flags & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
    if flags & EPOLLRDHUP.rawValue != 0 { readiness.insert(.inputEnded) }
    if flags & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { readiness.insert(.gone) }
    handler.ready(readiness)
  }

  /// Looks at the deadlines.
  func tick() {
    refreshNow()
    for index in deadlines.indices where deadlines[index] <= now {
      deadlines[index] = .max
      slots[index].handler?.deadlinePassed()
    }
    onTick()
  }

  /// The system's clock that goes on steadily.
  @Sendable static func systemClock() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

extension Duration {
  /// The duration in nanoseconds; none that is negative, and at most about 292 years.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (product, isTooLarge) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return isTooLarge || product > UInt64(Int64.max) - 1_000_000_000
      ? UInt64(Int64.max) : product + UInt64(attoseconds / 1_000_000_000)
  }
}
