public import Detection

/// What the networks said of one picture, before anything was chosen of it: the evidence that an
/// explanation is made of.
///
/// It is copied out of the networks' memory on request only; a picture of 600 x 1000 pixels has half a
/// megabyte of it.
public struct DetectionEvidence: Sendable {
  /// What the RPN said of each feature map, from the finest.
  public let levels: [ProposalEvidence]

  /// The picture's sizes and scales.
  public let frame: ImageFrame

  /// How offsets become boxes.
  public let coder: BoxCoder

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
    levels: [ProposalEvidence], frame: ImageFrame, coder: BoxCoder,
    proposalSettings: ProposalSettings, classBoxSettings: ClassBoxSettings
  ) {
    self.levels = levels
    self.frame = frame
    self.coder = coder
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
