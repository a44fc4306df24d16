/// How many candidates enter non-maximum suppression, and how many proposals leave it.
public struct ProposalCounts: Sendable, Hashable {
  /// The best so many candidates of each feature map enter non-maximum suppression.
  public var beforeNMS: Int

  /// At most so many proposals, of all maps together, leave it.
  public var afterNMS: Int

  /// Makes a pair of counts.
  public init(beforeNMS: Int, afterNMS: Int) {
    self.beforeNMS = beforeNMS
    self.afterNMS = afterNMS
  }
}

/// What candidates are ranked by; the two orders differ.
public enum ProposalRanking: Sendable, Hashable {
  /// The probability of the foreground: softmax of two logits, or the sigmoid of one, which is 1 for
  /// all logits above some 17 (MMDetection).
  case foregroundProbability
  /// The raw foreground logit, whatever the background logit is (chainercv, torchvision, Detectron2).
  case foregroundLogit
}

/// When small boxes are dropped.
public enum ProposalStepOrder: Sendable, Hashable {
  /// Decode, clip, drop small boxes, then take the best.
  case filterThenRank
  /// Take the best, then decode, clip and drop small boxes (torchvision, Detectron2, MMDetection).
  case rankThenFilter
}

/// How the RPN's outputs become proposals.
public struct ProposalSettings: Sendable, Hashable {
  /// How the score maps are laid out.
  public var layout: ObjectnessLayout

  /// What the candidates of one feature map are ranked by.
  public var ranking: ProposalRanking

  /// What the proposals of several feature maps are ranked by, when the best of all are taken.
  public var mergeRanking: ProposalRanking

  /// When small boxes are dropped.
  public var stepOrder: ProposalStepOrder

  /// The side below which a box is dropped; `nil` keeps every one.
  public var minimumSide: MinimumSide?

  /// Candidates with a probability below this are dropped before suppression; `nil` keeps every one.
  public var minimumObjectness: Float?

  /// How overlapping candidates of one feature map are thinned.
  public var nms: NonMaximumSuppression

  /// How many candidates enter non-maximum suppression, and how many proposals leave it.
  public var counts: ProposalCounts

  /// Makes settings; what is left out is as in simple-faster-rcnn, at test time.
  public init(
    layout: ObjectnessLayout = .interleavedPairs,
    ranking: ProposalRanking = .foregroundProbability,
    mergeRanking: ProposalRanking = .foregroundProbability,
    stepOrder: ProposalStepOrder = .filterThenRank,
    minimumSide: MinimumSide? = MinimumSide(length: 16, scalesWithImage: true),
    minimumObjectness: Float? = nil,
    nms: NonMaximumSuppression = NonMaximumSuppression(iouThreshold: 0.7),
    counts: ProposalCounts = ProposalCounts(beforeNMS: 6_000, afterNMS: 300)
  ) {
    self.layout = layout
    self.ranking = ranking
    self.mergeRanking = mergeRanking
    self.stepOrder = stepOrder
    self.minimumSide = minimumSide
    self.minimumObjectness = minimumObjectness
    self.nms = nms
    self.counts = counts
  }
}
