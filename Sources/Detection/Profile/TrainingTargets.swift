/// What a family trains its networks towards: how anchors and RoIs are matched with ground truth, how
/// many of them are drawn, and what an error costs.
public struct TrainingTargets: Sendable, Hashable {
  /// How many candidates and proposals there are in training.
  public var proposalCounts: ProposalCounts

  /// How anchors are matched with ground truth.
  public var anchorMatcher: Matcher

  /// How many anchors of a picture are trained on.
  public var anchorSampler: Sampler

  /// Whether anchors that cross the edge of the picture are left out.
  public var keepsInsideAnchorsOnly: Bool

  /// How RoIs are matched with ground truth.
  public var roiMatcher: Matcher

  /// How many RoIs of a picture are trained on.
  public var roiSampler: Sampler

  /// Whether the ground truth boxes themselves are RoIs.
  public var appendsGroundTruth: Bool

  /// What the RPN's errors cost.
  public var anchorLoss: RPNLoss

  /// What the head's errors cost.
  public var roiLoss: RoILoss

  /// Makes targets; what is left out is as in simple-faster-rcnn.
  public init(
    proposalCounts: ProposalCounts = ProposalCounts(beforeNMS: 12_000, afterNMS: 2_000),
    anchorMatcher: Matcher = .anchors, anchorSampler: Sampler = .anchors,
    keepsInsideAnchorsOnly: Bool = true, roiMatcher: Matcher = .rois, roiSampler: Sampler = .rois,
    appendsGroundTruth: Bool = true,
    anchorLoss: RPNLoss = RPNLoss(sigma: 3, normalisation: .sampledCount, lambda: 1),
    roiLoss: RoILoss = RoILoss(normalisation: .sampledCount, lambda: 1)
  ) {
    self.proposalCounts = proposalCounts
    self.anchorMatcher = anchorMatcher
    self.anchorSampler = anchorSampler
    self.keepsInsideAnchorsOnly = keepsInsideAnchorsOnly
    self.roiMatcher = roiMatcher
    self.roiSampler = roiSampler
    self.appendsGroundTruth = appendsGroundTruth
    self.anchorLoss = anchorLoss
    self.roiLoss = roiLoss
  }
}
