internal import CDetectionKernels

/// Reads the score map of one picture as its layout says.
struct ObjectnessReader {
  /// How the score map is laid out.
  let layout: ObjectnessLayout

  /// The number of anchors in a cell, A.
  let anchorsPerCell: Int

  /// Writes a sort key for each anchor; 0 where a logit is not finite.
  ///
  /// - Parameters:
  ///   - scores: [H, W, A x 2] or [H, W, A] raw logits.
  ///   - ranking: what the keys sort by.
  ///   - keys: grown to the number of anchors where it is shorter.
  func writeKeys(of scores: Span<Float>, ranking: ProposalRanking, into keys: inout [UInt32]) {
    let count = scores.count / layout.channelsPerAnchor
    let isProbability: Int32 = ranking == .foregroundProbability ? 1 : 0
    let anchorsPerCell = anchorsPerCell
    keys.grow(to: count, filling: 0)
    // Safety: anchor i reads scores at 2i and 2i + 1 (pairs) or i (single), and in a cell of blocked
    // pairs at a and a + A of its 2A scores; all are below scores.count. `keys` holds `count`.
    unsafe scores.withUnsafeBufferPointer { scores in
      unsafe keys.withUnsafeMutableBufferPointer { keys in
        guard let logits = scores.baseAddress, let keys = keys.baseAddress else { return }
        switch layout {
        case .interleavedPairs:
          unsafe detection_rank_keys(logits, logits + 1, 2, count, isProbability, keys)
        case .blockedPairs:
          for first in stride(from: 0, to: count, by: anchorsPerCell) {
            let cell = unsafe logits + 2 * first
            unsafe detection_rank_keys(
              cell, cell + anchorsPerCell, 1, anchorsPerCell, isProbability, keys + first)
          }
        case .single:
          unsafe detection_rank_keys(nil, logits, 1, count, isProbability, keys)
        }
      }
    }
  }

  /// What an anchor's scores say of an object in it.
  func objectness(ofAnchor anchor: Int, in scores: Span<Float>) -> Objectness {
    switch layout {
    case .interleavedPairs:
      Objectness(background: scores[2 * anchor], foreground: scores[2 * anchor + 1])
    case .blockedPairs:
      Objectness(
        background: scores[2 * anchor - anchor % anchorsPerCell],
        foreground: scores[2 * anchor - anchor % anchorsPerCell + anchorsPerCell])
    case .single:
      Objectness(background: 0, foreground: scores[anchor])
    }
  }
}

/// A foreground logit, and how far it is above the background's.
struct Objectness: Sendable {
  let logit: Float
  let margin: Float

  init(background: Float, foreground: Float) {
    logit = foreground
    margin = foreground - background
  }

  /// Softmax of two logits, or the sigmoid of one: both are functions of the margin alone.
  ///
  /// The greater of the two exponentials is 1, as where the greatest logit is subtracted first.
  var probability: Float {
    let e = detection_exp(-abs(margin))
    return (margin >= 0 ? 1 : e) / (1 + e)
  }

  /// What it is ranked by.
  func rankedValue(_ ranking: ProposalRanking) -> Float {
    ranking == .foregroundLogit ? logit : probability
  }
}
