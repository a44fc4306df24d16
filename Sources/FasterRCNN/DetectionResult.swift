public import Detection
public import Tensors

/// A region that the RPN proposed, after ProposalCreator.
public struct Proposal: Sendable, Equatable {
  /// The region, in pixels of the original picture (EXIF orientation applied).
  public var box: BoundingBox

  /// The probability that the region holds an object: softmax over background and foreground.
  public var objectness: Float

  /// Makes a proposal.
  public init(box: BoundingBox, objectness: Float) {
    self.box = box
    self.objectness = objectness
  }
}

/// An object that the RoI head found.
public struct DetectedObject: Sendable, Equatable {
  /// The box, in pixels of the original picture, clipped to it.
  public var box: BoundingBox

  /// The probability of the class: softmax over all classes and background.
  public var score: Float

  /// The class, counted from 0; background is not counted.
  public var classID: Int

  /// Which of the result's proposals it was found in.
  public var proposalIndex: Int

  /// Makes a detected object.
  public init(box: BoundingBox, score: Float, classID: Int, proposalIndex: Int) {
    self.box = box
    self.score = score
    self.classID = classID
    self.proposalIndex = proposalIndex
  }
}

/// A part of a detector's work whose time is told apart, in the order in which they run.
public enum Stage: String, Sendable, CaseIterable {
  /// Resizing and normalising.
  case resize
  /// Building the plan of a size that was not seen before; zero where a plan was kept.
  case plan
  /// The convolutions of the feature extractor.
  case backbone
  /// The region proposal network's convolutions.
  case rpn
  /// ProposalCreator: decoding, ranking, non-maximum suppression.
  case proposals
  /// RoI pooling.
  case roiPooling = "roi_pooling"
  /// The RoI head's layers.
  case head
  /// Decoding of class boxes and non-maximum suppression in each class.
  case postprocess
}

/// What a detector found in one picture.
public struct DetectionResult: Sendable {
  /// The regions proposed, best first; at most 300 with the usual settings.
  public var proposals: [Proposal]

  /// The objects, by score from highest to lowest, ties by class and then by proposal.
  public var objects: [DetectedObject]

  /// The size of the picture in pixels that all boxes refer to.
  public var imageSize: PictureSize

  /// The sizes and scales of the resized picture that the networks saw; a detector always tells.
  public var frame: ImageFrame?

  /// How proposals were made; a detector always tells.
  public var proposalSettings: ProposalSettings?

  /// The backbone's output, where it was asked for.
  public var features: FeatureMap?

  /// The networks' raw outputs, where they were asked for.
  public var evidence: DetectionEvidence?

  /// The time that each stage took; stages that did not run are absent.
  public var timings: [Stage: Duration]

  /// Makes a result.
  public init(
    proposals: [Proposal], objects: [DetectedObject], imageSize: PictureSize,
    timings: [Stage: Duration] = [:]
  ) {
    self.proposals = proposals
    self.objects = objects
    self.imageSize = imageSize
    self.timings = timings
  }
}
