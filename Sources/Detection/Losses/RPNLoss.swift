public import Tensors

/// The loss of the region proposal network: is there an object, and where.
///
/// Cross-entropy over the sampled anchors, plus `lambda` times smooth L1 over the offsets of the
/// anchors that are objects. Source: Ren et al. 2015 (arXiv:1506.01497), equation 1;
/// implementations disagree about sigma, the divisor and lambda, so all three are settings.
public struct RPNLoss: Sendable, Hashable {
  /// What one offset costs.
  public var smoothL1: SmoothL1Loss

  /// What the sum over the offsets is divided by.
  public var normalisation: LossNormalisation

  /// How much the offsets weigh beside the scores.
  public var lambda: Float

  /// Makes a loss.
  ///
  /// - Parameters:
  ///   - sigma: Where smooth L1 bends; see `SmoothL1Loss`.
  ///   - normalisation: What the sum over the offsets is divided by.
  ///   - lambda: How much the offsets weigh beside the scores.
  public init(sigma: Float, normalisation: LossNormalisation, lambda: Float) {
    smoothL1 = SmoothL1Loss(sigma: sigma)
    self.normalisation = normalisation
    self.lambda = lambda
  }

  /// Computes the loss of one picture, and its gradient.
  ///
  /// A prediction that is not finite gives a loss that is not finite, or NaN: training has to see
  /// it.
  ///
  /// - Parameters:
  ///   - scores: A logit for background and one for object for each anchor, `[A, 2]`.
  ///   - offsets: The predicted offset of each anchor.
  ///   - targets: What `AnchorTargetCreator` sampled.
  /// - Returns: The loss; its gradients have a row and an offset for each anchor.
  public func callAsFunction(
    scores: Tensor, offsets: [BoxOffset], targets: AnchorAssignment
  ) -> DetectionLoss {
    let labels = targets.labels
    precondition(
      offsets.count == labels.count && scores.shape == [labels.count, 2],
      "scores of shape \(scores.shape), \(offsets.count) offsets and \(labels.count) labels")
    let crossEntropy = CrossEntropyLoss(logits: scores, labels: labels.map(\.rawValue))
    return loss(crossEntropy.value, crossEntropy.gradient, offsets, targets)
  }

  /// Computes the loss where the network says a single logit of each anchor (torchvision, Detectron2).
  ///
  /// - Parameters:
  ///   - logits: A logit for each anchor.
  ///   - offsets: The predicted offset of each anchor.
  ///   - targets: What `AnchorTargetCreator` sampled.
  /// - Returns: The loss; its gradients have a number and an offset for each anchor.
  public func callAsFunction(
    logits: [Float], offsets: [BoxOffset], targets: AnchorAssignment
  ) -> DetectionLoss {
    precondition(
      logits.count == targets.labels.count && offsets.count == logits.count,
      "\(logits.count) logits, \(offsets.count) offsets and \(targets.labels.count) labels")
    let crossEntropy = BinaryCrossEntropyLoss(logits: logits, labels: targets.labels)
    return loss(crossEntropy.value, crossEntropy.gradient, offsets, targets)
  }

  private func loss(
    _ classification: Float, _ scoreGradient: [Float], _ offsets: [BoxOffset],
    _ targets: AnchorAssignment
  ) -> DetectionLoss {
    let labels = targets.labels
    let positiveCount = targets.count(.foreground)
    let divisor = normalisation.divisor(
      sampledCount: labels.count - targets.count(.ignored), positiveCount: positiveCount)
    var sum = 0.0
    var gradient = [BoxOffset](repeating: .none, count: offsets.count)
    for index in labels.indices where labels[index] == .foreground {
      sum += Double(smoothL1.value(offsets[index], targets.offsets[index]))
      gradient[index] = smoothL1.derivative(
        offsets[index], targets.offsets[index], factor: lambda / divisor)
    }
    let regression = Float(sum / Double(divisor))
    return DetectionLoss(
      classification: classification, regression: regression,
      total: classification + lambda * regression, scoreGradient: scoreGradient,
      offsetGradient: gradient)
  }
}
