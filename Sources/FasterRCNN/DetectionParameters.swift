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

  /// Whether the result carries the feature map, to be given back later as `.features`.
  public var includesFeatures: Bool

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
