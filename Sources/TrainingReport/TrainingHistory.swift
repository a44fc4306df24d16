/// What a training did so far: each step's losses, and how good the model was after epochs.
public struct TrainingHistory: Sendable, Equatable {
  /// One step.
  public struct Step: Sendable, Equatable {
    /// The number of values of a step in `values`.
    public static let valueCount = 8

    /// The step's number, from 1.
    public var iteration: Int
    /// How often all pictures were seen, in parts.
    public var epoch: Float
    /// The learning rate.
    public var rate: Float
    /// The sum of the losses.
    public var total: Float
    /// The losses of the region proposal network: is it an object, and where.
    public var rpnClassification, rpnRegression: Float
    /// The losses of the RoI head: which class, and where.
    public var roiClassification, roiRegression: Float
    /// The norm of all gradients together.
    public var gradientNorm: Float

    /// Describes a step.
    public init(
      iteration: Int, epoch: Float, rate: Float, total: Float, rpnClassification: Float,
      rpnRegression: Float, roiClassification: Float, roiRegression: Float, gradientNorm: Float
    ) {
      self.iteration = iteration
      self.epoch = epoch
      self.rate = rate
      self.total = total
      self.rpnClassification = rpnClassification
      self.rpnRegression = rpnRegression
      self.roiClassification = roiClassification
      self.roiRegression = roiRegression
      self.gradientNorm = gradientNorm
    }

    /// All but the number, to be kept with the weights.
    public var values: [Float] {
      [
        epoch, rate, total, rpnClassification, rpnRegression, roiClassification, roiRegression,
        gradientNorm,
      ]
    }

    /// Reads a step's values again; `nil` unless there are `valueCount` of them.
    public init?(iteration: Int, values: some Collection<Float>) {
      let values = Array(values)
      guard values.count == Self.valueCount else { return nil }
      self.init(
        iteration: iteration, epoch: values[0], rate: values[1], total: values[2],
        rpnClassification: values[3], rpnRegression: values[4], roiClassification: values[5],
        roiRegression: values[6], gradientNorm: values[7])
    }
  }

  /// A measurement on pictures that are not trained on.
  public struct Validation: Sendable, Equatable {
    /// After which step.
    public var iteration: Int
    /// How often all pictures were seen by then.
    public var epoch: Float
    /// The average precision of each class; `nil` where there was nothing to find.
    public var classes: [Double?]

    /// Describes a measurement.
    public init(iteration: Int, epoch: Float, classes: [Double?]) {
      self.iteration = iteration
      self.epoch = epoch
      self.classes = classes
    }

    /// The mean over the classes that have objects; `nil` where none has.
    public var mean: Double? {
      let known = classes.compactMap { $0 }
      return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
  }

  /// All steps, in their order.
  public var steps: [Step] = []

  /// All measurements, in their order.
  public var validations: [Validation] = []

  /// Starts a history.
  public init() {}

  /// The measurement with the best mean, the earliest of equal ones.
  public var best: Validation? {
    var best: Validation?
    for validation in validations {
      if let mean = validation.mean, best?.mean.map({ mean > $0 }) ?? true { best = validation }
    }
    return best
  }
}
