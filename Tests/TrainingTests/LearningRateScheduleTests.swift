import Foundation
import Tensors
import Testing

@testable import Training

/// The rates of `torch.optim.lr_scheduler`, which `schedule.safetensors` has.
struct LearningRateScheduleTests {
  @Test func stepsMultiplyTheRateFromTheirIterationsOn() {
    let schedule = LearningRateSchedule(
      baseRate: 0.02, course: .steps(iterations: [20, 35], factor: 0.1))
    #expect(schedule.rate(at: 19) == 0.02)
    #expect(abs(schedule.rate(at: 20) - 0.002) < 1e-18)
    #expect(abs(schedule.rate(at: 35) - 0.0002) < 1e-18)
  }
}
