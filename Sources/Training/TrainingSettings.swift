public import Detection
internal import Families

/// How a model is trained: what is done with the gradients, and towards what.
public struct TrainingSettings: Sendable, Hashable {
  /// How the learning rate changes.
  public var schedule: LearningRateSchedule

  /// How much of the last update each update repeats, 0 to 1.
  public var momentum: Float = 0.9

  /// The part of each weight that is added to its gradient.
  public var weightDecay: Float = 5e-4

  /// How many times the rate biases learn at.
  public var biasRateFactor: Float = 1

  /// Whether biases decay too.
  public var decaysBiases = true

  /// The norm of all gradients together that larger ones are scaled down to; `nil` for none.
  public var maximumGradientNorm: Float?

  /// How much of the averaged weights stays in each step, as 0.999; `nil` for no average.
  public var averageDecay: Float?

  /// Where random numbers start: initial weights and samples.
  public var seed: UInt64 = 0

  /// What does not learn: the beginnings of layers' canonical names, as `backbone.stem`, in whole parts.
  public var frozenLayers: [String] = []

  /// What the networks are trained towards; `nil` for what the model's family trains towards.
  public var targets: TrainingTargets?

  /// Whether normalisation uses the batch's own statistics and learns its factors; otherwise it stays as
  /// it is (torchvision's `FrozenBatchNorm2d`).
  public var trainsNormalisation = false

  /// Whether convolutions are computed directly where Winograd's algorithm would be faster; its results
  /// differ in the sixth digit.
  public var usesDirectConvolutions = false

  /// The total loss from which on a training counts as diverged.
  public var largestLoss: Float = 1e4

  /// Makes settings with a schedule; the rest is PyTorch's SGD with momentum.
  public init(schedule: LearningRateSchedule) {
    self.schedule = schedule
  }
}

extension TrainingSettings {
  /// A way to train that a source describes.
  ///
  /// Its `settings` need to know how many steps an epoch has.
  public enum Preset: String, Sendable, CaseIterable {
    /// Note 001, simple-faster-rcnn's trainer: rate 0.001, a tenth of it after epoch 9 of 14, biases at
    /// twice the rate without decay, one picture a step, the first four convolutions frozen, 256 anchors,
    /// 128 RoIs of which a quarter are objects. Of a ResNet the stem and the first stage are frozen.
    case note001 = "note-001"
    /// Note 000, its target creators: as note 001, but half of the 128 RoIs are objects.
    case note000 = "note-000"
    /// Note 004, its region proposal network: note 001's training with all convolutions learning.
    case note004 = "note-004"
    /// torchvision's `references/detection`: rate 0.02 for 16 pictures a step, a tenth of it after epochs
    /// 16 and 22 of 26, 1000 steps of warm-up, stem and first stage frozen; of a VGG the first four
    /// convolutions.
    case torchvision

    /// How many times all pictures are seen.
    public var epochCount: Int { self == .torchvision ? 26 : 14 }

    /// How many pictures a step takes.
    public var picturesPerStep: Int { self == .torchvision ? 2 : 1 }

    /// The settings for a data set.
    ///
    /// - Parameters:
    ///   - stepsPerEpoch: how many steps see all pictures once.
    ///   - model: what is trained: its layers' names, and what its family trains towards.
    /// - Returns: settings that may be changed further.
    public func settings(stepsPerEpoch: Int, for model: TrainableModel) -> TrainingSettings {
      var result: TrainingSettings
      let targets = model.blueprint.detection.training
      switch self {
      case .note001, .note000, .note004:
        result = TrainingSettings(
          schedule: LearningRateSchedule(
            baseRate: 1e-3, course: .steps(iterations: [9 * stepsPerEpoch], factor: 0.1)))
        result.biasRateFactor = 2
        result.decaysBiases = false
        if self != .note004 { result.frozenLayers = model.lowestLayers }
        var towards = targets
        towards.proposalCounts = ProposalCounts(beforeNMS: 12_000, afterNMS: 2_000)
        towards.anchorSampler = .anchors
        towards.roiSampler = .rois
        if self == .note000 { towards.roiSampler.positiveShare = 0.5 }
        result.targets = towards
      case .torchvision:
        // The reference's rate is for 8 processes of 2 pictures; a rate goes with the batch.
        result = TrainingSettings(
          schedule: LearningRateSchedule(
            baseRate: 0.02 * Double(picturesPerStep) / 16,
            course: .steps(iterations: [16 * stepsPerEpoch, 22 * stepsPerEpoch], factor: 0.1),
            warmUp: LearningRateSchedule.WarmUp(iterations: min(1_000, max(stepsPerEpoch - 1, 1)))))
        result.weightDecay = 1e-4
        result.frozenLayers = model.lowestLayers
        result.targets = targets
      }
      return result
    }
  }
}
