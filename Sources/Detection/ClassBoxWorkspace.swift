import CDetectionKernels

/// The memory of ClassBoxDecoder, kept from call to call.
public struct ClassBoxWorkspace: Sendable {
  /// The softmax of each RoI's logits: [R, K + 1]; NaN where a logit is not finite.
  private(set) var probabilities: [Float] = []
  private var candidates: [ClassifiedBox] = []
  private var boxes: [BoundingBox] = []
  private var scores: [Float] = []
  private var suppression = SuppressionWorkspace()

  /// Makes an empty workspace, which grows with its first use.
  public init() {}

  /// Computes the softmax of each row of `count` logits.
  mutating func softmax(_ logits: Span<Float>, count: Int) {
    probabilities.resize(to: logits.count, filling: 0)
    for first in stride(from: 0, to: logits.count, by: count) {
      let row = first..<first + count
      var greatest = -Float.infinity
      var isFinite = true
      for index in row {
        greatest = max(greatest, logits[index])
        isFinite = isFinite && logits[index].isFinite
      }
      var sum: Float = 0
      for index in row {
        let e = detection_exp(logits[index] - greatest)
        probabilities[index] = e
        sum += e
      }
      // Dividing by NaN marks the whole row.
      if !isFinite { sum = .nan }
      for index in row { probabilities[index] /= sum }
    }
  }

  mutating func removeCandidates() {
    candidates.removeAll(keepingCapacity: true)
    boxes.removeAll(keepingCapacity: true)
    scores.removeAll(keepingCapacity: true)
  }

  mutating func add(_ candidate: ClassifiedBox) {
    candidates.append(candidate)
    boxes.append(candidate.box)
    scores.append(candidate.score)
  }

  /// Appends the candidates that suppression keeps.
  mutating func suppress(_ settings: NonMaximumSuppression, into objects: inout [ClassifiedBox]) {
    suppression.rank(boxes, scores: scores)
    suppression.suppress(boxes, settings, maximumCount: .max)
    for index in suppression.kept { objects.append(candidates[Int(index)]) }
  }
}
