internal import CDetectionKernels

/// The memory of ClassBoxDecoder, kept from call to call.
public struct ClassBoxWorkspace: Sendable {
  /// The softmax of each RoI's logits: [R, K + 1]; NaN where a logit is not finite.
  private(set) var probabilities: [Float] = []
  /// Whether the logits of any RoI of the last picture were all finite.
  public private(set) var hasFiniteRow = false
  /// The boxes over the threshold, RoI by RoI.
  private var candidates: [ClassifiedBox] = []
  /// How many candidates each class has; after `sort` where those of each class end.
  private var counts: [Int] = []
  /// The candidates, class by class, and in each RoI by RoI.
  private var sorted: [ClassifiedBox] = []
  /// The candidates as `suppression` holds them, class by class, and in each the best first.
  private var ranked: [ClassifiedBox] = []
  private var keys: [UInt32] = []
  private var ranking = ScoreRanking()
  private var suppression = GroupSuppression()

  /// Makes an empty workspace, which grows with its first use.
  public init() {}

  /// Computes the softmax of each row of `count` logits.
  mutating func softmax(_ logits: Span<Float>, count: Int) {
    probabilities.resize(to: logits.count, filling: 0)
    hasFiniteRow = false
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
      hasFiniteRow = hasFiniteRow || isFinite
      for index in row { probabilities[index] /= sum }
    }
  }

  mutating func removeCandidates(classCount: Int) {
    candidates.removeAll(keepingCapacity: true)
    counts.removeAll(keepingCapacity: true)
    counts.append(contentsOf: repeatElement(0, count: classCount))
  }

  mutating func add(_ candidate: ClassifiedBox) {
    candidates.append(candidate)
    counts[candidate.classID] += 1
  }

  /// Appends the candidates that suppression keeps.
  mutating func suppress(
    _ settings: ClassBoxSettings, sides: SideConvention, into objects: inout [ClassifiedBox]
  ) {
    sort()
    suppression.removeAll()
    ranked.removeAll(keepingCapacity: true)
    if settings.isClassAgnostic {
      rank(0..<sorted.count)
      suppression.endGroup(number: 0)
    } else {
      var start = 0
      for (classID, end) in counts.enumerated() where end > start {
        rank(start..<end)
        suppression.endGroup(number: settings.layout.logitColumn(ofClass: classID))
        start = end
      }
    }
    suppression.suppress(settings.nms, sides: sides)
    for index in suppression.kept { objects.append(ranked[index]) }
  }

  /// Sorts the candidates by class, those of one class in their order.
  private mutating func sort() {
    sorted.removeAll(keepingCapacity: true)
    sorted.append(contentsOf: candidates)
    var first = 0
    for classID in counts.indices {
      (counts[classID], first) = (first, first + counts[classID])
    }
    for candidate in candidates {
      sorted[counts[candidate.classID]] = candidate
      counts[candidate.classID] += 1
    }
  }

  /// Adds a range of the sorted candidates to the suppression, the best first.
  private mutating func rank(_ range: Range<Int>) {
    keys.grow(to: range.count, filling: 0)
    for (place, index) in range.enumerated() {
      keys[place] = ScoreRanking.key(of: sorted[index].score)
    }
    ranking.rank(keys, count: range.count, limit: range.count)
    for place in ranking.order {
      let candidate = sorted[range.lowerBound + Int(place)]
      ranked.append(candidate)
      suppression.append(candidate.box)
    }
  }
}
