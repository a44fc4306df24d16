/// What became of the candidate that the RPN made of an anchor.
public enum CandidateFate: Sendable, Hashable {
  /// It is the proposal of this index.
  case proposed(index: Int)
  /// A logit, an offset or an edge of its box is no finite number.
  case notFinite
  /// Its shorter side is below the least one; both in pixels of the resized picture.
  case tooSmall(side: Float, minimum: Float)
  /// Its objectness is below the least one.
  case belowMinimumObjectness(Float)
  /// It is not among the best of its feature map that enter non-maximum suppression, which are so many.
  case beyondCountBeforeNMS(limit: Int)
  /// It overlaps a better candidate, which is the proposal of this index, or `nil` where that one is
  /// not among the best of all feature maps.
  case suppressed(byProposal: Int?, iou: Float)
  /// So many proposals had been kept before its turn came.
  case beyondCountAfterNMS(limit: Int)
}

/// What the RPN said of one feature map.
public struct ProposalEvidence: Sendable {
  /// The anchors.
  public let grid: AnchorGrid

  /// The offsets, [H, W, A x 4].
  public let offsets: [Float]

  /// The logits, [H, W, A x 2] or [H, W, A].
  public let scores: [Float]

  /// Takes what the RPN said of one feature map.
  public init(grid: AnchorGrid, offsets: [Float], scores: [Float]) {
    self.grid = grid
    self.offsets = offsets
    self.scores = scores
  }
}

/// ProposalCreator's work on one picture, kept so that it can be asked about.
///
/// It makes the same proposals from the same numbers, but ranks every candidate and keeps all boxes:
/// for explanations, not for every request. Anchors are counted through the feature maps.
public struct ProposalTrace: Sendable {
  /// The box that each anchor's offsets lead to, clipped, in pixels of the resized picture.
  ///
  /// Without meaning where the fate is `notFinite`.
  public private(set) var boxes: [BoundingBox] = []

  /// The anchor of each proposal, best first.
  public let proposedAnchors: [Int]

  private let creator: ProposalCreator
  private let frame: ImageFrame
  private var objectness: [Float] = []
  /// The place of each anchor in the ranking of its map; -1 where it was dropped before.
  private var ranks: [Int32] = []
  /// The feature map of each anchor.
  private var levels: [Int32] = []
  private let proposalIndices: [Int: Int]
  /// For each anchor that entered suppression its place among the candidates.
  private let candidateIndices: [Int: Int]
  /// The anchors with a logit or an offset that is not finite.
  private var unusable: Set<Int> = []

  /// Repeats what `ProposalCreator` does.
  ///
  /// Traps where the counts of offsets or scores do not fit a grid.
  ///
  /// - Parameters:
  ///   - evidence: what the RPN said of each feature map.
  ///   - frame: the size and scale of the picture.
  ///   - settings: what `ProposalCreator` was told.
  ///   - coder: how offsets become boxes.
  public init(
    _ evidence: [ProposalEvidence], frame: ImageFrame, settings: ProposalSettings,
    coder: BoxCoder
  ) {
    var creator = ProposalCreator(settings: settings, coder: coder)
    creator.keepsEveryCandidate = true
    var proposals = RegionProposals()
    creator.begin(frame)
    for level in evidence {
      creator.add(offsets: level.offsets.span, scores: level.scores.span, grid: level.grid)
    }
    creator.finish(into: &proposals)
    self.creator = creator
    self.frame = frame
    proposedAnchors = proposals.anchorIndices
    proposalIndices = Dictionary(
      uniqueKeysWithValues: proposedAnchors.enumerated().map { ($1, $0) })
    candidateIndices = Dictionary(
      uniqueKeysWithValues: creator.candidates.enumerated().map { ($1.anchor, $0) })
    for (number, level) in evidence.enumerated() { append(level, number: number) }
  }

  private mutating func append(_ level: ProposalEvidence, number: Int) {
    let settings = creator.settings
    let (first, count) = (boxes.count, level.grid.count)
    let reader = ObjectnessReader(
      layout: settings.layout, anchorsPerCell: level.grid.anchorsPerCell)
    var keys: [UInt32] = []
    reader.writeKeys(of: level.scores.span, ranking: settings.ranking, into: &keys)
    let scoreKeys = keys
    var decoder = CandidateDecoder()
    decoder.decodeAll(level.offsets.span, grid: level.grid, creator.decoding, keys: &keys)
    var ranking = ScoreRanking()
    ranking.rank(
      settings.stepOrder == .filterThenRank ? keys : scoreKeys, count: count, limit: count)
    boxes += decoder.boxes.prefix(count)
    ranks += repeatElement(-1, count: count)
    levels += repeatElement(Int32(number), count: count)
    for (rank, anchor) in ranking.order.enumerated() { ranks[first + Int(anchor)] = Int32(rank) }
    for anchor in 0..<count {
      let isFinite = scoreKeys[anchor] != 0
      objectness.append(
        isFinite
          ? reader.objectness(ofAnchor: anchor, in: level.scores.span).probability : .nan)
      if !isFinite || !level.offsets[4 * anchor..<4 * anchor + 4].allSatisfy(\.isFinite) {
        unusable.insert(first + anchor)
      }
    }
  }

  /// The probability that an anchor holds an object; `nil` where its logits are not finite.
  public func objectness(ofAnchor anchor: Int) -> Float? {
    objectness[anchor].isNaN ? nil : objectness[anchor]
  }

  /// The place of an anchor among all of its feature map that are ranked, from 0; `nil` where it is
  /// dropped before.
  public func rank(ofAnchor anchor: Int) -> Int? {
    ranks[anchor] < 0 ? nil : Int(ranks[anchor])
  }

  /// Whether an anchor has a logit or an offset that is no finite number: its box has no meaning.
  public func isUnusable(_ anchor: Int) -> Bool { unusable.contains(anchor) }

  /// What became of an anchor's candidate.
  public func fate(ofAnchor anchor: Int) -> CandidateFate {
    let settings = creator.settings
    let isRanked = ranks[anchor] >= 0
    if isRanked, ranks[anchor] >= settings.counts.beforeNMS {
      return .beyondCountBeforeNMS(limit: settings.counts.beforeNMS)
    }
    guard let candidate = candidateIndices[anchor] else { return reasonForDropping(anchor) }
    if let index = proposalIndices[anchor] { return .proposed(index: index) }
    // Greedy suppression: it is the first better one of its map that overlaps it which drops it.
    let box = creator.suppression.comparedBox(candidate)
    for kept in creator.suppression.kept where kept < candidate {
      let other = creator.candidates[kept].anchor
      guard levels[other] == levels[anchor] else { continue }
      let iou = IntersectionOverUnion.of(
        creator.suppression.comparedBox(kept), box, sides: creator.coder.sides)
      if iou >= settings.nms.bound {
        return .suppressed(byProposal: proposalIndices[other], iou: iou)
      }
    }
    return .beyondCountAfterNMS(limit: settings.counts.afterNMS)
  }

  private func reasonForDropping(_ anchor: Int) -> CandidateFate {
    guard !isUnusable(anchor) else { return .notFinite }
    let box = boxes[anchor]
    let side = min(box.height, box.width) + creator.coder.sides.extra
    let minimum = creator.settings.minimumSide?.bound(scale: frame.xScale) ?? -.infinity
    if side < minimum { return .tooSmall(side: side, minimum: minimum) }
    if let least = creator.settings.minimumObjectness, objectness[anchor] < least {
      return .belowMinimumObjectness(least)
    }
    return .notFinite
  }
}
