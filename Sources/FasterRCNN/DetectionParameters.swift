/// What a caller may choose for one picture; `nil` is the model's own setting.
public struct DetectionParameters: Sendable, Hashable {
  /// Objects at or below this score are dropped.
  public var scoreThreshold: Float?

  /// Two boxes of one class that overlap (IoU) by more than this are one object.
  public var nmsThreshold: Float?

  /// At most this many objects are kept, the best ones.
  public var maximumDetections: Int?

  /// The classes to look for, counted from 0; all where it is `nil`.
  public var classes: Set<Int>?

  /// Whether objects of different classes suppress each other too.
  public var isClassAgnostic: Bool?

  /// The best so many candidates enter the RPN's non-maximum suppression.
  public var proposalCountBeforeNMS: Int?

  /// At most so many proposals leave it.
  public var proposalCountAfterNMS: Int?

  /// Two candidates that overlap (IoU) by more than this are one proposal.
  public var proposalNMSThreshold: Float?

  /// Candidates with a shorter side are dropped; in pixels of the frame that the family measures in,
  /// the original picture's for most.
  public var proposalMinimumSide: Float?

  /// Whether the RoI head runs; a result without it has proposals and no objects.
  public var findsObjects = true

  /// Whether the result carries the feature map, to be given back later as `.features`.
  public var includesFeatures: Bool

  /// Whether the result carries the networks' raw outputs, from which an answer can be explained.
  public var includesEvidence = false

  /// Makes a set of parameters; everything left out is the model's own setting.
  public init(
    scoreThreshold: Float? = nil, nmsThreshold: Float? = nil, maximumDetections: Int? = nil,
    classes: Set<Int>? = nil, includesFeatures: Bool = false
  ) {
    self.scoreThreshold = scoreThreshold
    self.nmsThreshold = nmsThreshold
    self.maximumDetections = maximumDetections
    self.classes = classes
    self.includesFeatures = includesFeatures
  }
}
