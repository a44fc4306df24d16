public import TrainingData

/// How long a training goes on, what it is shown, and when it stops to look at itself.
public struct RunPlan: Sendable {
  /// The number of steps in all.
  public var stepCount: Int

  /// The pictures that a step learns from.
  public var picturesPerStep: Int

  /// For the order of the pictures, and how they are changed.
  public var seed: UInt64

  /// How pictures are changed.
  public var augmentation: Augmentation

  /// After how many epochs the model is measured, the last step in any case.
  public var validationInterval: Int

  /// How long work may be lost for.
  public var checkpointInterval: Duration

  /// After which time in all the training ends, whatever steps are left.
  public var timeLimit: Duration?

  /// Makes a plan.
  public init(
    stepCount: Int, picturesPerStep: Int = 2, seed: UInt64 = 0,
    augmentation: Augmentation = .standard, validationInterval: Int = 1,
    checkpointInterval: Duration = .seconds(120), timeLimit: Duration? = nil
  ) {
    precondition(stepCount > 0 && picturesPerStep > 0, "\(stepCount) steps of \(picturesPerStep)")
    self.stepCount = stepCount
    self.picturesPerStep = picturesPerStep
    self.seed = seed
    self.augmentation = augmentation
    self.validationInterval = max(validationInterval, 1)
    self.checkpointInterval = checkpointInterval
    self.timeLimit = timeLimit
  }

  /// How often all of so many pictures were seen after a step, in parts.
  public func epoch(after iteration: Int, pictureCount: Int) -> Double {
    Double(iteration) * Double(picturesPerStep) / Double(pictureCount)
  }

  /// Whether the model is measured after a step: where an epoch of the interval ends, and at the end.
  func isMeasured(after iteration: Int, pictureCount: Int) -> Bool {
    func done(_ iteration: Int) -> Int {
      Int(epoch(after: iteration, pictureCount: pictureCount)) / validationInterval
    }
    return iteration == stepCount || done(iteration) > done(iteration - 1)
  }
}
