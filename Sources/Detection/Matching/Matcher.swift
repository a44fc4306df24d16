/// What a box is trained to say.
public enum MatchLabel: Int, Sendable, Hashable {
  /// Not counted: neither clearly an object nor clearly none, outside the picture, or not sampled.
  case ignored = -1

  /// No object.
  case background = 0

  /// An object.
  case foreground = 1
}

/// Matches boxes (anchors, RoIs) with the ground truth that each overlaps most.
///
/// Ren et al. 2015 (arXiv:1506.01497), section 3.1.2. Ground truth without area, or with a coordinate
/// that is not finite, cannot be a target and is passed over.
public struct Matcher: Sendable, Hashable {
  /// Which boxes become objects because no other box overlaps a ground truth more.
  ///
  /// A ground truth that no box overlaps makes none: 0 is then its best overlap, which every box that
  /// overlaps nothing reaches.
  public enum BestBoxes: Sendable, Hashable {
    /// None: the threshold alone decides.
    case none

    /// All boxes that share the largest overlap (simple-faster-rcnn, torchvision, and the paper's
    /// "anchor/anchors"). Each keeps the ground truth that it itself overlaps most.
    case allTied

    /// The first one alone, and it is trained towards that ground truth even where it overlaps
    /// another one more (bubbliiiing). Where two want the same box the later one gets it.
    case firstReassigned
  }

  /// A box that overlaps a ground truth by at least this is an object.
  public var positiveThreshold: Float

  /// A box whose largest overlap is in this range is background.
  public var negativeOverlaps: Range<Float>

  /// Which boxes become objects because no other one overlaps a ground truth more.
  public var bestBoxes: BestBoxes

  /// Makes a matcher.
  ///
  /// - Parameters:
  ///   - positiveThreshold: A box that overlaps a ground truth by at least this is an object.
  ///   - negativeOverlaps: A box whose largest overlap is in this range is background.
  ///   - bestBoxes: Which boxes become objects because no other overlaps a ground truth more.
  public init(
    positiveThreshold: Float, negativeOverlaps: Range<Float>, bestBoxes: BestBoxes = .none
  ) {
    self.positiveThreshold = positiveThreshold
    self.negativeOverlaps = negativeOverlaps
    self.bestBoxes = bestBoxes
  }

  /// Anchors of most families: objects from 0.7 on and the best of each ground truth, background below
  /// 0.3.
  public static let anchors = Matcher(
    positiveThreshold: 0.7, negativeOverlaps: 0..<0.3, bestBoxes: .allTied)

  /// RoIs of most families: objects from 0.5 on, all others background.
  public static let rois = Matcher(positiveThreshold: 0.5, negativeOverlaps: 0..<0.5)

  /// What a matcher found.
  struct Matches {
    /// What each box is trained to say.
    var labels: [MatchLabel]
    /// For each box its ground truth, an index into those given; `nil` without any.
    var groundTruthIndices: [Int?]
    /// For each box how much it overlaps the ground truth that it overlaps most; 0 without any.
    var overlaps: [Float]
  }

  /// Matches boxes with ground truth.
  func match(
    _ boxes: [BoundingBox], with groundTruth: [BoundingBox], sides: SideConvention
  ) -> Matches {
    let overlaps = GroundTruthOverlaps(of: boxes, with: groundTruth, sides: sides)
    var best = overlaps.bestGroundTruths
    var labels = overlaps.largest.map { label(ofOverlap: $0) }
    if bestBoxes != .none {
      for (groundTruth, rows) in overlaps.bestRows.enumerated() {
        for row in bestBoxes == .allTied ? rows[...] : rows.prefix(1) {
          labels[row] = .foreground
          if bestBoxes == .firstReassigned { best[row] = groundTruth }
        }
      }
    }
    return Matches(
      labels: labels, groundTruthIndices: best.map { $0.map { overlaps.groundTruthIndices[$0] } },
      overlaps: overlaps.largest)
  }

  /// What an overlap alone says.
  func label(ofOverlap overlap: Float) -> MatchLabel {
    if overlap >= positiveThreshold { return .foreground }
    return negativeOverlaps.contains(overlap) ? .background : .ignored
  }
}
