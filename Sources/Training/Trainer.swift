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
  /// What is trained.
  public let model: TrainableModel

  /// How it is trained.
  public let settings: TrainingSettings

  /// Prepares a training.
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
    self.model = model
    self.settings = settings
  }

  /// How many steps have been done.
  public var iteration: Int { 0 }

  /// The canonical names of the parameters that learn, as `backbone.stem.weight`.
  public var trainedNames: [String] { [] }

  /// Does one step: losses of a batch, gradients, new weights.
  ///
  /// - Parameter batch: the pictures, at least one; smaller ones are padded to the largest.
  /// - Returns: what it did.
  /// - Throws: `TrainingError.diverged` where a loss or a gradient is not finite, with the weights as they
  ///   were before the step; others where a picture or a class index does not fit.
  public func step(_ batch: [TrainingExample]) throws(TrainingError) -> StepReport {
    throw .unusable("training is not possible yet")
  }

  /// All that a training needs to go on: parameters, momentum, averages, the number of steps and the state
  /// of the random numbers.
  ///
  /// The tensors are copies, which later steps do not change.
  public func state() throws(TrainingError) -> StateDictionary { StateDictionary() }

  /// Goes on where a state was saved.
  ///
  /// - Parameter state: what `state()` gave for the same model and the same frozen layers.
  /// - Throws: `TrainingError.state` with the first tensor that does not fit; the trainer is then as it was.
  public func restore(_ state: StateDictionary) throws(TrainingError) {}

  /// The model as it is now: a file of its family, with its settings, that the program serves.
  ///
  /// - Parameter averaged: whether the averaged weights are wanted; without an average, the last ones.
  public func model(averaged: Bool = true) throws(TrainingError) -> StateDictionary {
    StateDictionary()
  }
}
