public import FasterRCNN
internal import Tensors

/// What a request chose, of the detector and of its answer.
public struct RequestParameters: Sendable, Hashable {
  /// What goes to the detector.
  public var detection = DetectionParameters()

  /// Which parts the answer has.
  public var sections = Set(ResponseSection.allCases).subtracting([.features])

  /// How many proposals are listed at most, the best ones; 300 by default.
  public var maximumProposals = 300

  /// In which form boxes are written.
  public var boxFormat = BoxFormat.xyxy

  /// Whether coordinates are divided by the picture's width and height.
  public var isNormalized = false

  /// What is done with the orientation that the picture's file states.
  public var orientation = OrientationPolicy.exif

  /// What is done with a picture whose file ends before it does.
  public var truncation = TruncationPolicy.refuse

  /// Which of a file's pictures is meant, counted from 1.
  public var page = 1

  /// How long the answer may take; `nil` where that is left to the server.
  public var timeout: Duration?

  /// What the answer is written as; what `Accept` asks for where it is `nil`.
  var format: AnswerFormat.Word?

  /// What COCO result rows call the picture, the first one of several.
  var imageID = 0

  /// The size of the resized picture that features were computed from.
  var imageSize: PictureSize?

  /// Resized pixels to one of the original picture: one scale, or those of height and width.
  var scale: [Float]?

  /// The size of the original picture that features stand for.
  var originalSize: PictureSize?

  /// The box that is asked about: left, upper, right, lower edge.
  var box: [Float]?

  /// The point that is asked about: x, y.
  var point: [Float]?

  /// How many anchors, candidates and proposals are told of.
  var nearestCount = 5

  /// The largest value of `max_proposals` and `rpn_post_nms_top_n`.
  ///
  /// ProposalCreator keeps 300 by default (Ren et al., arXiv 1506.01497v3, section 4.3); with 1,000
  /// the head takes some three times as long, which bounds what a request can cost.
  static let proposalLimit = 1000

  /// Makes the parameters of a request that names none.
  public init() {}
}

/// A part of an answer that `include` lists.
public enum ResponseSection: String, Sendable, CaseIterable {
  case detections
  case proposals
  case model
  case image
  case timings
  case features

  /// The word of `include` that takes the picture's size out.
  static let noImage = "-image"
}

/// How a box is written as four numbers.
public enum BoxFormat: String, Sendable, CaseIterable {
  /// Left, upper, right, lower edge.
  case xyxy
  /// Upper, left, lower, right edge.
  case yxyx
  /// Left and upper edge, width, height.
  case xywh
  /// Centre, width, height.
  case cxcywh
}

/// What is done with the orientation that a picture's file states.
public enum OrientationPolicy: String, Sendable, CaseIterable {
  /// The picture is turned as its EXIF block says; boxes refer to the turned picture.
  case exif
  /// The picture is taken as it is stored.
  case ignore
}

/// What is done with a picture whose file ends before it does.
public enum TruncationPolicy: String, Sendable, CaseIterable {
  /// It is refused.
  case refuse
  /// What is there is looked at; the answer says which rows are missing.
  case accept
}
