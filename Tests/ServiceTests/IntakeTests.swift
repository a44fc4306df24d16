import Synchronization
import Testing

@testable import Service

/// What is looked into before it waits for a lane.
@Suite struct IntakeTests {
  @Test func aCostlyBodyHoldsUpOnlyItsOwnPlace() async {
    let intake = Intake(width: 2)
    let gate = Gate()
    let done = Held<[Int]>([])
    intake.submit { gate.pass() }
    for number in 0..<20 { intake.submit { done.withLock { $0.append(number) } } }
    // One place is left for the twenty, which are done in order.
    #expect(await eventually { done.withLock { $0.count } == 20 })
    #expect(done.withLock { $0 } == Array(0..<20))
    gate.open()
  }

  @Test func noMoreThanItsWidthRunAtOnce() async {
    let intake = Intake(width: 3)
    let counts = Held((running: 0, most: 0, done: 0))
    for _ in 0..<50 {
      intake.submit {
        counts.withLock {
          $0.running += 1
          $0.most = max($0.most, $0.running)
        }
        pause()
        counts.withLock {
          $0.running -= 1
          $0.done += 1
        }
      }
    }
    #expect(await eventually { counts.withLock { $0.done } == 50 })
    let most = counts.withLock { $0.most }
    #expect((1...3).contains(most), "\(most)")
  }
}
