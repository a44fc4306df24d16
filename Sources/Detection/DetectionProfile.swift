/// What one family of implementations does between the networks' outputs and the boxes.
///
/// Checkpoints of two families can have the same names and shapes and mean different things; a
/// profile states the meaning as data, so that no algorithm asks for a family. Preprocessing and
/// the backbone are not part of it.
public struct DetectionProfile: Sendable, Hashable {
  /// A feature map that the region proposal network looks at.
  public struct Level: Sendable, Hashable {
    /// The pixels of the resized picture from one cell to the next.
    public var featureStride: Int

    /// The anchors of a cell.
    public var anchors: AnchorSettings

    /// Makes a level.
    public init(featureStride: Int, anchors: AnchorSettings) {
      self.featureStride = featureStride
      self.anchors = anchors
    }
  }

  /// How coordinates of an RoI become coordinates of the feature map.
  public enum RoIScale: Sendable, Hashable {
    /// Divided by the feature stride.
    case featureStride
    /// Multiplied by the ratio of the feature map's size to the picture's, for each axis.
    case featureMapRatio
  }

  /// The name that a user gives, as `simple-faster-rcnn`.
  public var name: String

  /// The feature maps, from the finest; one unless there is a feature pyramid.
  public var levels: [Level]

  /// The order of the four offsets, of the RPN and of the RoI head.
  public var offsetOrder: CoordinateOrder

  /// How sides are measured: in coding, overlap, and the test of the minimum side.
  public var sides: SideConvention

  /// The upper bound of dh and dw; `nil` for none.
  public var maximumLogScale: Float?

  /// The outermost coordinates of a clipped box.
  public var clipping: ClippingLimit

  /// How the score map is laid out.
  public var objectnessLayout: ObjectnessLayout

  /// What candidates are ranked by.
  public var proposalRanking: ProposalRanking

  /// When small candidates are dropped.
  public var proposalStepOrder: ProposalStepOrder

  /// The side below which a candidate is dropped; `nil` keeps every one.
  public var proposalMinimumSide: MinimumSide?

  /// How many candidates and proposals there are at test time.
  public var testCounts: ProposalCounts

  /// How many candidates and proposals there are in training.
  public var trainCounts: ProposalCounts

  /// The IoU threshold among candidates.
  public var proposalNMSThreshold: Float

  /// Whether an IoU equal to the threshold suppresses, among candidates and among objects.
  public var nmsBoundary: NonMaximumSuppression.Boundary

  /// How the features of an RoI are gathered.
  public var roiOperator: RoIPooling.Operator

  /// The number of bins along each side of an RoI.
  public var roiSize: Int

  /// How coordinates of an RoI become coordinates of the feature map.
  public var roiScale: RoIScale

  /// Where RoIPool takes corners that lie halfway between two cells of the feature map.
  public var roiCornerRounding: FloatingPointRoundingRule

  /// How the RoI head's columns map to classes.
  public var classLayout: ClassLayout

  /// What each class offset is multiplied by.
  public var classOffsetStd: BoxOffset

  /// The frame in which class offsets are applied.
  public var classDecodingFrame: DecodingFrame

  /// When class boxes are clipped.
  public var classClippingStage: ClippingStage

  /// The side below which an object is dropped; `nil` keeps every one.
  public var classMinimumSide: MinimumSide?

  /// Objects at or below this score are dropped where the user says nothing.
  public var scoreThreshold: Float

  /// The IoU threshold among objects of one class where the user says nothing.
  public var classNMSThreshold: Float

  /// The most objects that are kept where the user says nothing; `nil` for no bound.
  public var maximumDetections: Int?

  /// Makes a profile; what is left out is as in note 001.
  public init(
    name: String, levels: [Level] = [Level(featureStride: 16, anchors: AnchorSettings())],
    offsetOrder: CoordinateOrder = .yxyx, sides: SideConvention = .halfOpen,
    maximumLogScale: Float? = nil, clipping: ClippingLimit = .edge,
    objectnessLayout: ObjectnessLayout = .interleavedPairs,
    proposalRanking: ProposalRanking = .foregroundProbability,
    proposalStepOrder: ProposalStepOrder = .filterThenRank,
    proposalMinimumSide: MinimumSide? = MinimumSide(length: 16, scalesWithImage: true),
    testCounts: ProposalCounts = .test6000To300, trainCounts: ProposalCounts = .train12000To2000,
    proposalNMSThreshold: Float = 0.7, nmsBoundary: NonMaximumSuppression.Boundary = .above,
    roiOperator: RoIPooling.Operator = .pool, roiSize: Int = 7, roiScale: RoIScale = .featureStride,
    roiCornerRounding: FloatingPointRoundingRule = .toNearestOrAwayFromZero,
    classLayout: ClassLayout = ClassLayout(),
    classOffsetStd: BoxOffset = BoxOffset(dy: 0.1, dx: 0.1, dh: 0.2, dw: 0.2),
    classDecodingFrame: DecodingFrame = .original, classClippingStage: ClippingStage = .beforeNMS,
    classMinimumSide: MinimumSide? = nil,
    scoreThreshold: Float = 0.05, classNMSThreshold: Float = 0.3, maximumDetections: Int? = nil
  ) {
    self.name = name
    self.levels = levels
    self.offsetOrder = offsetOrder
    self.sides = sides
    self.maximumLogScale = maximumLogScale
    self.clipping = clipping
    self.objectnessLayout = objectnessLayout
    self.proposalRanking = proposalRanking
    self.proposalStepOrder = proposalStepOrder
    self.proposalMinimumSide = proposalMinimumSide
    self.testCounts = testCounts
    self.trainCounts = trainCounts
    self.proposalNMSThreshold = proposalNMSThreshold
    self.nmsBoundary = nmsBoundary
    self.roiOperator = roiOperator
    self.roiSize = roiSize
    self.roiScale = roiScale
    self.roiCornerRounding = roiCornerRounding
    self.classLayout = classLayout
    self.classOffsetStd = classOffsetStd
    self.classDecodingFrame = classDecodingFrame
    self.classClippingStage = classClippingStage
    self.classMinimumSide = classMinimumSide
    self.scoreThreshold = scoreThreshold
    self.classNMSThreshold = classNMSThreshold
    self.maximumDetections = maximumDetections
  }
}
