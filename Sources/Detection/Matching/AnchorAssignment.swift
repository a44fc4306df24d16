/// What the RPN is trained towards in one picture: a label, an object and an offset for each
/// anchor.
public struct AnchorAssignment: Sendable, Hashable {
  /// What each anchor is trained to say; as many as anchors.
  public var labels: [MatchLabel]

  /// Which ground truth each anchor overlaps most, as an index into the boxes that were given.
  ///
  /// The first one where several are overlapped alike, and 0 where none is overlapped at all, as
  /// NumPy's `argmax`; `nil` for an anchor that was filtered out, and everywhere where there is no
  /// ground truth.
  public var groundTruthIndices: [Int?]

  /// The offset from each anchor to its ground truth, not normalised; zero where there is none.
  public var offsets: [BoxOffset]

  /// Makes an assignment; traps unless the three have one length.
  public init(labels: [MatchLabel], groundTruthIndices: [Int?], offsets: [BoxOffset]) {
    precondition(
      labels.count == groundTruthIndices.count && labels.count == offsets.count,
      "\(labels.count) labels, \(groundTruthIndices.count) indices and \(offsets.count) offsets")
    self.labels = labels
    self.groundTruthIndices = groundTruthIndices
    self.offsets = offsets
  }

  /// Counts the anchors of one label.
  ///
  /// - Returns: A number from 0 to the number of anchors.
  public func count(_ label: MatchLabel) -> Int {
    labels.count { $0 == label }
  }
}

extension BoxOffset {
  /// The offset from a box to itself.
  static let none = BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0)
}
