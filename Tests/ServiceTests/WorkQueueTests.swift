import HTTPServer
import Synchronization
import Testing

@testable import Service

/// The queue by itself.
@Suite struct WorkQueueTests {
  @Test func whatCannotBeDoneInTimeIsRefusedAtOnce() async throws {
    let queue = WorkQueue(limits: QueueLimits(), laneCount: 1)
    let gate = Gate()
    let serviceTime = ServiceTime()
    func enter(_ run: @escaping @Sendable () -> Void) throws {
      let place = try queue.enter(
        bytes: 1, within: .seconds(36_000), serviceTime: serviceTime, cancellation: Cancellation())
      queue.submit(Work(run: { _ in run() }, abandon: { _ in }), at: place)
    }
    // Nothing is known of how long work takes, and then that it takes 20 ms at least.
    #expect(queue.shortage(adding: 1, within: .milliseconds(1), serviceTime: serviceTime) == nil)
    try enter { for _ in 0..<20 { pause() } }
    #expect(await eventually { serviceTime.mean != nil })
    // Who finds a lane, or is the first to wait for one, may try.
    try enter { gate.pass() }
    #expect(await eventually { queue.load.running == 1 })
    #expect(queue.shortage(adding: 1, within: .milliseconds(1), serviceTime: serviceTime) == nil)
    try enter {}
    #expect(queue.shortage(adding: 1, within: .milliseconds(1), serviceTime: serviceTime) == .time)
    #expect(queue.shortage(adding: 1, within: .seconds(36_000), serviceTime: serviceTime) == nil)
    gate.open()
    queue.close()
    queue.waitForEnd()
  }

  @Test func whatIsTooLateLetsThoseGoFirstThatAreNot() async throws {
    let queue = WorkQueue(limits: QueueLimits(), laneCount: 1)
    let gate = Gate()
    let serviceTime = ServiceTime()
    let order = Held<[String]>([])
    func enter(
      _ name: String, within time: Duration = .seconds(36_000),
      _ run: @escaping @Sendable () -> Void = {}
    ) throws {
      let place = try queue.enter(
        bytes: 1, within: time, serviceTime: serviceTime, cancellation: Cancellation())
      let run: @Sendable (Duration) -> Void = { _ in
        run()
        order.withLock { $0.append(name) }
      }
      queue.submit(Work(run: run, abandon: { _ in }), at: place)
    }
    // Work takes 50 ms at least; the lane is held.
    try enter("first") { for _ in 0..<50 { pause() } }
    #expect(await eventually { serviceTime.mean != nil })
    try enter("held") { gate.pass() }
    #expect(await eventually { queue.load.running == 1 })
    try enter("late", within: .milliseconds(1))
    try enter("second")
    try enter("third")
    gate.open()
    queue.close()
    queue.waitForEnd()
    // It is done all the same where nothing else is to be done: somebody may still wait for it.
    #expect(order.withLock { $0 } == ["first", "held", "second", "third", "late"])
  }

  @Test func workOfEachKindIsWaitedForAsLongAsThatTakes() async throws {
    let queue = WorkQueue(limits: QueueLimits(), laneCount: 1)
    let gate = Gate()
    let (slow, quick) = (ServiceTime(), ServiceTime())
    slow.record(.seconds(10), isWhole: true)
    quick.record(.milliseconds(10), isWhole: true)
    func enter(_ kind: ServiceTime, _ run: @escaping @Sendable () -> Void = {}) throws {
      let place = try queue.enter(
        bytes: 1, within: .seconds(36_000), serviceTime: kind, cancellation: Cancellation())
      queue.submit(Work(run: { _ in run() }, abandon: { _ in }), at: place)
    }
    try enter(quick) { gate.pass() }
    #expect(await eventually { queue.load.running == 1 })
    try enter(quick)
    #expect(queue.load.retryAfter(laneCount: 1) == 1)
    // A quick one waits behind a quick one, and not as long as a slow one would take.
    #expect(queue.shortage(adding: 1, within: .seconds(1), serviceTime: quick) == nil)
    #expect(queue.shortage(adding: 1, within: .seconds(1), serviceTime: slow) == .time)
    try enter(slow)
    #expect(queue.shortage(adding: 1, within: .seconds(1), serviceTime: quick) == .time)
    #expect(queue.load.retryAfter(laneCount: 1) == 11)
    gate.open()
    queue.close()
    queue.waitForEnd()
  }
}
