import Detection

// The library reads spans; tests hold arrays, often temporary ones.

extension ProposalCreator {
  func propose(
    offsets: [Float], scores: [Float], grids: [AnchorGrid], frames: [ImageFrame]
  ) -> RegionProposals {
    propose(offsets: offsets.span, scores: scores.span, grids: grids, frames: frames)
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
