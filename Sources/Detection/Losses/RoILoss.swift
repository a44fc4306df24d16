public import Tensors

/// The loss of the head: which class, and where exactly.
///
/// Cross-entropy over the sampled RoIs, plus `lambda` times smooth L1 over the offset that the head
/// predicts for the RoI's own class. Source: Girshick, Fast R-CNN, 2015, section 2.3, "multi-task
/// loss".
public struct RoILoss: Sendable, Hashable {
  /// What one offset costs.
  public var smoothL1: SmoothL1Loss

  /// What the sum over the offsets is divided by.
  public var normalisation: LossNormalisation

  /// How much the offsets weigh beside the scores.
  public var lambda: Float

  /// Whether the offsets of background count too, towards the ground truth that it overlaps most; no
  /// family does so, but a well-known walk through the algorithm does.
  public var countsBackgroundOffsets: Bool

  /// Makes a loss.
  ///
  /// - Parameters:
  ///   - sigma: Where smooth L1 bends; see `SmoothL1Loss`.
  ///   - normalisation: What the sum over the offsets is divided by.
  ///   - lambda: How much the offsets weigh beside the scores.
  ///   - countsBackgroundOffsets: Whether background has offsets to learn.
  public init(
    sigma: Float = 1, normalisation: LossNormalisation, lambda: Float,
    countsBackgroundOffsets: Bool = false
  ) {
    smoothL1 = SmoothL1Loss(sigma: sigma)
    self.normalisation = normalisation
    self.lambda = lambda
    self.countsBackgroundOffsets = countsBackgroundOffsets
  }

  /// Computes the loss of a sample, and its gradient.
  ///
  /// A prediction that is not finite gives a loss that is not finite, or NaN: training has to see
  /// it.
  ///
  /// - Parameters:
  ///   - scores: The logits of K classes, background first, for each RoI, `[R, K]`.
  ///   - offsets: The predicted offsets, normalised, one for each RoI and class, class innermost.
  ///   - targets: What `ProposalTargetCreator` sampled.
  /// - Returns: The loss; its gradients have the shapes of the predictions.
  public func callAsFunction(
    scores: Tensor, offsets: [BoxOffset], targets: ProposalSample
  ) -> DetectionLoss {
    let labels = targets.labels
    precondition(
      scores.shape.rank == 2 && scores.shape[0] == labels.count
        && offsets.count == scores.values.count,
      "scores of shape \(scores.shape), \(offsets.count) offsets and \(labels.count) labels")
    let classCount = scores.shape[1]
    let crossEntropy = CrossEntropyLoss(logits: scores, labels: labels)
    let divisor = normalisation.divisor(
      sampledCount: labels.count, positiveCount: labels.count { $0 > 0 })
    var sum = 0.0
    var gradient = [BoxOffset](repeating: .none, count: offsets.count)
    for (row, label) in labels.enumerated() where label > 0 || countsBackgroundOffsets {
      let prediction = row * classCount + label
      sum += Double(smoothL1.value(offsets[prediction], targets.offsets[row]))
      gradient[prediction] = smoothL1.derivative(
        offsets[prediction], targets.offsets[row], factor: lambda / divisor)
    }
    let regression = Float(sum / Double(divisor))
    return DetectionLoss(
      classification: crossEntropy.value, regression: regression,
      total: crossEntropy.value + lambda * regression, scoreGradient: crossEntropy.gradient,
      offsetGradient: gradient)
  }
}
