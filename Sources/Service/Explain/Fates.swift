internal import Detection
internal import Observability

/// What may become of an anchor's candidate, as answers name it.
enum CandidateOutcome: String, CaseIterable {
  case proposed
  case notFinite = "not_finite"
  case tooSmall = "too_small"
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
    key("outcome")
    string(fate.outcome.rawValue)
    switch fate {
    case .notFinite: break
    case .proposed(let index):
      key("proposal_index")
      integer(index)
    case .tooSmall(let side, let minimum):
      key("side")
      number(side)
      key("minimum_side")
      number(minimum)
    case .beyondCountBeforeNMS(let limit), .beyondCountAfterNMS(let limit):
      key("limit")
      integer(limit)
    case .suppressed(let index, let iou):
      key("suppressed_by_proposal")
      integer(index)
      key("suppression_iou")
      number(iou)
    }
  }

  /// Writes the member `outcome` of a class's box and the members that tell its reason.
  mutating func fate(_ fate: ClassBoxFate, objects: [ClassifiedBox], detectionCount: Int) {
    key("outcome")
    string(fate.outcome.rawValue)
    switch fate {
    case .notFinite, .notLookedFor, .tooSmall: break
    case .detected(let index):
      key("detection_index")
      integer(index)
    case .belowThreshold(let threshold):
      key("threshold")
      number(threshold)
    case .beyondMaximum(let limit):
      key("limit")
      integer(limit)
    case .suppressed(let index, let iou):
      // What suppressed it may itself lie beyond `max_detections`: then it has no number.
      if index < detectionCount {
        key("suppressed_by_detection")
        integer(index)
      }
      key("suppressed_by_proposal")
      integer(objects[index].roiIndex)
      key("suppression_iou")
      number(iou)
    }
  }
}
