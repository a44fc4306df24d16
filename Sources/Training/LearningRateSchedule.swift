internal import Glibc

/// How the learning rate changes from step to step.
///
/// The rate of a step is a function of its number alone, so that a training that is resumed needs no
/// other state. Source: `torch.optim.lr_scheduler`, whose `MultiStepLR`, `CosineAnnealingLR` and
/// `LinearLR` give the same numbers.
public struct LearningRateSchedule: Sendable, Hashable {
  /// What the rate does behind the warm-up.
  public enum Course: Sendable, Hashable {
    /// The rate stays.
    case constant
    /// The rate is multiplied with a factor from each of some iterations on; they count from the first
    /// step, warm-up included.
    case steps(iterations: [Int], factor: Double)
    /// Half a cosine from the base rate down to a part of it, `floor`, at iteration `end`, where it stays.
    ///
    /// It begins at iteration `start`, or where that is not said when the warm-up ends.
    case cosine(start: Int? = nil, end: Int, floor: Double)
  }

  /// A rate that grows in a straight line from a part of what the course says to all of it.
  public struct WarmUp: Sendable, Hashable {
    /// After how many iterations the rate is what the course says.
    public var iterations: Int

    /// The part of it in the first step.
    public var startFactor: Double

    /// Describes a warm-up.
    public init(iterations: Int, startFactor: Double = 0.001) {
      self.iterations = iterations
      self.startFactor = startFactor
    }
  }

  /// The rate that the course and the warm-up are parts of.
  public var baseRate: Double

  /// What the rate does behind the warm-up.
  public var course: Course

  /// How it begins; `nil` for at once.
  public var warmUp: WarmUp?

  /// Makes a schedule.
  public init(baseRate: Double, course: Course = .constant, warmUp: WarmUp? = nil) {
    self.baseRate = baseRate
    self.course = course
    self.warmUp = warmUp
  }

  /// The rate of a step.
  ///
  /// Steps fall, and a cosine begins, where they are said to, in the warm-up too.
  ///
  /// - Parameter iteration: the step's number, from 0.
  /// - Returns: what the update is multiplied with.
  public func rate(at iteration: Int) -> Double {
    let warmUpCount = max(warmUp?.iterations ?? 0, 0)
    var factor = 1.0
    if let warmUp, iteration < warmUpCount {
      factor =
        warmUp.startFactor
        + (1 - warmUp.startFactor) * Double(max(iteration, 0)) / Double(warmUpCount)
    }
    switch course {
    case .constant: break
    case .steps(let iterations, let multiplier):
      factor *= pow(multiplier, Double(iterations.count { $0 <= iteration }))
    case .cosine(let start, let end, let floor):
      let start = start ?? warmUpCount
      guard iteration >= start else { break }
      let length = max(end - start, 1)
      let place = min(Double(iteration - start) / Double(length), 1)
      factor *= floor + (1 - floor) * (1 + cos(.pi * place)) / 2
    }
    return baseRate * factor
  }
}
