public import Detection

/// What the networks said of one picture, before anything was chosen of it: the evidence that an
/// explanation is made of.
///
/// It is copied out of the networks' memory on request only; a picture of 600 x 1000 pixels has half a
/// megabyte of it.
public struct DetectionEvidence: Sendable {
  /// The anchors.
  public let grid: AnchorGrid

  /// The picture's sizes and scales.
  public let frame: ImageFrame

  /// The RPN's offsets, [H, W, A x 4].
  public let offsets: [Float]

  /// The RPN's logits, [H, W, A x 2] or [H, W, A].
  public let scores: [Float]

  /// How proposals were made of them.
  public let proposalSettings: ProposalSettings

  /// How objects were made of the head's outputs.
  public let classBoxSettings: ClassBoxSettings

  /// The proposals in pixels of the resized picture, R of them; empty where the head did not run.
  public private(set) var rois: [BoundingBox] = []

  /// The head's logits, [R, K + 1].
  public private(set) var classLogits: [Float] = []

  /// The head's offsets, [R, 4 x (K + 1)] or what the settings say.
  public private(set) var classOffsets: [Float] = []

  /// The number of logits of each RoI, K + 1; 0 where the head did not run.
  public private(set) var logitCount = 0

  init(
    grid: AnchorGrid, frame: ImageFrame, offsets: [Float], scores: [Float],
    proposalSettings: ProposalSettings, classBoxSettings: ClassBoxSettings
  ) {
    self.grid = grid
    self.frame = frame
    self.offsets = offsets
    self.scores = scores
    self.proposalSettings = proposalSettings
    self.classBoxSettings = classBoxSettings
  }

  /// Takes in what the head said.
  mutating func setHead(
    rois: ArraySlice<BoundingBox>, logits: [Float], offsets: [Float], logitCount: Int
  ) {
    self.rois = Array(rois)
    classLogits = logits
    classOffsets = offsets
    self.logitCount = logitCount
  }
}
