/// How the RoI head's columns map to classes; K is the number of classes without background.
public struct ClassLayout: Sendable, Hashable {
  /// Where the background is among the K + 1 class logits.
  public enum Background: Sendable, Hashable {
    /// Logit 0 is the background, logit k + 1 is class k.
    case first
    /// Logit K is the background, logit k is class k (Detectron2, MMDetection).
    case last
  }

  /// Which offsets there are for each RoI.
  public enum Offsets: Sendable, Hashable {
    /// Four for each of the K + 1 logits, in the same order.
    case perLogit
    /// Four for each of the K classes, none for the background (Detectron2, MMDetection).
    case perClass
    /// Four in all, whatever the class.
    case shared
  }

  /// Where the background is among the class logits.
  public var background: Background

  /// Which offsets there are for each RoI.
  public var offsets: Offsets

  /// Makes a layout.
  public init(background: Background = .first, offsets: Offsets = .perLogit) {
    self.background = background
    self.offsets = offsets
  }

  /// The column of a class among the logits.
  public func logitColumn(ofClass classID: Int) -> Int {
    switch background {
    case .first: classID + 1
    case .last: classID
    }
  }

  /// The first of the four columns of a class among the offsets.
  public func offsetColumn(ofClass classID: Int) -> Int {
    switch offsets {
    case .perLogit: 4 * logitColumn(ofClass: classID)
    case .perClass: 4 * classID
    case .shared: 0
    }
  }

  /// Counts the offsets of one RoI.
  ///
  /// - Parameter logitCount: the number of class logits, K + 1.
  /// - Returns: the number of columns of the offsets.
  public func offsetCount(logitCount: Int) -> Int {
    switch offsets {
    case .perLogit: 4 * logitCount
    case .perClass: 4 * max(logitCount - 1, 0)
    case .shared: 4
    }
  }
}

/// The frame in which class offsets are applied to RoIs, or boxes are compared.
public enum DecodingFrame: Sendable, Hashable {
  /// The original picture: RoIs are divided by the scale first.
  case original
  /// The resized picture.
  case resized
}

/// How boxes go from the resized picture to the original one.
public enum Restoration: Sendable, Hashable {
  /// Divided by the frame's scale (most families; MMDetection 2.x).
  case dividing
  /// Multiplied by the original side over the resized one (torchvision, Detectron2, MMDetection 3.x).
  case multiplying
}

/// When class boxes are clipped to the picture; the IoU of boxes that reach beyond it depends on it.
public enum ClippingStage: Sendable, Hashable {
  /// Before non-maximum suppression.
  case beforeNMS
  /// After it (bubbliiiing, which leaves the clipping to whoever draws the boxes).
  case afterNMS
}

/// How the RoI head's outputs become objects.
///
/// Whatever is said here, the boxes of objects end at the edges of the original picture.
public struct ClassBoxSettings: Sendable, Hashable {
  /// How the columns map to classes.
  public var layout: ClassLayout

  /// Added to each offset after it was multiplied by `offsetStd`.
  public var offsetMean: BoxOffset

  /// What each offset is multiplied by: training divided by it.
  public var offsetStd: BoxOffset

  /// The frame in which offsets are applied.
  public var decodingFrame: DecodingFrame

  /// The frame in which objects of one class are compared; it is the original one in any case where
  /// offsets are applied there.
  public var suppressionFrame: DecodingFrame

  /// How boxes go back to the original picture, where offsets are applied in the resized one.
  public var restoration: Restoration

  /// When boxes are clipped.
  public var clippingStage: ClippingStage

  /// The side below which a box is dropped, in the frame of decoding; `nil` keeps every one.
  public var minimumSide: MinimumSide?

  /// Objects at or below this score are dropped.
  public var scoreThreshold: Float

  /// How overlapping objects of one class are thinned.
  public var nms: NonMaximumSuppression

  /// Whether objects of different classes suppress each other too.
  public var isClassAgnostic: Bool

  /// At most so many objects are kept, the best ones; `nil` for no bound.
  public var maximumDetections: Int?

  /// Whether objects with the score of the last one that is kept are kept beyond that number
  /// (py-faster-rcnn and jwyang, whose evaluation compares scores with the 100th best).
  public var keepsTies: Bool

  /// Whether boxes that have no area in the original picture are dropped, after objects were counted
  /// (Detectron2).
  public var dropsEmptyBoxes: Bool

  /// The classes to look for, counted from 0 without background; all where it is `nil`.
  public var classes: Set<Int>?

  /// Makes settings; what is left out is as in simple-faster-rcnn.
  public init(
    layout: ClassLayout = ClassLayout(),
    offsetMean: BoxOffset = BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0),
    offsetStd: BoxOffset = BoxOffset(dy: 0.1, dx: 0.1, dh: 0.2, dw: 0.2),
    decodingFrame: DecodingFrame = .original, suppressionFrame: DecodingFrame = .original,
    restoration: Restoration = .dividing, clippingStage: ClippingStage = .beforeNMS,
    minimumSide: MinimumSide? = nil, scoreThreshold: Float = 0.05,
    nms: NonMaximumSuppression = NonMaximumSuppression(iouThreshold: 0.3),
    isClassAgnostic: Bool = false, maximumDetections: Int? = nil, keepsTies: Bool = false,
    dropsEmptyBoxes: Bool = false, classes: Set<Int>? = nil
  ) {
    self.layout = layout
    self.offsetMean = offsetMean
    self.offsetStd = offsetStd
    self.decodingFrame = decodingFrame
    self.suppressionFrame = suppressionFrame
    self.restoration = restoration
    self.clippingStage = clippingStage
    self.minimumSide = minimumSide
    self.scoreThreshold = scoreThreshold
    self.nms = nms
    self.isClassAgnostic = isClassAgnostic
    self.maximumDetections = maximumDetections
    self.keepsTies = keepsTies
    self.dropsEmptyBoxes = dropsEmptyBoxes
    self.classes = classes
  }
}
