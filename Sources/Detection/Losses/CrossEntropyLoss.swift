internal import Glibc
public import Tensors

/// Softmax cross-entropy over rows of logits, as PyTorch's `cross_entropy` with `ignore_index=-1`.
///
/// The mean, over the rows that have a label, of `log(sum(exp(logits))) - logits[label]`. The
/// largest logit of a row is subtracted before `exp`, so no finite logit overflows. Where no row
/// has a label the loss is 0, where PyTorch gives NaN. A logit that is not finite gives a loss that
/// is not finite, or NaN: training has to see it.
///
/// R counts rows, K classes.
public struct CrossEntropyLoss: Sendable, Hashable {
  /// The label of a row that does not count.
  public static let ignoredLabel = -1

  /// The mean loss.
  public let value: Float

  /// The derivative of `value` by each logit, `[R, K]`; zero in rows that do not count.
  public let gradient: [Float]

  /// Computes the loss and its gradient.
  ///
  /// Traps unless there is a label for each row, and each is below K or `ignoredLabel`.
  ///
  /// - Parameters:
  ///   - logits: The scores before softmax, `[R, K]`.
  ///   - labels: The class of each row, from 0, or `ignoredLabel`.
  public init(logits: Tensor, labels: [Int]) {
    precondition(
      logits.shape.rank == 2 && logits.shape[0] == labels.count,
      "logits of shape \(logits.shape) and \(labels.count) labels are no rows of scores")
    let classCount = logits.shape[1]
    let rowCount = labels.count { $0 != Self.ignoredLabel }
    var gradient = [Float](repeating: 0, count: logits.values.count)
    var sum = 0.0
    for (row, label) in labels.enumerated() where label != Self.ignoredLabel {
      precondition(
        (0..<classCount).contains(label), "row \(row) has label \(label) of \(classCount)")
      let cells = row * classCount..<(row + 1) * classCount
      let largest = Double(logits.values[cells].max() ?? 0)
      let exponentials = logits.values[cells].map { exp(Double($0) - largest) }
      let total = exponentials.reduce(0, +)
      sum += log(total) + largest - Double(logits.values[cells.lowerBound + label])
      for (cell, exponential) in zip(cells, exponentials) {
        let target = cell == cells.lowerBound + label ? 1.0 : 0
        gradient[cell] = Float((exponential / total - target) / Double(rowCount))
      }
    }
    value = rowCount == 0 ? 0 : Float(sum / Double(rowCount))
    self.gradient = gradient
  }
}
