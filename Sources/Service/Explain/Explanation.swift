internal import Detection
internal import FasterRCNN

/// What became of a place in a picture, from the networks' outputs on.
struct Explanation {
  let place: ExplainedPlace
  let evidence: DetectionEvidence
  let proposals: ProposalTrace
  /// `nil` where there were no proposals for the head to look at.
  let classes: ClassBoxTrace?

  /// The anchors nearest to the place.
  let anchors: [Int]
  /// The anchors whose candidates, after decoding and clipping, are nearest to the place.
  let candidates: [Int]
  /// The proposals nearest to the place.
  let nearestProposals: [Int]
  /// The detections nearest to the place.
  let detections: [Int]

  /// All anchors, clipped not, in pixels of the original picture.
  let anchorBoxes: [BoundingBox]
  /// The candidate of each anchor, in pixels of the original picture.
  let candidateBoxes: [BoundingBox]
  /// How many objects there are, bounded as the request wished.
  let detectionCount: Int

  /// Traces an answer.
  ///
  /// - Parameters:
  ///   - evidence: the networks' outputs.
  ///   - place: what is asked about.
  ///   - count: how many of each kind are told of.
  init(_ evidence: DetectionEvidence, place: ExplainedPlace, count: Int) {
    let frame = evidence.frame
    let trace = ProposalTrace(
      evidence.levels, frame: frame, settings: evidence.proposalSettings, coder: evidence.coder)
    func original(_ box: BoundingBox) -> BoundingBox {
      box.divided(yScale: frame.yScale, xScale: frame.xScale)
    }
    let anchorBoxes = evidence.levels.flatMap { $0.grid.anchors.map(original) }
    let candidateBoxes = trace.boxes.map {
      original($0).clipped(yLimit: frame.originalHeight, xLimit: frame.originalWidth)
    }
    let classes =
      evidence.logitCount == 0
      ? nil
      : ClassBoxTrace(
        logits: evidence.classLogits, offsets: evidence.classOffsets,
        logitCount: evidence.logitCount, rois: evidence.rois, frame: frame,
        settings: evidence.classBoxSettings, coder: evidence.coder)
    let objects = (classes?.objects ?? []).prefix(classes?.detectionCount ?? 0)

    self.place = place
    self.evidence = evidence
    self.classes = classes
    self.anchorBoxes = anchorBoxes
    self.candidateBoxes = candidateBoxes
    proposals = trace
    detectionCount = objects.count
    anchors = place.nearest(anchorBoxes, count: count) { _ in true }
    candidates = place.nearest(candidateBoxes, count: count) {
      !trace.isUnusable($0)
    }
    nearestProposals = place.nearest(
      trace.proposedAnchors.map { candidateBoxes[$0] }, count: count
    ) { _ in true }
    detections = place.nearest(objects.map(\.box), count: count) { _ in true }
  }
}
