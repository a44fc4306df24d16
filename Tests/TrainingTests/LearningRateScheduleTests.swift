import Tensors
import Testing

@testable import Training

/// The rates of `torch.optim.lr_scheduler` over 50 steps.
struct LearningRateScheduleTests {
  static let warmUp = LearningRateSchedule.WarmUp(iterations: 10)
  static let steps = LearningRateSchedule.Course.steps(iterations: [20, 35], factor: 0.1)
  static let cosine = LearningRateSchedule.Course.cosine(end: 50, floor: 0)

  @Test(arguments: [
    ("constant", LearningRateSchedule(baseRate: 0.02)),
    ("warmup", LearningRateSchedule(baseRate: 0.02, warmUp: warmUp)),
    ("multistep", LearningRateSchedule(baseRate: 0.02, course: steps)),
    ("warmup_multistep", LearningRateSchedule(baseRate: 0.02, course: steps, warmUp: warmUp)),
    ("cosine", LearningRateSchedule(baseRate: 0.02, course: cosine)),
    ("warmup_cosine", LearningRateSchedule(baseRate: 0.02, course: cosine, warmUp: warmUp)),
  ])
  func ratesArePyTorchs(_ name: String, _ schedule: LearningRateSchedule) throws {
    let golden = try Fixture("schedule")
    let tensor = try golden.tensor("rate.\(name)")
    #expect(tensor.elementType == .float64 && tensor.shape == [50])
    let bytes = tensor.contiguousBytes()
    for iteration in 0..<50 {
      let bits = (0..<8).reduce(UInt64(0)) {
        $0 | UInt64(bytes[8 * iteration + $1]) << (8 * UInt64($1))
      }
      let wanted = Double(bitPattern: bits)
      #expect(abs(schedule.rate(at: iteration) - wanted) <= 1e-12, "\(name), step \(iteration)")
    }
  }

  @Test func aCosineStaysAtItsFloor() {
    let schedule = LearningRateSchedule(baseRate: 1, course: .cosine(end: 10, floor: 0.05))
    #expect(abs(schedule.rate(at: 10) - 0.05) < 1e-12)
    #expect(abs(schedule.rate(at: 1000) - 0.05) < 1e-12)
  }
}
