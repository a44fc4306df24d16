extension DetectionProfile {
  /// How offsets become boxes, for anchors and for RoIs.
  public var coder: BoxCoder { BoxCoder(sides: sides, maximumLogScale: maximumLogScale) }

  /// The settings of ProposalCreator at test time.
  public var testProposalSettings: ProposalSettings { proposalSettings(counts: testCounts) }

  /// The settings of ProposalCreator in training.
  public var trainProposalSettings: ProposalSettings { proposalSettings(counts: trainCounts) }

  private func proposalSettings(counts: ProposalCounts) -> ProposalSettings {
    ProposalSettings(
      counts: counts,
      nms: NonMaximumSuppression(
        iouThreshold: proposalNMSThreshold, boundary: nmsBoundary, sides: sides),
      coder: coder, offsetOrder: offsetOrder, objectnessLayout: objectnessLayout,
      ranking: proposalRanking, stepOrder: proposalStepOrder, minimumSide: proposalMinimumSide,
      clipping: clipping)
  }

  /// The settings of ClassBoxDecoder.
  public var classBoxSettings: ClassBoxSettings {
    ClassBoxSettings(
      layout: classLayout, offsetOrder: offsetOrder, offsetStd: classOffsetStd, coder: coder,
      decodingFrame: classDecodingFrame, clipping: clipping, clippingStage: classClippingStage,
      minimumSide: classMinimumSide,
      scoreThreshold: scoreThreshold,
      nms: NonMaximumSuppression(
        iouThreshold: classNMSThreshold, boundary: nmsBoundary, sides: sides),
      maximumDetections: maximumDetections)
  }
}
