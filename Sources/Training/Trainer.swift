internal import Compute
internal import Families
public import Tensors

/// Trains a model, a step at a time.
///
/// A step runs on a compute thread of the trainer's own; only one runs at a time. With one thread the same
/// model, settings and examples give the same bytes; with a state that was saved and restored in between
/// too.
///
/// ```swift
/// let model = try TrainableModel(.narrowVGG, labels: ["cell"])
/// let trainer = try Trainer(model, settings: settings, threadCount: 2)
/// for batch in batches { print(try trainer.step(batch).losses.total) }
/// try SafetensorsWriter(trainer.model()).write(to: "mine.safetensors")
/// ```
public final class Trainer: Sendable {
  /// What is trained, without the tensors: those are the trainer's, and change.
  public let model: TrainableModel

  /// How it is trained.
  public let settings: TrainingSettings

  /// The canonical names of the parameters that learn, as `backbone.stem.weight`.
  public let trainedNames: [String]

  private let thread: ComputeThread
  private let confined: Confined

  /// The engine, which the compute thread alone touches.
  private final class Confined: @unchecked Sendable {
    // Sendable: `engine` is read on the compute thread alone.
    let engine: TrainingEngine

    init(_ engine: TrainingEngine) { self.engine = engine }
  }

  /// Prepares a training.
  ///
  /// The trainer copies what learns: a model that is kept beside it takes its memory twice.
  ///
  /// - Parameters:
  ///   - model: what to train.
  ///   - settings: how.
  ///   - threadCount: the threads that compute.
  /// - Throws: `TrainingError` where the tensors make no network, a layer has no gradient, nothing learns or
  ///   memory is short.
  public init(
    _ model: TrainableModel, settings: TrainingSettings, threadCount: Int = 1
  ) throws(TrainingError) {
    let thread = try computing { () throws(ComputeError) in
      try ComputeThread(name: "frcnn-train", threadCount: threadCount)
    }
    confined = try thread.run { () throws(TrainingError) in
      Confined(try TrainingEngine(model, settings: settings, thread: thread))
    }
    self.thread = thread
    self.model = model.withoutTensors
    self.settings = settings
    let confined = confined
    trainedNames = thread.run { confined.engine.store.parameters.map(\.name) }
  }

  deinit {
    // Plans and memory go where they were made.
    let confined = confined
    thread.async { withExtendedLifetime(confined) {} }
  }

  /// How many steps have been done.
  public var iteration: Int {
    let confined = confined
    return thread.run { confined.engine.iteration }
  }

  /// Does one step: losses of a batch, gradients, new weights.
  ///
  /// - Parameter batch: the pictures, at least one; smaller ones are padded to the largest.
  /// - Returns: what it did.
  /// - Throws: `TrainingError.diverged` where a loss or a gradient is not finite, with the weights as they
  ///   were before the step; others where a picture or a class index does not fit.
  public func step(_ batch: [TrainingExample]) throws(TrainingError) -> StepReport {
    let confined = confined
    let prepared = try TrainingBatch(
      batch, rule: model.blueprint.picture, classCount: model.labels.count)
    return try thread.run { () throws(TrainingError) in try confined.engine.step(prepared) }
  }

  /// Does something with the engine on its thread, for tests.
  func withEngine<Result: Sendable, Failure: Error>(
    _ body: @escaping @Sendable (TrainingEngine) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let confined = confined
    return try thread.run { () throws(Failure) in try body(confined.engine) }
  }

  /// All that a training needs to go on: parameters, momentum, averages, the number of steps and the state
  /// of the random numbers.
  ///
  /// The tensors are copies, which later steps do not change. Random numbers are functions of the seed and
  /// of the step's number, so that no state of theirs is needed.
  ///
  /// - Returns: what `restore` takes, and a file can hold.
  /// - Throws: `TrainingError` where memory is short.
  public func state() throws(TrainingError) -> StateDictionary {
    let confined = confined
    return thread.run { confined.engine.state() }
  }

  /// Goes on where a state was saved.
  ///
  /// - Parameter state: what `state()` gave for the same model and the same frozen layers.
  /// - Throws: `TrainingError.state` with the first tensor that does not fit; the trainer is then as it was.
  public func restore(_ state: StateDictionary) throws(TrainingError) {
    let confined = confined
    try thread.run { () throws(TrainingError) in try confined.engine.restore(state) }
  }

  /// The model as it is now: a file of its family, with its settings, that the program serves.
  ///
  /// - Parameter averaged: whether the averaged weights are wanted; without an average, the last ones.
  /// - Returns: tensors under the names of the family's files, copied.
  /// - Throws: `TrainingError` where memory is short.
  public func model(averaged: Bool = true) throws(TrainingError) -> StateDictionary {
    let confined = confined
    return thread.run { confined.engine.model(averaged: averaged) }
  }
}
