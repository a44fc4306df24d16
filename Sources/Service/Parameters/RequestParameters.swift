public import FasterRCNN

/// What a request chose, of the detector and of its answer.
public struct RequestParameters: Sendable, Hashable {
  /// What goes to the detector.
  public var detection = DetectionParameters()

  /// Which parts the answer has.
  public var sections = Set(ResponseSection.allCases)

  /// How many proposals are listed at most, the best ones; 300 by default.
  public var maximumProposals = Self.proposalLimit

  /// In which form boxes are written.
  public var boxFormat = BoxFormat.xyxy

  /// Whether coordinates are divided by the picture's width and height.
  public var isNormalized = false

  /// What is done with the orientation that the picture's file states.
  public var orientation = OrientationPolicy.exif

  /// How long the answer may take; `nil` where that is left to the server.
  public var timeout: Duration?

  /// The largest value of `max_proposals`.
  ///
  /// It is what ProposalCreator keeps (Ren et al., arXiv 1506.01497v3, section 4.3).
  static let proposalLimit = 300

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
