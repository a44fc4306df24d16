internal import Detection
internal import JSON
internal import Observability

/// What may become of an anchor's candidate, as answers name it.
enum CandidateOutcome: String, CaseIterable {
  case proposed
  case notFinite = "not_finite"
  case tooSmall = "too_small"
  case belowMinimumObjectness = "below_minimum_objectness"
  case beyondCountBeforeNMS = "beyond_pre_nms_top_n"
  case suppressed
  case beyondCountAfterNMS = "beyond_post_nms_top_n"
}

/// What may become of a class's box in a proposal, as answers name it.
enum ClassOutcome: String, CaseIterable {
  case detected
  case notFinite = "not_finite"
  case notLookedFor = "not_looked_for"
  case belowThreshold = "below_threshold"
  case tooSmall = "too_small"
  case suppressed
  case beyondMaximum = "beyond_max_detections"
}

extension CandidateFate {
  /// The word for it in answers.
  var outcome: CandidateOutcome {
    switch self {
    case .proposed: .proposed
    case .notFinite: .notFinite
    case .tooSmall: .tooSmall
    case .belowMinimumObjectness: .belowMinimumObjectness
    case .beyondCountBeforeNMS: .beyondCountBeforeNMS
    case .suppressed: .suppressed
    case .beyondCountAfterNMS: .beyondCountAfterNMS
    }
  }
}

extension ClassBoxFate {
  /// The word for it in answers.
  var outcome: ClassOutcome {
    switch self {
    case .detected: .detected
    case .notFinite: .notFinite
    case .notLookedFor: .notLookedFor
    case .belowThreshold: .belowThreshold
    case .tooSmall: .tooSmall
    case .suppressed: .suppressed
    case .beyondMaximum: .beyondMaximum
    }
  }
}

extension JSONWriter {
  /// Writes the member `outcome` of an anchor and the members that tell its reason.
  mutating func fate(_ fate: CandidateFate) {
    member("outcome", fate.outcome.rawValue)
    switch fate {
    case .notFinite: break
    case .proposed(let index):
      member("proposal_index", index)
    case .tooSmall(let side, let minimum):
      member("side", side)
      member("minimum_side", minimum)
    case .belowMinimumObjectness(let least): member("minimum_objectness", least)
    case .beyondCountBeforeNMS(let limit), .beyondCountAfterNMS(let limit):
      member("limit", limit)
    case .suppressed(let index, let iou):
      // What suppressed it may itself not be among the best of all feature maps.
      if let index { member("suppressed_by_proposal", index) }
      member("suppression_iou", iou)
    }
  }

  /// Writes the member `outcome` of a class's box and the members that tell its reason.
  mutating func fate(_ fate: ClassBoxFate, objects: [ClassifiedBox], detectionCount: Int) {
    member("outcome", fate.outcome.rawValue)
    switch fate {
    case .notFinite, .notLookedFor, .tooSmall: break
    case .detected(let index):
      member("detection_index", index)
    case .belowThreshold(let threshold):
      member("threshold", threshold)
    case .beyondMaximum(let limit):
      member("limit", limit)
    case .suppressed(let index, let iou):
      // What suppressed it may itself lie beyond `max_detections`: then it has no number.
      if index < detectionCount {
        member("suppressed_by_detection", index)
      }
      member("suppressed_by_proposal", objects[index].roiIndex)
      member("suppression_iou", iou)
    }
  }
}
