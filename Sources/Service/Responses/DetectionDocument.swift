internal import Detection
public import FasterRCNN
public import Images
internal import JSON
internal import Observability
internal import Tensors

/// What is told of a detection: the body of an answer to `POST /detect`.
public struct DetectionDocument: Sendable {
  /// The request's identifier; left out where it is `nil`.
  public var id: String?

  /// Which of several pictures it is of, counted from 0; left out where it is `nil`.
  var index: Int?

  /// The model that found the objects.
  public var model: ModelDescription

  /// What the picture's file said; `nil` where features were given.
  public var header: ImageHeader?

  /// What was done to the stored picture.
  public var orientationApplied: Orientation?

  /// What was odd about the picture's file.
  public var warnings: [ImageWarning] = []

  /// What the request chose.
  public var parameters: RequestParameters

  /// What was found.
  public var result: DetectionResult

  /// How long it took.
  private var timings: Timeline

  /// Makes a document.
  ///
  /// - Parameters:
  ///   - id: the request's identifier.
  ///   - model: the model that found the objects.
  ///   - picture: the picture as it was decoded.
  ///   - parameters: what the request chose.
  ///   - result: what was found; its timings are written as they stand.
  ///   - decoding: how long the picture took to be decoded; left out where it is `nil`.
  public init(
    id: String? = nil, model: ModelDescription, picture: DecodedImage,
    parameters: RequestParameters = RequestParameters(), result: DetectionResult,
    decoding: Duration? = nil
  ) {
    self.id = id
    self.model = model
    header = picture.header
    orientationApplied = picture.orientationApplied
    warnings = picture.warnings
    self.parameters = parameters
    self.result = result
    timings = Timeline(result.timings)
    if let decoding { timings.add(decoding, to: .decode) }
  }

  /// Makes a document of what was found in a picture or in features.
  init(
    id: String? = nil, model: ModelDescription, finding: Finding, parameters: RequestParameters
  ) {
    self.id = id
    self.model = model
    if case .picture(let picture) = finding.source {
      header = picture.header
      orientationApplied = picture.orientationApplied
      warnings = picture.warnings
    }
    self.parameters = parameters
    result = finding.result
    timings = finding.timings
  }

  /// A model computed a number that is an infinity or NaN: its weights are broken.
  public struct NonFiniteResult: Error, CustomStringConvertible {
    /// What happened.
    public var description: String {
      "the model computed a coordinate or a score that is not a finite number"
    }
  }

  /// The document as JSON.
  ///
  /// Coordinates and scores are the shortest decimals that read back as the same `Float`: what a
  /// client compares or sends back is what was computed, in pixels and normalised alike.
  ///
  /// - Throws: `NonFiniteResult`, because JSON has no such numbers and a client could do nothing with
  ///   them.
  public func json() throws(NonFiniteResult) -> [UInt8] {
    try json(since: nil).bytes
  }

  /// The document as JSON, and what it says of times.
  ///
  /// The times of encoding and of everything since `arrival` are left out where that is `nil`.
  func json(
    since arrival: ContinuousClock.Instant?
  ) throws(NonFiniteResult) -> (bytes: [UInt8], timings: Timeline) {
    let start = ContinuousClock.now
    // A box with its key takes about 80 bytes; growing the array is what would take time.
    let features = 12 * (result.features?.levels.reduce(0) { $0 + $1.values.count } ?? 0)
    var json = JSONWriter(
      reservingCapacity: 2048 + 96 * (result.proposals.count + 2 * result.objects.count) + features)
    json.beginObject()
    if let index { json.member("index", index) }
    if let id {
      json.member("id", id)
    }
    if parameters.sections.contains(.model) { json.model(model) }
    writeResult(to: &json)
    guard !json.hasNonFiniteNumber else { throw NonFiniteResult() }
    var timings = timings
    if let arrival { timings.addEnd(encodingSince: start, arrival: arrival) }
    if parameters.sections.contains(.timings) { json.timings(timings) }
    json.endObject()
    return (json.bytes, timings)
  }

  /// Writes what is told of this picture alone: not the request's identifier, the model, the times.
  func writeResult(to json: inout JSONWriter) {
    writePicture(to: &json)
    if parameters.sections.contains(.detections) { writeDetections(&json) }
    if parameters.sections.contains(.proposals) { writeProposals(&json) }
    if parameters.sections.contains(.features), let features = result.features {
      json.features(features)
    }
  }

  /// Writes what was asked for of which picture.
  func writePicture(to json: inout JSONWriter) {
    if parameters.sections.contains(.image) { writeImage(&json) }
    json.member("box_format", parameters.boxFormat.rawValue)
    json.member("normalized", parameters.isNormalized)
    json.effective(parameters, model: model, proposals: result.proposalSettings)
  }

  private func writeImage(_ json: inout JSONWriter) {
    json.key("image")
    json.beginObject()
    json.member("width", result.imageSize.width)
    json.member("height", result.imageSize.height)
    if let header {
      json.member("format", header.format.identifier)
      json.member("mode", header.colourMode.rawValue)
    }
    if let orientationApplied {
      json.member("orientation_applied", orientationApplied.rawValue)
    }
    if let frame = result.frame {
      json.key("resized")
      json.beginObject()
      json.member("width", Int(frame.width))
      json.member("height", Int(frame.height))
      json.member("x_scale", frame.xScale)
      json.member("y_scale", frame.yScale)
      json.endObject()
    }
    if !warnings.isEmpty { writeWarnings(&json) }
    json.endObject()
  }

  private func writeWarnings(_ json: inout JSONWriter) {
    json.key("warnings")
    json.beginArray()
    for warning in warnings {
      json.beginObject()
      json.member("code", warning.code.rawValue)
      json.member("detail", warning.detail)
      if let rows = warning.missingRows {
        json.key("missing_rows")
        json.beginArray()
        json.integer(rows.lowerBound)
        json.integer(rows.upperBound)
        json.endArray()
      }
      json.endObject()
    }
    json.endArray()
  }

  private func writeDetections(_ json: inout JSONWriter) {
    let boxWriter = BoxWriter(parameters, imageSize: result.imageSize)
    json.key("detections")
    json.beginArray()
    for object in result.objects {
      json.beginObject()
      boxWriter.write(object.box, to: &json)
      json.verdict(
        score: object.score, classID: object.classID, labels: model.labels,
        proposalIndex: object.proposalIndex)
      json.endObject()
    }
    json.endArray()
  }

  private func writeProposals(_ json: inout JSONWriter) {
    let boxWriter = BoxWriter(parameters, imageSize: result.imageSize)
    json.key("proposals")
    json.beginArray()
    for proposal in result.proposals.prefix(parameters.maximumProposals) {
      json.beginObject()
      boxWriter.write(proposal.box, to: &json)
      json.member("objectness", proposal.objectness)
      json.endObject()
    }
    json.endArray()
  }
}
