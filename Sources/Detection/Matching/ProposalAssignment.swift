/// Which object each proposal of a picture belongs to, before sampling.
public struct ProposalAssignment: Sendable, Hashable {
  /// The RoIs: the proposals in their order, then the ground truth where it is appended.
  public let rois: [BoundingBox]

  /// Which ground truth each RoI overlaps most, the first of equals; `nil` where there is none.
  public let groundTruthIndices: [Int?]

  /// How much each RoI overlaps that one; 0 where there is none, and -1 for an RoI with a
  /// coordinate that is not finite, so that it is neither an object nor background.
  public let overlaps: [Float]

  /// The class of that ground truth, from 1; 0, background, where there is none.
  public let labels: [Int]

  /// The offset from each RoI to that ground truth, normalised; zero where there is none.
  public let offsets: [BoxOffset]
}

/// The RoIs on which the head is trained in one picture: objects first, then background.
public struct ProposalSample: Sendable, Hashable {
  /// Which RoIs of the assignment were drawn.
  public let indices: [Int]

  /// Their boxes, in pixels of the resized picture.
  public let rois: [BoundingBox]

  /// Their classes; 0 is background.
  public let labels: [Int]

  /// The normalised offsets to their ground truth, for background too, where the loss leaves them
  /// out.
  public let offsets: [BoxOffset]

  /// How many of them are objects; they stand first.
  public let positiveCount: Int

  /// Makes a sample; traps unless the lists have one length, and so many objects stand first.
  public init(
    indices: [Int], rois: [BoundingBox], labels: [Int], offsets: [BoxOffset], positiveCount: Int
  ) {
    precondition(
      rois.count == indices.count && labels.count == indices.count
        && offsets.count == indices.count,
      "\(indices.count) indices, \(rois.count) RoIs, \(labels.count) labels and "
        + "\(offsets.count) offsets")
    precondition(
      (0...labels.count).contains(positiveCount)
        && labels.prefix(positiveCount).allSatisfy { $0 > 0 }
        && labels.dropFirst(positiveCount).allSatisfy { $0 == 0 },
      "the labels \(labels) do not start with \(positiveCount) objects")
    self.indices = indices
    self.rois = rois
    self.labels = labels
    self.offsets = offsets
    self.positiveCount = positiveCount
  }
}
