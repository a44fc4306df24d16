import Detection

// The library reads spans; tests hold arrays, often temporary ones.

extension ProposalCreator {
  /// The proposals of a batch, whose maps follow each other picture by picture.
  func propose(
    offsets: [Float], scores: [Float], grids: [AnchorGrid], frames: [ImageFrame]
  ) -> RegionProposals {
    var creator = self
    var proposals = RegionProposals()
    var (offsets, scores) = (offsets[...], scores[...])
    for (image, frame) in frames.enumerated() {
      creator.begin(frame)
      for grid in grids {
        let logitCount = settings.layout.channelsPerAnchor * grid.count
        creator.add(
          offsets: Array(offsets.prefix(4 * grid.count)).span,
          scores: Array(scores.prefix(logitCount)).span, grid: grid)
        offsets = offsets.dropFirst(4 * grid.count)
        scores = scores.dropFirst(logitCount)
      }
      creator.finish(image: image, into: &proposals)
    }
    return proposals
  }
}

extension ClassBoxDecoder {
  func decode(
    logits: [Float], offsets: [Float], logitCount: Int, rois: [BoundingBox], frame: ImageFrame
  ) -> [ClassifiedBox] {
    decode(
      logits: logits.span, offsets: offsets.span, logitCount: logitCount, rois: rois[...],
      frame: frame)
  }
}
