/// What one family of implementations does between the networks' outputs and the boxes.
///
/// Checkpoints of two families can have the same names and shapes and mean different things; a
/// profile states the meaning as data, each fact once, so that no algorithm asks for a family.
/// Preprocessing and the backbone are not part of it.
public struct DetectionProfile: Sendable, Hashable {
  /// The feature maps that the RPN looks at, from the finest; one unless there is a feature pyramid.
  public var levels: [AnchorLevel]

  /// How offsets become boxes, for anchors and for RoIs, at test time and in training.
  public var coder: BoxCoder

  /// How the RPN's outputs become proposals.
  public var proposals: ProposalSettings

  /// How the features of RoIs are gathered.
  public var roi: RoISettings

  /// How the RoI head's outputs become objects.
  public var classes: ClassBoxSettings

  /// What is different in training.
  public var training: TrainingTargets

  /// Makes a profile; what is left out is as in simple-faster-rcnn.
  public init(
    levels: [AnchorLevel] = [AnchorLevel(anchors: AnchorSettings(), stride: .fixed(16))],
    coder: BoxCoder = BoxCoder(), proposals: ProposalSettings = ProposalSettings(),
    roi: RoISettings = RoISettings(), classes: ClassBoxSettings = ClassBoxSettings(),
    training: TrainingTargets = TrainingTargets()
  ) {
    self.levels = levels
    self.coder = coder
    self.proposals = proposals
    self.roi = roi
    self.classes = classes
    self.training = training
  }

  /// The settings of ProposalCreator in training.
  public var trainingProposals: ProposalSettings {
    var settings = proposals
    settings.counts = training.proposalCounts
    return settings
  }

  /// What chooses the RPN's targets.
  public var anchorTargets: AnchorTargetCreator {
    AnchorTargetCreator(
      matcher: training.anchorMatcher, sampler: training.anchorSampler,
      keepsInsideAnchorsOnly: training.keepsInsideAnchorsOnly, coder: coder)
  }

  /// What chooses the head's targets, from labels that count from `firstLabel`.
  public func proposalTargets(firstLabel: Int = 0) -> ProposalTargetCreator {
    ProposalTargetCreator(
      matcher: training.roiMatcher, sampler: training.roiSampler,
      appendsGroundTruth: training.appendsGroundTruth, firstLabel: firstLabel,
      offsetMean: classes.offsetMean, offsetDeviation: classes.offsetStd, coder: coder)
  }
}
