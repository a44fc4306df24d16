/// What one step of a training did.
public struct StepReport: Sendable, Hashable {
  /// The four losses of a Faster R-CNN.
  public struct Losses: Sendable, Hashable {
    /// The cross-entropy of the sampled anchors: is there an object.
    public var rpnClassification: Float = 0
    /// What the offsets of the sampled anchors cost.
    public var rpnRegression: Float = 0
    /// The cross-entropy of the sampled RoIs: which class.
    public var roiClassification: Float = 0
    /// What the offsets of the sampled RoIs cost.
    public var roiRegression: Float = 0
    /// What the gradient is of: the sum of the four, weighted as the family does.
    public var total: Float = 0

    /// Makes losses of zero.
    public init() {}
  }

  /// How long the parts of a step took, in milliseconds.
  public struct Durations: Sendable, Hashable {
    /// From pictures to losses.
    public var forward: Double = 0
    /// From losses to gradients.
    public var backward: Double = 0
    /// From gradients to new weights.
    public var update: Double = 0

    /// All three.
    public var total: Double { forward + backward + update }

    /// Makes durations of zero.
    public init() {}
  }

  /// How many boxes the losses are of.
  public struct Counts: Sendable, Hashable {
    /// The sampled anchors that are objects, and all sampled ones.
    public var positiveAnchors = 0, anchors = 0
    /// The sampled RoIs that are objects, and all sampled ones.
    public var positiveRoIs = 0, rois = 0

    /// Makes counts of zero.
    public init() {}
  }

  /// The step's number, from 1.
  public var iteration: Int

  /// What it found before its update.
  public var losses: Losses

  /// The norm of all gradients together, before they were clipped and without weight decay.
  public var gradientNorm: Float

  /// The learning rate of the update.
  public var rate: Double

  /// How long it took.
  public var milliseconds: Durations

  /// How many boxes the losses are of.
  public var counts: Counts
}
