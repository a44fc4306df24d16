internal import Evaluation
public import Checkpoints
public import Tensors
internal import Threads
public import Training
public import TrainingData
public import TrainingReport

/// A training from its beginning, or from where it was saved, to its end: steps, measurements and files.
///
/// ```swift
/// let run = TrainingRun(trainer, set, plan: plan, store: RunStore(folder: "mine.training"))
/// let ending = try run.run(isStopping: { false }) { event in print(event) }
/// ```
///
/// It belongs to one thread.
public final class TrainingRun {
  /// What happens on the way.
  public enum Event: Sendable {
    /// A step was done.
    case step(StepReport, epoch: Double)
    /// A measurement is under way.
    case measuring(done: Int, of: Int)
    /// The model was measured.
    case measured(TrainingHistory.Validation, isBest: Bool)
    /// The training was saved.
    case saved(path: String, iteration: Int)
    /// The training could not be saved; it goes on.
    case notSaved(CheckpointError)
  }

  /// How a training ended.
  public enum Ending: Sendable, Equatable {
    /// All steps were done.
    case finished
    /// The time was up.
    case timeUp
    /// Somebody asked for it.
    case stopped
  }

  /// What is trained.
  public let trainer: Trainer

  /// What happened until now.
  public private(set) var history: TrainingHistory

  /// The time that was spent, that before a resumption included, in seconds.
  public private(set) var seconds: Double

  private let set: any TrainingSet
  private let plan: RunPlan
  private let store: RunStore?
  private let validator: Validator?
  private let settings: [String: String]
  /// Makes a file's contents of the weights as they are.
  private let finish: (StateDictionary) -> StateDictionary
  /// The best model, where there is no folder to keep it in.
  private var bestModel: StateDictionary?

  /// Prepares a training.
  ///
  /// - Parameters:
  ///   - trainer: what is trained, already restored where it goes on.
  ///   - set: the pictures to train on.
  ///   - plan: how long, and how.
  ///   - store: where it is saved; `nil` for nowhere.
  ///   - validator: what measures it; `nil` where there are no pictures for that.
  ///   - settings: what decides the result, to be told again from another training.
  ///   - saved: where it goes on.
  ///   - finish: what is written into the model's file besides, as its name.
  public init(
    _ trainer: Trainer, _ set: any TrainingSet, plan: RunPlan, store: RunStore? = nil,
    validator: Validator? = nil, settings: [String: String] = [:],
    resuming saved: RunStore.Saved? = nil,
    finish: @escaping (StateDictionary) -> StateDictionary = { $0 }
  ) {
    self.trainer = trainer
    self.set = set
    self.plan = plan
    self.store = store
    self.validator = validator
    self.settings = settings
    self.finish = finish
    history = saved?.history ?? TrainingHistory()
    seconds = saved?.record.seconds ?? 0
  }

  /// Trains to the end.
  ///
  /// - Parameters:
  ///   - isStopping: asked after each step; once it is true the training is saved and ends.
  ///   - observe: told what happens.
  /// - Returns: how it ended.
  /// - Throws: `RunError`; where the training diverged it is saved with the weights before that step.
  public func run(
    isStopping: () -> Bool = { false }, observe: (Event) -> Void = { _ in }
  ) throws(RunError) -> Ending {
    let clock = ContinuousClock()
    var lastTime = clock.now
    var lastSaved = clock.now
    func countTime() {
      let now = clock.now
      seconds += (now - lastTime) / .seconds(1)
      lastTime = now
    }
    let feed: PictureFeed
    do throws(ThreadError) {
      feed = try PictureFeed(
        set, augmentation: plan.augmentation, seed: plan.seed,
        from: trainer.iteration * plan.picturesPerStep,
        limits: .init(pictures: max(2 * plan.picturesPerStep, 4)))
    } catch {
      throw .thread(error)
    }
    let first = trainer.iteration
    if first > 0, plan.isMeasured(after: first, pictureCount: set.count),
      history.validations.last?.iteration != first
    {
      // It was stopped or killed between the step and its measurement.
      try measure(isStopping, observe)
    }
    while trainer.iteration < plan.stepCount {
      if isStopping() {
        countTime()
        save(observe)
        return .stopped
      }
      if let limit = plan.timeLimit, seconds >= limit / .seconds(1) {
        if history.validations.last?.iteration != trainer.iteration {
          try measure(isStopping, observe)
        }
        countTime()
        save(observe)
        return .timeUp
      }
      try step(feed, observe)
      countTime()
      let iteration = trainer.iteration
      if plan.isMeasured(after: iteration, pictureCount: set.count) {
        try measure(isStopping, observe)
        countTime()
      }
      if clock.now - lastSaved >= plan.checkpointInterval || iteration == plan.stepCount {
        save(observe)
        lastSaved = clock.now
      }
    }
    return .finished
  }

  private func step(_ feed: PictureFeed, _ observe: (Event) -> Void) throws(RunError) {
    var batch: [TrainingExample] = []
    do throws(TrainingSetError) {
      for _ in 0..<plan.picturesPerStep { batch.append(try feed.next().example) }
    } catch {
      save(observe)
      throw .picture(error)
    }
    let report: StepReport
    do throws(TrainingError) {
      report = try trainer.step(batch)
    } catch {
      // The weights are those before the step.
      save(observe, removesOlder: false)
      throw .training(error)
    }
    let epoch = plan.epoch(after: report.iteration, pictureCount: set.count)
    history.steps.append(
      TrainingHistory.Step(
        iteration: report.iteration, epoch: Float(epoch), rate: Float(report.rate),
        total: report.losses.total, rpnClassification: report.losses.rpnClassification,
        rpnRegression: report.losses.rpnRegression,
        roiClassification: report.losses.roiClassification,
        roiRegression: report.losses.roiRegression, gradientNorm: report.gradientNorm))
    observe(.step(report, epoch: epoch))
  }

  private func measure(
    _ isStopping: () -> Bool, _ observe: (Event) -> Void
  ) throws(RunError) {
    guard let validator else { return }
    let model = try currentModel()
    guard
      let review = try validator.review(
        model, isCancelled: isStopping,
        progress: { observe(.measuring(done: $0, of: validator.set.count)) })
    else { return }
    let iteration = trainer.iteration
    // As narrow as it is saved, so that a resumed training compares the same numbers.
    let classes = review.evaluation.classes.map { result in
      result.averagePrecision(.allPoint).map { Double(Float($0)) }
    }
    let validation = TrainingHistory.Validation(
      iteration: iteration,
      epoch: Float(plan.epoch(after: iteration, pictureCount: set.count)), classes: classes)
    history.validations.append(validation)
    let isBest = history.best?.iteration == iteration
    if isBest { keepBest(model, observe) }
    observe(.measured(validation, isBest: isBest))
  }

  private func keepBest(_ model: StateDictionary, _ observe: (Event) -> Void) {
    guard let store else {
      bestModel = model
      return
    }
    do throws(CheckpointError) {
      try store.saveBest(model)
      bestModel = nil
    } catch {
      // A full disk may have room later; the model stays in memory until then.
      bestModel = model
      observe(.notSaved(error))
    }
  }

  private func save(_ observe: (Event) -> Void, removesOlder: Bool = true) {
    guard let store else { return }
    if let bestModel, (try? store.saveBest(bestModel)) != nil { self.bestModel = nil }
    let record = RunRecord(
      iteration: trainer.iteration, stepCount: plan.stepCount, seconds: seconds, settings: settings)
    let state: StateDictionary
    do throws(TrainingError) {
      state = try trainer.state()
    } catch {
      return observe(.notSaved(CheckpointError(.unwritable("\(error)"))))
    }
    do throws(CheckpointError) {
      let path = try store.save(
        trainer: state, history: history, record: record, removesOlder: removesOlder)
      observe(.saved(path: path, iteration: record.iteration))
    } catch {
      observe(.notSaved(error))
    }
  }

  /// The model that the training came to: the best that was measured, or else the last.
  ///
  /// - Returns: a file's contents, and in words why it is not the best one where that cannot be read any more.
  /// - Throws: `RunError` where the engine fails.
  public func result() throws(RunError) -> (model: StateDictionary, remark: String?) {
    if let bestModel { return (bestModel, nil) }
    guard let store, history.best != nil else {
      return (try currentModel(), nil)
    }
    let reason: CheckpointError
    do throws(CheckpointError) {
      return (try Checkpoint.open(store.bestPath).stateDictionary, nil)
    } catch {
      reason = error
    }
    return (
      try currentModel(), "the best model cannot be read, so that the last one is taken: \(reason)"
    )
  }

  private func currentModel() throws(RunError) -> StateDictionary {
    do throws(TrainingError) {
      return finish(try trainer.model(averaged: true))
    } catch {
      throw .training(error)
    }
  }
}
