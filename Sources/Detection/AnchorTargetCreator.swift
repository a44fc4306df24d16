internal import Tensors

/// Chooses what the region proposal network is trained towards (notes 000, 001 and 002).
///
/// `assign` labels every anchor and draws nothing at random; `sample` thins the labels out to a
/// small, balanced batch. Source: Ren et al. 2015 (arXiv:1506.01497), section 3.1.2 and 3.1.3.
///
/// Two traps of the notes are closed. A ground truth that no anchor overlaps has 0 as its best
/// overlap, which every anchor that overlaps nothing reaches: it makes no anchor an object. And
/// ground truth without area, or with a coordinate that is not finite, whose offset would be
/// infinite, is passed over; without any other all anchors are background, with offsets of zero.
public struct AnchorTargetCreator: Sendable, Hashable {
  /// Which anchors become objects because no other anchor overlaps a ground truth more.
  public enum BestAnchors: Sendable, Hashable {
    /// All anchors that share the largest overlap (notes 001 and 002, and the paper's
    /// "anchor/anchors"). Each keeps the ground truth that it itself overlaps most.
    case allTied

    /// The first one alone, and it is trained towards that ground truth even where it overlaps
    /// another one more (note 000). Where two want the same anchor the later one gets it.
    case firstReassigned
  }

  /// How many anchors of a picture are trained on.
  public var sampleCount: Int

  /// An anchor that overlaps a ground truth by at least this is an object.
  public var positiveThreshold: Float

  /// An anchor that overlaps every ground truth by less than this is background.
  public var negativeThreshold: Float

  /// The largest part of the sample that is objects.
  public var positiveShare: Double

  /// Which anchors become objects because no other one overlaps a ground truth more.
  public var bestAnchors: BestAnchors

  /// Whether anchors that cross the edge of the picture are left out.
  public var keepsInsideAnchorsOnly: Bool

  /// How boxes become offsets, and sides are measured.
  public var coder: BoxCoder

  /// Makes a creator with the settings of notes 001 and 002 where nothing else is said.
  ///
  /// - Parameters:
  ///   - sampleCount: How many anchors of a picture are trained on.
  ///   - positiveThreshold: An anchor that overlaps a ground truth by at least this is an object.
  ///   - negativeThreshold: An anchor that overlaps all by less than this is background.
  ///   - positiveShare: The largest part of the sample that is objects, 0 to 1.
  ///   - bestAnchors: Which anchors become objects because no other overlaps a ground truth more.
  ///   - keepsInsideAnchorsOnly: Whether anchors that cross the edge of the picture are left out.
  ///   - coder: How boxes become offsets.
  public init(
    sampleCount: Int = 256, positiveThreshold: Float = 0.7, negativeThreshold: Float = 0.3,
    positiveShare: Double = 0.5, bestAnchors: BestAnchors = .allTied,
    keepsInsideAnchorsOnly: Bool = true, coder: BoxCoder = BoxCoder()
  ) {
    precondition(
      sampleCount >= 0 && (0...1).contains(positiveShare),
      "no sample: \(sampleCount) anchors, of which \(positiveShare) objects")
    self.sampleCount = sampleCount
    self.positiveThreshold = positiveThreshold
    self.negativeThreshold = negativeThreshold
    self.positiveShare = positiveShare
    self.bestAnchors = bestAnchors
    self.keepsInsideAnchorsOnly = keepsInsideAnchorsOnly
    self.coder = coder
  }

  /// Note 000, as bubbliiiing trains: all anchors, the first best anchor reassigned.
  public static let note000 = AnchorTargetCreator(
    bestAnchors: .firstReassigned, keepsInsideAnchorsOnly: false)

  /// Note 001, as simple-faster-rcnn trains: anchors inside the picture, best anchors with ties.
  public static let note001 = AnchorTargetCreator()

  /// Note 002: the settings of note 001.
  public static let note002 = note001

  /// Labels every anchor, and finds the offset to the ground truth that it overlaps most.
  ///
  /// - Parameters:
  ///   - groundTruth: The objects of the picture, in pixels of the resized picture.
  ///   - anchors: All anchors.
  ///   - imageHeight: The height of the resized picture, for the inside test.
  ///   - imageWidth: The width of the resized picture.
  /// - Returns: A label, an index and an offset for each anchor, in the order of the anchors;
  ///   anchors that were left out are ignored, with an offset of zero (the notes' `_unmap`).
  public func assign(
    _ groundTruth: [BoundingBox], to anchors: [BoundingBox], imageHeight: Float, imageWidth: Float
  ) -> AnchorAssignment {
    let candidates = anchors.indices.filter {
      anchors[$0].isFinite
        && (!keepsInsideAnchorsOnly || anchors[$0].isInside(height: imageHeight, width: imageWidth))
    }
    var assignment = AnchorAssignment(
      labels: Array(repeating: .ignored, count: anchors.count),
      groundTruthIndices: Array(repeating: nil, count: anchors.count),
      offsets: Array(repeating: .none, count: anchors.count))
    let overlaps = GroundTruthOverlaps(
      of: candidates.map { anchors[$0] }, with: groundTruth, sides: coder.sides)
    var best = overlaps.bestGroundTruths
    var isBestAnchor = [Bool](repeating: false, count: candidates.count)
    for (groundTruth, rows) in overlaps.bestRows.enumerated() {
      switch bestAnchors {
      case .allTied:
        for row in rows { isBestAnchor[row] = true }
      case .firstReassigned:
        guard let row = rows.first else { continue }
        isBestAnchor[row] = true
        best[row] = groundTruth
      }
    }
    for (row, anchor) in candidates.enumerated() {
      if let column = best[row] {
        let index = overlaps.groundTruthIndices[column]
        let offset = coder.encode(groundTruth[index], relativeTo: anchors[anchor])
        // Coordinates near the largest float: there is nothing to train towards.
        guard offset.isFinite else { continue }
        assignment.groundTruthIndices[anchor] = index
        assignment.offsets[anchor] = offset
      }
      let overlap = overlaps.largest[row]
      if isBestAnchor[row] || overlap >= positiveThreshold {
        assignment.labels[anchor] = .foreground
      } else if overlap < negativeThreshold {
        assignment.labels[anchor] = .background
      }
    }
    return assignment
  }

  /// Thins the labels out to a sample.
  ///
  /// At most `positiveShare` of `sampleCount` anchors stay objects, and background fills the sample
  /// up. What is not drawn is ignored.
  ///
  /// - Parameters:
  ///   - assignment: What `assign` gave.
  ///   - generator: Where the randomness comes from; the same state gives the same sample.
  /// - Returns: The assignment with fewer labels; indices and offsets stay.
  public func sample(
    _ assignment: AnchorAssignment, using generator: inout some RandomNumberGenerator
  ) -> AnchorAssignment {
    var sampled = assignment
    let positives = assignment.labels.indices.filter { assignment.labels[$0] == .foreground }
    let negatives = assignment.labels.indices.filter { assignment.labels[$0] == .background }
    let maximumPositiveCount = Int(positiveShare * Double(sampleCount))
    let positiveCount = min(positives.count, maximumPositiveCount)
    for index in positives.drawing(positives.count - positiveCount, using: &generator) {
      sampled.labels[index] = .ignored
    }
    // Counted after the positives are thinned out; note 002 counts before, and comes out short.
    let negativeCount = min(negatives.count, sampleCount - positiveCount)
    for index in negatives.drawing(negatives.count - negativeCount, using: &generator) {
      sampled.labels[index] = .ignored
    }
    return sampled
  }
}
