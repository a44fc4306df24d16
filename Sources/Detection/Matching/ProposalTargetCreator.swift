internal import Tensors

/// Chooses the proposals on which the head is trained, and what towards.
///
/// `assign` finds each proposal's object and draws nothing at random; `sample` draws a batch with a
/// bounded share of objects. Source: Girshick, Fast R-CNN, 2015, section 2.3.
///
/// Ground truth that cannot be a target is passed over; without any other, every RoI is background.
/// RoIs with a coordinate that is not finite are never drawn.
public struct ProposalTargetCreator: Sendable, Hashable {
  /// How RoIs are matched with ground truth.
  public var matcher: Matcher

  /// How many RoIs of a picture are trained on.
  public var sampler: Sampler

  /// Whether the ground truth boxes themselves are RoIs.
  public var appendsGroundTruth: Bool

  /// The label of the first class in the data.
  ///
  /// The head's class is `label - firstLabel + 1`, because its class 0 is background.
  public var firstLabel: Int

  /// What is subtracted from an offset.
  public var offsetMean: BoxOffset

  /// What an offset is divided by afterwards.
  public var offsetDeviation: BoxOffset

  /// How boxes become offsets, and sides are measured.
  public var coder: BoxCoder

  /// Makes a creator; what is left out is as in simple-faster-rcnn.
  ///
  /// - Parameters:
  ///   - matcher: How RoIs are matched with ground truth.
  ///   - sampler: How many RoIs of a picture are trained on.
  ///   - appendsGroundTruth: Whether the ground truth boxes themselves are RoIs.
  ///   - firstLabel: The label of the first class in the data.
  ///   - offsetMean: What is subtracted from an offset.
  ///   - offsetDeviation: What an offset is divided by afterwards.
  ///   - coder: How boxes become offsets.
  public init(
    matcher: Matcher = .rois, sampler: Sampler = .rois, appendsGroundTruth: Bool = true,
    firstLabel: Int = 0, offsetMean: BoxOffset = BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0),
    offsetDeviation: BoxOffset = BoxOffset(dy: 0.1, dx: 0.1, dh: 0.2, dw: 0.2),
    coder: BoxCoder = BoxCoder()
  ) {
    self.matcher = matcher
    self.sampler = sampler
    self.appendsGroundTruth = appendsGroundTruth
    self.firstLabel = firstLabel
    self.offsetMean = offsetMean
    self.offsetDeviation = offsetDeviation
    self.coder = coder
  }

  /// Finds the object that each proposal overlaps most, its class, and the offset to it.
  ///
  /// - Parameters:
  ///   - groundTruth: The objects of the picture, in pixels of the resized picture.
  ///   - labels: The class of each object, from `firstLabel` on.
  ///   - proposals: What the region proposal network proposed, in the same pixels.
  /// - Returns: An object, an overlap, a class and an offset for each RoI.
  public func assign(
    _ groundTruth: [BoundingBox], labels: [Int], to proposals: [BoundingBox]
  ) -> ProposalAssignment {
    precondition(
      groundTruth.count == labels.count, "\(groundTruth.count) objects have \(labels.count) labels")
    let rois = appendsGroundTruth ? proposals + groundTruth : proposals
    let matches = matcher.match(rois, with: groundTruth, sides: coder.sides)
    var indices = [Int?](repeating: nil, count: rois.count)
    var largest = [Float](repeating: -1, count: rois.count)
    var classes = [Int](repeating: 0, count: rois.count)
    var offsets = [BoxOffset](repeating: .none, count: rois.count)
    for (row, roi) in rois.enumerated() where roi.isFinite {
      guard let index = matches.groundTruthIndices[row] else {
        largest[row] = 0
        continue
      }
      let offset = normalised(coder.encode(groundTruth[index], relativeTo: roi))
      // Coordinates near the largest float: there is nothing to train towards.
      guard offset.isFinite else { continue }
      precondition(
        labels[index] >= firstLabel,
        "object \(index) has label \(labels[index]), below the first, \(firstLabel)")
      indices[row] = index
      largest[row] = matches.overlaps[row]
      classes[row] = labels[index] - firstLabel + 1
      offsets[row] = offset
    }
    return ProposalAssignment(
      rois: rois, groundTruthIndices: indices, overlaps: largest, labels: classes, offsets: offsets)
  }

  /// Draws objects and fills up with background.
  ///
  /// The sample is smaller than the sampler's count where there is not enough background.
  ///
  /// - Parameters:
  ///   - assignment: What `assign` gave.
  ///   - generator: Where the randomness comes from; the same state gives the same sample.
  /// - Returns: The drawn RoIs, objects first, the label of background set to 0.
  public func sample(
    _ assignment: ProposalAssignment, using generator: inout some RandomNumberGenerator
  ) -> ProposalSample {
    let rois = assignment.rois.indices
    let positives = rois.filter {
      assignment.groundTruthIndices[$0] != nil
        && matcher.label(ofOverlap: assignment.overlaps[$0]) == .foreground
    }
    let negatives = rois.filter {
      matcher.label(ofOverlap: assignment.overlaps[$0]) == .background
    }
    let counts = sampler.counts(positives: positives.count, negatives: negatives.count)
    let drawnPositives = positives.drawing(counts.positives, using: &generator)
    let drawnNegatives = negatives.drawing(counts.negatives, using: &generator)
    let indices = drawnPositives + drawnNegatives
    return ProposalSample(
      indices: indices, rois: indices.map { assignment.rois[$0] },
      labels: drawnPositives.map { assignment.labels[$0] } + drawnNegatives.map { _ in 0 },
      offsets: indices.map { assignment.offsets[$0] }, positiveCount: drawnPositives.count)
  }

  private func normalised(_ offset: BoxOffset) -> BoxOffset {
    BoxOffset(
      dy: (offset.dy - offsetMean.dy) / offsetDeviation.dy,
      dx: (offset.dx - offsetMean.dx) / offsetDeviation.dx,
      dh: (offset.dh - offsetMean.dh) / offsetDeviation.dh,
      dw: (offset.dw - offsetMean.dw) / offsetDeviation.dw)
  }
}
