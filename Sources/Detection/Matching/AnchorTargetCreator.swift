internal import Tensors

/// Chooses what the region proposal network is trained towards.
///
/// `assign` labels every anchor and draws nothing at random; `sample` thins the labels out to a
/// small, balanced batch. Source: Ren et al. 2015 (arXiv:1506.01497), section 3.1.2 and 3.1.3.
///
/// Without any ground truth that can be a target all anchors are background, with offsets of zero.
public struct AnchorTargetCreator: Sendable, Hashable {
  /// How anchors are matched with ground truth.
  public var matcher: Matcher

  /// How many anchors of a picture are trained on.
  public var sampler: Sampler

  /// Whether anchors that cross the edge of the picture are left out.
  public var keepsInsideAnchorsOnly: Bool

  /// How boxes become offsets, and sides are measured.
  public var coder: BoxCoder

  /// Makes a creator; what is left out is as in simple-faster-rcnn.
  ///
  /// - Parameters:
  ///   - matcher: How anchors are matched with ground truth.
  ///   - sampler: How many anchors of a picture are trained on.
  ///   - keepsInsideAnchorsOnly: Whether anchors that cross the edge of the picture are left out.
  ///   - coder: How boxes become offsets.
  public init(
    matcher: Matcher = .anchors, sampler: Sampler = .anchors, keepsInsideAnchorsOnly: Bool = true,
    coder: BoxCoder = BoxCoder()
  ) {
    self.matcher = matcher
    self.sampler = sampler
    self.keepsInsideAnchorsOnly = keepsInsideAnchorsOnly
    self.coder = coder
  }

  /// Labels every anchor, and finds the offset to the ground truth that it overlaps most.
  ///
  /// - Parameters:
  ///   - groundTruth: The objects of the picture, in pixels of the resized picture.
  ///   - anchors: All anchors.
  ///   - imageHeight: The height of the resized picture, for the inside test.
  ///   - imageWidth: The width of the resized picture.
  /// - Returns: A label, an index and an offset for each anchor, in the order of the anchors;
  ///   anchors that were left out are ignored, with an offset of zero.
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
    let matches = matcher.match(
      candidates.map { anchors[$0] }, with: groundTruth, sides: coder.sides)
    for (row, anchor) in candidates.enumerated() {
      if let index = matches.groundTruthIndices[row] {
        let offset = coder.encode(groundTruth[index], relativeTo: anchors[anchor])
        // Coordinates near the largest float: there is nothing to train towards.
        guard offset.isFinite else { continue }
        assignment.groundTruthIndices[anchor] = index
        assignment.offsets[anchor] = offset
      }
      assignment.labels[anchor] = matches.labels[row]
    }
    return assignment
  }

  /// Thins the labels out to a sample.
  ///
  /// What is not drawn is ignored.
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
    let counts = sampler.counts(positives: positives.count, negatives: negatives.count)
    for index in positives.drawing(positives.count - counts.positives, using: &generator) {
      sampled.labels[index] = .ignored
    }
    for index in negatives.drawing(negatives.count - counts.negatives, using: &generator) {
      sampled.labels[index] = .ignored
    }
    return sampled
  }
}
