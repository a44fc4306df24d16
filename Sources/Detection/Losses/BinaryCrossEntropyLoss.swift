internal import Glibc

/// The cross-entropy of single logits, as PyTorch's `binary_cross_entropy_with_logits`.
///
/// The mean, over the rows that have a label, of `log(1 + exp(x)) - x * label`, computed so that no finite
/// logit overflows. Where no row has a label the loss is 0. A logit that is not finite gives a loss that is
/// not finite, or NaN: training has to see it.
public struct BinaryCrossEntropyLoss: Sendable, Hashable {
  /// The mean loss.
  public let value: Float

  /// The derivative of `value` by each logit; zero in rows that do not count.
  public let gradient: [Float]

  /// Computes the loss and its gradient.
  ///
  /// Traps unless there is a label for each logit.
  ///
  /// - Parameters:
  ///   - logits: The scores before the sigmoid.
  ///   - labels: What each row is trained to say; ignored rows do not count.
  public init(logits: [Float], labels: [MatchLabel]) {
    precondition(
      logits.count == labels.count, "\(logits.count) logits and \(labels.count) labels")
    let rowCount = labels.count { $0 != .ignored }
    var gradient = [Float](repeating: 0, count: logits.count)
    var sum = 0.0
    for (row, label) in labels.enumerated() where label != .ignored {
      let logit = Double(logits[row])
      let target = label == .foreground ? 1.0 : 0
      let small = exp(-abs(logit))
      sum += max(logit, 0) - logit * target + log1p(small)
      let probability = (logit >= 0 ? 1 : small) / (1 + small)
      gradient[row] = Float((probability - target) / Double(rowCount))
    }
    value = rowCount == 0 ? 0 : Float(sum / Double(rowCount))
    self.gradient = gradient
  }
}
