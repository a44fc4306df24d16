internal import Tensors

/// Chooses the proposals on which the head is trained, and what towards (notes 000, 001 and 002).
///
/// `assign` finds each proposal's object and draws nothing at random; `sample` draws a batch with a
/// bounded share of objects. Source: Girshick, Fast R-CNN, 2015, section 2.3.
///
/// Ground truth without area, or with a coordinate that is not finite, is passed over; without any
/// other, every RoI is background. RoIs with a coordinate that is not finite are never drawn.
public struct ProposalTargetCreator: Sendable, Hashable {
  /// How many RoIs of a picture are trained on.
  public var sampleCount: Int

  /// The largest part of the sample that is objects.
  public var positiveShare: Double

  /// How `positiveShare * sampleCount` becomes a whole number: half to even as NumPy's `round`
  /// (notes 000 and 001), or towards zero as `int` (note 002).
  public var shareRounding: FloatingPointRoundingRule

  /// An RoI that overlaps a ground truth by at least this is an object.
  public var positiveThreshold: Float

  /// An RoI whose largest overlap is in this range is background.
  public var negativeOverlaps: Range<Float>

  /// Whether the ground truth boxes themselves are RoIs.
  public var appendsGroundTruth: Bool

  /// The label of the first class in the data: 0 in notes 000 and 001, 1 in note 002.
  ///
  /// The head's class is `label - firstLabel + 1`, because its class 0 is background.
  public var firstLabel: Int

  /// What is subtracted from an offset.
  public var offsetMean: BoxOffset

  /// What an offset is divided by afterwards.
  public var offsetDeviation: BoxOffset

  /// How boxes become offsets, and sides are measured.
  public var coder: BoxCoder

  /// Makes a creator with the settings of note 001 where nothing else is said.
  ///
  /// - Parameters:
  ///   - sampleCount: How many RoIs of a picture are trained on.
  ///   - positiveShare: The largest part of the sample that is objects, 0 to 1.
  ///   - shareRounding: How that part of `sampleCount` becomes a whole number.
  ///   - positiveThreshold: An RoI that overlaps a ground truth by at least this is an object.
  ///   - negativeOverlaps: An RoI whose largest overlap is in this range is background.
  ///   - appendsGroundTruth: Whether the ground truth boxes themselves are RoIs.
  ///   - firstLabel: The label of the first class in the data.
  ///   - offsetMean: What is subtracted from an offset.
  ///   - offsetDeviation: What an offset is divided by afterwards.
  ///   - coder: How boxes become offsets.
  public init(
    sampleCount: Int = 128, positiveShare: Double = 0.25,
    shareRounding: FloatingPointRoundingRule = .toNearestOrEven, positiveThreshold: Float = 0.5,
    negativeOverlaps: Range<Float> = 0..<0.5, appendsGroundTruth: Bool = true, firstLabel: Int = 0,
    offsetMean: BoxOffset = BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0),
    offsetDeviation: BoxOffset = BoxOffset(dy: 0.1, dx: 0.1, dh: 0.2, dw: 0.2),
    coder: BoxCoder = BoxCoder()
  ) {
    precondition(
      sampleCount >= 0 && (0...1).contains(positiveShare),
      "no sample: \(sampleCount) RoIs, of which \(positiveShare) objects")
    self.sampleCount = sampleCount
    self.positiveShare = positiveShare
    self.shareRounding = shareRounding
    self.positiveThreshold = positiveThreshold
    self.negativeOverlaps = negativeOverlaps
    self.appendsGroundTruth = appendsGroundTruth
    self.firstLabel = firstLabel
    self.offsetMean = offsetMean
    self.offsetDeviation = offsetDeviation
    self.coder = coder
  }

  /// Note 000, as bubbliiiing trains: half of the sample may be objects.
  public static let note000 = ProposalTargetCreator(positiveShare: 0.5)

  /// Note 001, as simple-faster-rcnn trains: a quarter of the sample may be objects.
  public static let note001 = ProposalTargetCreator()

  /// Note 002: ground truth is not appended, offsets are not normalised, labels start at 1.
  public static let note002 = ProposalTargetCreator(
    shareRounding: .towardZero, appendsGroundTruth: false, firstLabel: 1,
    offsetDeviation: BoxOffset(dy: 1, dx: 1, dh: 1, dw: 1))

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
    let overlaps = GroundTruthOverlaps(of: rois, with: groundTruth, sides: coder.sides)
    var indices = [Int?](repeating: nil, count: rois.count)
    var largest = [Float](repeating: -1, count: rois.count)
    var classes = [Int](repeating: 0, count: rois.count)
    var offsets = [BoxOffset](repeating: .none, count: rois.count)
    for (row, roi) in rois.enumerated() where roi.isFinite {
      guard let column = overlaps.bestGroundTruths[row] else {
        largest[row] = 0
        continue
      }
      let index = overlaps.groundTruthIndices[column]
      let offset = normalised(coder.encode(groundTruth[index], relativeTo: roi))
      // Coordinates near the largest float: there is nothing to train towards.
      guard offset.isFinite else { continue }
      precondition(
        labels[index] >= firstLabel,
        "object \(index) has label \(labels[index]), below the first, \(firstLabel)")
      indices[row] = index
      largest[row] = overlaps.largest[row]
      classes[row] = labels[index] - firstLabel + 1
      offsets[row] = offset
    }
    return ProposalAssignment(
      rois: rois, groundTruthIndices: indices, overlaps: largest, labels: classes, offsets: offsets)
  }

  /// Draws objects, at most `positiveShare` of `sampleCount`, and fills up with background.
  ///
  /// The sample is smaller than `sampleCount` where there is not enough background.
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
      assignment.groundTruthIndices[$0] != nil && assignment.overlaps[$0] >= positiveThreshold
    }
    let negatives = rois.filter { negativeOverlaps.contains(assignment.overlaps[$0]) }
    let maximumPositiveCount = Int((positiveShare * Double(sampleCount)).rounded(shareRounding))
    let drawnPositives = positives.drawing(maximumPositiveCount, using: &generator)
    let drawnNegatives = negatives.drawing(sampleCount - drawnPositives.count, using: &generator)
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
