internal import Detection
internal import Tensors

/// The anchors of one picture that the RPN is trained on, and where its outputs for them are.
struct AnchorSample {
  /// A sampled anchor.
  struct Row {
    var picture: Int
    var level: Int
    /// Its index among the anchors of the level.
    var anchor: Int
    var label: MatchLabel
    var offset: BoxOffset
  }

  private(set) var rows: [Row] = []

  /// Adds the sampled anchors of one picture.
  ///
  /// - Parameters:
  ///   - assignment: of the anchors of all levels.
  ///   - picture: the picture's number in the batch.
  ///   - counts: the anchors of each level.
  mutating func add(_ assignment: AnchorAssignment, picture: Int, counts: [Int]) {
    var first = 0
    for (level, count) in counts.enumerated() {
      for anchor in 0..<count where assignment.labels[first + anchor] != .ignored {
        rows.append(
          Row(
            picture: picture, level: level, anchor: anchor,
            label: assignment.labels[first + anchor], offset: assignment.offsets[first + anchor]))
      }
      first += count
    }
  }

  var positiveCount: Int { rows.count { $0.label == .foreground } }
}

/// Where the numbers of an anchor are in the outputs of one level, channels last.
struct AnchorPlaces {
  let layout: ObjectnessLayout
  /// A.
  let anchorsPerCell: Int
  /// The anchors of one picture on this level.
  let count: Int

  /// Where the four offsets begin.
  func offsets(_ row: AnchorSample.Row) -> Int { 4 * (row.picture * count + row.anchor) }

  /// Where the logits are, background first where there are two.
  func logits(_ row: AnchorSample.Row) -> [Int] {
    switch layout {
    case .single: return [row.picture * count + row.anchor]
    case .interleavedPairs:
      let first = 2 * (row.picture * count + row.anchor)
      return [first, first + 1]
    case .blockedPairs:
      let (cell, anchor) = row.anchor.quotientAndRemainder(dividingBy: anchorsPerCell)
      let first = 2 * (row.picture * count + cell * anchorsPerCell) + anchor
      return [first, first + anchorsPerCell]
    }
  }
}
