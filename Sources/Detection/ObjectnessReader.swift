import CDetectionKernels

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
    let softmax: Int32 = ranking == .foregroundProbability ? 1 : 0
    let anchorsPerCell = anchorsPerCell
    keys.grow(to: count, filling: 0)
    // Safety: anchor i reads scores at 2i and 2i + 1 (pairs) or i (single), and in a cell of blocked
    // pairs at a and a + A of its 2A scores; all are below scores.count. `keys` holds `count`.
    unsafe scores.withUnsafeBufferPointer { scores in
      unsafe keys.withUnsafeMutableBufferPointer { keys in
        guard let logits = scores.baseAddress, let keys = keys.baseAddress else { return }
        switch layout {
        case .interleavedPairs:
          unsafe detection_rank_keys(logits, logits + 1, 2, count, softmax, keys)
        case .blockedPairs:
          for first in stride(from: 0, to: count, by: anchorsPerCell) {
            let cell = unsafe logits + 2 * first
            unsafe detection_rank_keys(
              cell, cell + anchorsPerCell, 1, anchorsPerCell, softmax, keys + first)
          }
        case .single:
          unsafe detection_rank_keys(nil, logits, 1, count, softmax, keys)
        }
      }
    }
  }

  /// The probability that an anchor holds an object.
  func probability(ofAnchor anchor: Int, in scores: Span<Float>) -> Float {
    let margin: Float =
      switch layout {
      case .interleavedPairs:
        scores[2 * anchor + 1] - scores[2 * anchor]
      case .blockedPairs:
        scores[2 * anchor - anchor % anchorsPerCell + anchorsPerCell]
          - scores[2 * anchor - anchor % anchorsPerCell]
      case .single:
        scores[anchor]
      }
    // Softmax of two logits, or the sigmoid of one: both are functions of the margin alone. The
    // greater of the two exponentials is 1, as where the greatest logit is subtracted first.
    let e = detection_exp(-abs(margin))
    return (margin >= 0 ? 1 : e) / (1 + e)
  }
}
