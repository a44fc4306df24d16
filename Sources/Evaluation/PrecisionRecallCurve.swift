/// How the area under a precision-recall curve is taken.
public enum AveragePrecisionMethod: Sendable, CaseIterable {
  /// The exact area under the curve made monotone: VOC 2010 and later.
  case allPoint

  /// The mean of the best precision at recall of at least 0, 0.1, ..., 1: VOC 2007.
  case elevenPoint
}

/// What one detection counts for, after it was held against the ground truth.
enum DetectionVerdict: Sendable {
  case truePositive
  case falsePositive
  /// It found a difficult object: neither right nor wrong.
  case ignored
}

/// Precision and recall of one class after each of its detections, the most confident first.
///
/// Source: VOCdevkit's `VOCevaldet`, as chainercv 0.13 `calc_detection_voc_ap` computes it.
public struct PrecisionRecallCurve: Sendable, Equatable {
  /// The share of detections so far that were right; 0 while none has counted.
  public let precision: [Double]

  /// The share of the objects found so far; never falls from one detection to the next.
  public let recall: [Double]

  /// Makes the curve from the verdicts in order of score; traps unless there is ground truth.
  init(verdicts: some Sequence<DetectionVerdict>, groundTruthCount: Int) {
    precondition(groundTruthCount > 0, "no ground truth (\(groundTruthCount)), no recall")
    var precision: [Double] = []
    var recall: [Double] = []
    var right = 0
    var counted = 0
    for verdict in verdicts {
      if verdict == .truePositive { right += 1 }
      if verdict != .ignored { counted += 1 }
      precision.append(counted == 0 ? 0 : Double(right) / Double(counted))
      recall.append(Double(right) / Double(groundTruthCount))
    }
    self.precision = precision
    self.recall = recall
  }

  /// The area under the curve, between 0 and 1.
  public func averagePrecision(_ method: AveragePrecisionMethod) -> Double {
    // The best precision at this recall or any higher one.
    var envelope = precision
    for index in envelope.indices.dropLast().reversed() {
      envelope[index] = max(envelope[index], envelope[index + 1])
    }
    switch method {
    case .allPoint:
      var area = 0.0
      var previousRecall = 0.0
      for (recall, precision) in zip(recall, envelope) {
        area += (recall - previousRecall) * precision
        previousRecall = recall
      }
      return area
    case .elevenPoint:
      // Multiples of 0.1 in double precision, so 0.3 is 0.30000000000000004 and a recall of
      // exactly 3/10 falls short of it: the published numbers were computed so.
      return (0...10).reduce(0.0) { sum, step in
        let first = recall.firstIndex { $0 >= Double(step) * 0.1 }
        return sum + (first.map { envelope[$0] } ?? 0) / 11
      }
    }
  }
}
