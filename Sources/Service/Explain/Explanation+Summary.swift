internal import Detection

extension Explanation {
  /// The explanation in two or three sentences.
  func summary(labels: [String]) -> String {
    var sentences: [String] = []
    if let anchor = candidates.first {
      let rank = proposals.rank(ofAnchor: anchor).map { ", rank \($0)" } ?? ""
      let objectness = Self.text(proposals.objectness(ofAnchor: anchor))
      sentences.append(
        "The nearest candidate of the proposal network (\(nearness(candidateBoxes[anchor])), "
          + "objectness \(objectness)\(rank)) "
          + Self.text(proposals.fate(ofAnchor: anchor)) + ".")
    }
    if let index = nearestProposals.first {
      let box = candidateBoxes[proposals.proposedAnchors[index]]
      var sentence = "The nearest proposal is \(index) (\(nearness(box)))"
      if let classes, let best = bestClass(of: index, classes) {
        let score = Self.text(classes.score(ofClass: best, inRoI: index))
        sentence +=
          "; its best class is \(labels.name(ofClass: best)) with \(score), which "
          + text(classes.fate(ofClass: best, inRoI: index))
      }
      sentences.append(sentence + ".")
    } else {
      sentences.append("There is no proposal at all.")
    }
    return sentences.joined(separator: " ")
  }

  private func bestClass(of roi: Int, _ classes: ClassBoxTrace) -> Int? {
    (0..<classes.classCount).max {
      (classes.score(ofClass: $0, inRoI: roi) ?? -1)
        < (classes.score(ofClass: $1, inRoI: roi) ?? -1)
    }
  }

  private func nearness(_ box: BoundingBox) -> String {
    let measure = Self.text(place.measure(box))
    switch place {
    case .box: return "IoU \(measure)"
    case .point: return "\(measure) half sides from its centre"
    }
  }

  private static func text(_ fate: CandidateFate) -> String {
    switch fate {
    case .proposed(let index): "became proposal \(index)"
    case .notFinite: "was dropped, because a number of it is not finite"
    case .tooSmall(let side, let minimum):
      "was dropped as too small: a side of \(text(side)) pixels of the resized picture is below "
        + text(minimum)
    case .belowMinimumObjectness(let least):
      "was dropped: its objectness is below \(text(least))"
    case .beyondCountBeforeNMS(let limit): "was dropped: it is not among the best \(limit)"
    case .suppressed(let index, let iou):
      "was suppressed by "
        + (index.map { "proposal \($0)" } ?? "a candidate that is no proposal itself")
        + ", which it overlaps with an IoU of \(text(iou))"
    case .beyondCountAfterNMS(let limit):
      "was dropped: \(limit) proposals had been kept before its turn"
    }
  }

  private func text(_ fate: ClassBoxFate) -> String {
    switch fate {
    case .detected(let index): "is detection \(index)"
    case .notFinite: "was dropped, because a number of it is not finite"
    case .notLookedFor: "is not looked for"
    case .belowThreshold(let threshold): "is not above the threshold of \(Self.text(threshold))"
    case .tooSmall: "was dropped as too small"
    case .suppressed(let index, let iou):
      "was suppressed by "
        + (index < detectionCount ? "detection \(index)" : "a detection beyond max_detections")
        + ", which it overlaps with an IoU of \(Self.text(iou))"
    case .beyondMaximum(let limit): "was dropped: there are \(limit) better detections"
    }
  }

  /// A number for people: three places.
  private static func text(_ value: Float?) -> String {
    guard let value, value.isFinite else { return "unknown" }
    return Float((value * 1000).rounded() / 1000).description
  }
}
