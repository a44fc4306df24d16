/// How many candidates enter non-maximum suppression, and how many proposals leave it.
public struct ProposalCounts: Sendable, Hashable {
  /// The best so many candidates enter non-maximum suppression.
  public var beforeNMS: Int

  /// At most so many proposals leave it.
  public var afterNMS: Int

  /// Makes a pair of counts.
  public init(beforeNMS: Int, afterNMS: Int) {
    self.beforeNMS = beforeNMS
    self.afterNMS = afterNMS
  }

  /// Training: 12,000 and 2,000 (notes 001 and 002, and the paper).
  public static let train12000To2000 = ProposalCounts(beforeNMS: 12_000, afterNMS: 2_000)

  /// Test: 6,000 and 300 (notes 001 and 002, and the paper).
  public static let test6000To300 = ProposalCounts(beforeNMS: 6_000, afterNMS: 300)

  /// Training: 12,000 and 600 (note 004).
  public static let train12000To600 = ProposalCounts(beforeNMS: 12_000, afterNMS: 600)

  /// Test: 3,000 and 300 (note 004).
  public static let test3000To300 = ProposalCounts(beforeNMS: 3_000, afterNMS: 300)

  /// Training: 2,000 and 2,000 (torchvision).
  public static let train2000To2000 = ProposalCounts(beforeNMS: 2_000, afterNMS: 2_000)

  /// Test: 1,000 and 1,000 (torchvision).
  public static let test1000To1000 = ProposalCounts(beforeNMS: 1_000, afterNMS: 1_000)

  /// Test: 6,000 and 1,000 (detectron2's C4 models).
  public static let test6000To1000 = ProposalCounts(beforeNMS: 6_000, afterNMS: 1_000)
}

/// How the RPN's score map is laid out; A is the number of anchors in a cell.
public enum ObjectnessLayout: Sendable, Hashable {
  /// 2A channels: background and foreground logit of each anchor in turn.
  case interleavedPairs
  /// 2A channels: A background logits, then A foreground logits.
  case blockedPairs
  /// A channels: one logit for each anchor, whose sigmoid is the objectness.
  case single

  /// The number of channels of the score map for each anchor.
  public var channelsPerAnchor: Int {
    switch self {
    case .interleavedPairs, .blockedPairs: 2
    case .single: 1
    }
  }
}

/// What candidates are ranked by; the two orders differ.
public enum ProposalRanking: Sendable, Hashable {
  /// The softmax probability of the foreground; with a single logit that logit itself.
  case foregroundProbability
  /// The raw foreground logit, whatever the background logit is (chainercv, note 002, torchvision).
  case foregroundLogit
}

/// When small boxes are dropped.
public enum ProposalStepOrder: Sendable, Hashable {
  /// Decode, clip, drop small boxes, then take the best.
  case filterThenRank
  /// Take the best, then decode, clip and drop small boxes (torchvision, detectron2).
  case rankThenFilter
}

/// The sides below which a box is dropped.
public struct MinimumSide: Sendable, Hashable {
  /// The least side in pixels of the original picture, or of the resized one.
  public var length: Float

  /// Whether `length` is multiplied by the picture's scale: it is then one of the original picture.
  public var scalesWithImage: Bool

  /// Whether a side of exactly this length is dropped too.
  public var isExclusive: Bool

  /// Makes a bound.
  public init(length: Float, scalesWithImage: Bool = false, isExclusive: Bool = false) {
    self.length = length
    self.scalesWithImage = scalesWithImage
    self.isExclusive = isExclusive
  }

  /// The least side that is kept: above a length means at or above the next float after it.
  func bound(scale: Float) -> Float {
    let bound = scalesWithImage ? length * scale : length
    return isExclusive ? bound.nextUp : bound
  }
}

/// The outermost coordinates that a clipped box may have.
public enum ClippingLimit: Sendable, Hashable {
  /// 0 and the picture's side: coordinates are edges.
  case edge
  /// 0 and the picture's side - 1: coordinates are pixels (py-faster-rcnn).
  case lastPixel

  /// The greatest coordinate along a side of a picture.
  public func limit(_ side: Float) -> Float {
    switch self {
    case .edge: max(side, 0)
    case .lastPixel: max(side - 1, 0)
    }
  }
}

/// How the RPN's outputs become proposals.
public struct ProposalSettings: Sendable, Hashable {
  /// How many candidates enter non-maximum suppression, and how many proposals leave it.
  public var counts: ProposalCounts

  /// How overlapping candidates are thinned; its sides also measure the minimum side.
  public var nms: NonMaximumSuppression

  /// How offsets become boxes.
  public var coder: BoxCoder

  /// The order in which the four offsets of an anchor are stored.
  public var offsetOrder: CoordinateOrder

  /// How the score map is laid out.
  public var objectnessLayout: ObjectnessLayout

  /// What candidates are ranked by.
  public var ranking: ProposalRanking

  /// When small boxes are dropped.
  public var stepOrder: ProposalStepOrder

  /// The side below which a candidate is dropped; `nil` keeps every one.
  public var minimumSide: MinimumSide?

  /// The outermost coordinates.
  public var clipping: ClippingLimit

  /// Makes settings; what is left out is as in note 001, at test time.
  public init(
    counts: ProposalCounts = .test6000To300,
    nms: NonMaximumSuppression = NonMaximumSuppression(iouThreshold: 0.7),
    coder: BoxCoder = BoxCoder(), offsetOrder: CoordinateOrder = .yxyx,
    objectnessLayout: ObjectnessLayout = .interleavedPairs,
    ranking: ProposalRanking = .foregroundProbability,
    stepOrder: ProposalStepOrder = .filterThenRank,
    minimumSide: MinimumSide? = MinimumSide(length: 16, scalesWithImage: true),
    clipping: ClippingLimit = .edge
  ) {
    self.counts = counts
    self.nms = nms
    self.coder = coder
    self.offsetOrder = offsetOrder
    self.objectnessLayout = objectnessLayout
    self.ranking = ranking
    self.stepOrder = stepOrder
    self.minimumSide = minimumSide
    self.clipping = clipping
  }
}
