public import FasterRCNN
public import Images
internal import Observability

/// What is told of a detection: the body of an answer to `POST /detect`.
public struct DetectionDocument: Sendable {
  /// The request's identifier; left out where it is `nil`.
  public var id: String?

  /// The model that found the objects.
  public var model: ModelDescription

  /// What the picture's file said.
  public var header: ImageHeader

  /// What was done to the stored picture.
  public var orientationApplied: Orientation

  /// What the request chose.
  public var parameters: RequestParameters

  /// What was found.
  public var result: DetectionResult

  /// Makes a document.
  ///
  /// - Parameters:
  ///   - id: the request's identifier.
  ///   - model: the model that found the objects.
  ///   - picture: the picture as it was decoded.
  ///   - parameters: what the request chose.
  ///   - result: what was found; its timings are written as they stand.
  public init(
    id: String? = nil, model: ModelDescription, picture: DecodedImage,
    parameters: RequestParameters = RequestParameters(), result: DetectionResult
  ) {
    self.id = id
    self.model = model
    header = picture.header
    orientationApplied = picture.orientationApplied
    self.parameters = parameters
    self.result = result
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
  ) throws(NonFiniteResult) -> (bytes: [UInt8], timings: StageTimings) {
    let start = ContinuousClock.now
    // A box with its key takes about 80 bytes; growing the array is what would take time.
    var json = JSONWriter(
      reservingCapacity: 2048 + 96 * (result.proposals.count + 2 * result.objects.count))
    json.beginObject()
    if let id {
      json.key("id")
      json.string(id)
    }
    if parameters.sections.contains(.model) { json.model(model) }
    if parameters.sections.contains(.image) { writeImage(&json) }
    writeParameters(&json)
    if parameters.sections.contains(.detections) { writeDetections(&json) }
    if parameters.sections.contains(.proposals) { writeProposals(&json) }
    guard !json.hasNonFiniteNumber else { throw NonFiniteResult() }
    var timings = StageTimings(result.timings)
    if let arrival {
      let now = ContinuousClock.now
      timings.append("encode", now - start)
      timings.append("total", now - arrival)
    }
    if parameters.sections.contains(.timings) { json.timings(timings) }
    json.endObject()
    return (json.bytes, timings)
  }

  private func writeImage(_ json: inout JSONWriter) {
    json.key("image")
    json.beginObject()
    json.key("width")
    json.integer(result.imageSize.width)
    json.key("height")
    json.integer(result.imageSize.height)
    json.key("format")
    json.string(header.format.rawValue)
    json.key("mode")
    json.string(header.colourMode.rawValue)
    json.key("orientation_applied")
    json.integer(orientationApplied.rawValue)
    json.endObject()
  }

  /// Writes what was in force, the model's own settings included.
  private func writeParameters(_ json: inout JSONWriter) {
    json.key("box_format")
    json.string(parameters.boxFormat.rawValue)
    json.key("normalized")
    json.boolean(parameters.isNormalized)
    json.key("parameters")
    json.beginObject()
    json.key("score_threshold")
    json.number(parameters.detection.scoreThreshold ?? model.scoreThreshold)
    json.key("nms_threshold")
    json.number(parameters.detection.nmsThreshold ?? model.nmsThreshold)
    json.key("max_detections")
    if let count = parameters.detection.maximumDetections {
      json.integer(count)
    } else {
      json.null()
    }
    json.key("classes")
    if let classes = parameters.detection.classes {
      json.beginArray()
      for index in classes.sorted() { json.integer(index) }
      json.endArray()
    } else {
      json.null()
    }
    json.key("max_proposals")
    json.integer(parameters.maximumProposals)
    json.key("orientation")
    json.string(parameters.orientation.rawValue)
    json.endObject()
  }

  private func writeDetections(_ json: inout JSONWriter) {
    let boxWriter = BoxWriter(parameters, imageSize: result.imageSize)
    json.key("detections")
    json.beginArray()
    for object in result.objects {
      json.beginObject()
      boxWriter.write(object.box, to: &json)
      json.key("score")
      json.number(object.score)
      json.key("class_id")
      json.integer(object.classID)
      json.key("label")
      let isNamed = model.labels.indices.contains(object.classID)
      json.string(isNamed ? model.labels[object.classID] : String(object.classID))
      json.key("proposal_index")
      json.integer(object.proposalIndex)
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
      json.key("objectness")
      json.number(proposal.objectness)
      json.endObject()
    }
    json.endArray()
  }
}

extension JSONWriter {
  /// Writes the member `model`.
  mutating func model(_ model: ModelDescription) {
    key("model")
    beginObject()
    key("name")
    string(model.name)
    key("version")
    string(model.version)
    key("sha256")
    string(model.sha256)
    key("profile")
    string(model.profile)
    if let assumption = model.assumption {
      key("assumed")
      string(assumption)
    }
    endObject()
  }

  /// Writes the member `timings_ms`.
  mutating func timings(_ timings: StageTimings) {
    key("timings_ms")
    beginObject()
    for stage in timings.stages {
      key(stage.name)
      milliseconds(stage.duration)
    }
    endObject()
  }
}
