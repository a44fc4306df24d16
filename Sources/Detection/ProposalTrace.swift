/// What became of the candidate that the RPN made of an anchor.
public enum CandidateFate: Sendable, Hashable {
  /// It is the proposal of this index.
  case proposed(index: Int)
  /// A logit, an offset or an edge of its box is no finite number.
  case notFinite
  /// Its shorter side is below the least one; both in pixels of the resized picture.
  case tooSmall(side: Float, minimum: Float)
  /// It is not among the best that enter non-maximum suppression, which are so many.
  case beyondCountBeforeNMS(limit: Int)
  /// It overlaps a better proposal.
  case suppressed(byProposal: Int, iou: Float)
  /// So many proposals had been kept before its turn came.
  case beyondCountAfterNMS(limit: Int)
}

/// ProposalCreator's work on one feature map of one picture, kept so that it can be asked about.
///
/// It makes the same proposals from the same numbers, but ranks every candidate and keeps all boxes:
/// for explanations, not for every request.
public struct ProposalTrace: Sendable {
  /// The box that each anchor's offsets lead to, clipped, in pixels of the resized picture.
  ///
  /// Without meaning where the fate is `notFinite`.
  public let boxes: [BoundingBox]

  /// The anchor of each proposal, best first.
  public let proposedAnchors: [Int]

  private let settings: ProposalSettings
  private let frame: ImageFrame
  private let objectness: [Float]
  /// The place of each anchor in the ranking; -1 where it was dropped before.
  private let ranks: [Int32]
  /// Whether a filter drops the anchor's candidate.
  private let isFiltered: [Bool]
  private let proposalIndices: [Int: Int]
  /// The anchors with a logit or an offset that is not finite.
  private let unusable: Set<Int>

  /// Repeats what `ProposalCreator` does.
  ///
  /// Traps where the counts of offsets or scores do not fit the grid.
  ///
  /// - Parameters:
  ///   - offsets: [H, W, A x 4], channels last.
  ///   - scores: [H, W, A x 2] or [H, W, A], channels last, raw logits.
  ///   - grid: the anchors of the feature map.
  ///   - frame: the size and scale of the picture.
  ///   - settings: what `ProposalCreator` was told.
  public init(
    offsets: [Float], scores: [Float], grid: AnchorGrid, frame: ImageFrame,
    settings: ProposalSettings
  ) {
    let count = grid.anchors.count
    precondition(
      offsets.count == 4 * count
        && scores.count == settings.objectnessLayout.channelsPerAnchor * count,
      "\(offsets.count) offsets and \(scores.count) scores do not fit \(count) anchors")
    let reader = ObjectnessReader(
      layout: settings.objectnessLayout, anchorsPerCell: grid.anchorsPerCell)
    var workspace = ProposalWorkspace()
    reader.writeKeys(
      of: scores.span, ranking: settings.ranking, into: &workspace.suppression.keys)
    let scoreKeys = Array(workspace.suppression.keys.prefix(count))
    workspace.decode(offsets.span, grid: grid, frame: frame, settings: settings)
    let filteredKeys = Array(workspace.suppression.keys.prefix(count))

    var ranking = ScoreRanking()
    ranking.rank(
      settings.stepOrder == .filterThenRank ? filteredKeys : scoreKeys, count: count, limit: count)
    var ranks = [Int32](repeating: -1, count: count)
    for (rank, anchor) in ranking.order.enumerated() { ranks[Int(anchor)] = Int32(rank) }
    let candidates = ranking.order.prefix(max(settings.counts.beforeNMS, 0)).filter {
      filteredKeys[Int($0)] != 0
    }
    workspace.suppression.suppress(
      workspace.boxes, order: candidates, settings.nms, maximumCount: settings.counts.afterNMS)

    self.settings = settings
    self.frame = frame
    self.ranks = ranks
    boxes = Array(workspace.boxes.prefix(count))
    isFiltered = filteredKeys.map { $0 == 0 }
    objectness = scoreKeys.indices.map {
      scoreKeys[$0] == 0 ? .nan : reader.probability(ofAnchor: $0, in: scores.span)
    }
    unusable = Set(
      scoreKeys.indices.filter { anchor in
        scoreKeys[anchor] == 0 || !offsets[4 * anchor..<4 * anchor + 4].allSatisfy(\.isFinite)
      })
    let kept = workspace.suppression.kept.map { Int($0) }
    proposedAnchors = kept
    proposalIndices = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
  }

  /// The probability that an anchor holds an object; `nil` where its logits are not finite.
  public func objectness(ofAnchor anchor: Int) -> Float? {
    objectness[anchor].isNaN ? nil : objectness[anchor]
  }

  /// The place of an anchor among all that are ranked, from 0; `nil` where it is dropped before.
  public func rank(ofAnchor anchor: Int) -> Int? {
    ranks[anchor] < 0 ? nil : Int(ranks[anchor])
  }

  /// Whether an anchor has a logit or an offset that is no finite number: its box has no meaning.
  public func isUnusable(_ anchor: Int) -> Bool { unusable.contains(anchor) }

  /// What became of an anchor's candidate.
  public func fate(ofAnchor anchor: Int) -> CandidateFate {
    let isRanked = ranks[anchor] >= 0
    if isRanked, ranks[anchor] >= settings.counts.beforeNMS {
      return .beyondCountBeforeNMS(limit: settings.counts.beforeNMS)
    }
    guard isRanked, !isFiltered[anchor] else { return reasonForDropping(anchor) }
    if let index = proposalIndices[anchor] { return .proposed(index: index) }
    // Greedy suppression: it is the first better proposal that overlaps it which drops it.
    for (index, kept) in proposedAnchors.enumerated() where ranks[kept] < ranks[anchor] {
      let iou = IntersectionOverUnion.of(boxes[kept], boxes[anchor], sides: settings.nms.sides)
      if iou >= settings.nms.bound { return .suppressed(byProposal: index, iou: iou) }
    }
    return .beyondCountAfterNMS(limit: settings.counts.afterNMS)
  }

  private func reasonForDropping(_ anchor: Int) -> CandidateFate {
    let box = boxes[anchor]
    guard !isUnusable(anchor), let minimum = settings.minimumSide?.bound(scale: frame.xScale)
    else { return .notFinite }
    let side = min(box.height, box.width) + settings.coder.sides.extra
    return side < minimum ? .tooSmall(side: side, minimum: minimum) : .notFinite
  }
}
