internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import JSON
internal import Observability

extension DetectionService {
  /// Checks all that can be known of a request for a detector before its body: the model first, then
  /// form, size, parameters, and whether there is room for it.
  ///
  /// | checked | at the head | with the body (`WorkOrder`) | on a lane |
  /// |---|---|---|---|
  /// | model and version | here, and never again | | |
  /// | coding, type, length | here | the coding's own length | |
  /// | parameters | those of the query | all of them together | |
  /// | pictures | | their headers | their pixels |
  /// | room in the queue | here, to spare the body | `enter`, then `charge` | |
  /// | time | the query's and the header's | the body's | each stage |
  ///
  /// - Returns: what was found; `nil` where nothing has to wait for a lane.
  func admission(
    of head: HTTPRequest, to destination: Destination
  ) throws(Problem) -> Admission? {
    let route: Route
    var door: Door.Detection?
    switch destination {
    case .route(let match):
      guard match.route.isWork else { return nil }
      route = match.route
    case .door(let path, _):
      guard case .detection(let detection) = path.answer else { return nil }
      (route, door) = (.detect, detection)
    }
    let pairs = try QueryString.pairs(of: head.query ?? "")
    let model = try model(
      named: destination.values["model"]
        ?? pairs.first { $0.name == Parameter.model.rawValue }?.value,
      version: destination.values["version"])
    let coding = try ContentCoding.ofBody(head.fields)
    let type = try contentType(of: head, isStrict: door == nil && !route.isInferenceProtocol)
    let length = try checkedLength(of: head)
    let stated = try RequestTimeout.stated(in: head.fields)
    let chosen = try RequestParameters(pairs, at: route, model: model.description)
    let timeout = min(
      settings.requestTimeout, stated ?? settings.requestTimeout,
      chosen.timeout ?? settings.requestTimeout)
    if let shortage = queue.shortage(
      adding: length, within: timeout, serviceTime: model.record.serviceTime)
    {
      throw refusal(shortage)
    }
    return Admission(
      route: route, door: door, type: type, coding: coding, parameters: pairs,
      timeout: timeout, model: model)
  }

  /// The model that a request is for; the first where it names none.
  func model(named name: String?, version: String? = nil) throws(Problem) -> ServedModel {
    do throws(Problem) {
      return try registry.resolve(
        name: name, version: version, retryAfter: settings.notReadyRetryAfter)
    } catch {
      // A server that ends loads nothing any more.
      if case .draining = currentPhase, error.kind == .loading || error.kind == .modelFailed {
        throw drainingProblem
      }
      throw error
    }
  }

  /// The type that the head states.
  ///
  /// - Parameters:
  ///   - head: the request's head.
  ///   - isStrict: whether it has to be one of those that are taken; the clients of other protocols
  ///     state none, or anything.
  /// - Returns: the type; `nil` where none is stated that can be read.
  /// - Throws: a `Problem` where it has to be one that is taken, and is not.
  private func contentType(
    of head: HTTPRequest, isStrict: Bool
  ) throws(Problem) -> MediaType? {
    let values = head.fields.values(of: "Content-Type")
    guard let value = values.first else { return nil }
    guard isStrict else { return MediaType(parsing: value) }
    guard values.count == 1, let type = MediaType(parsing: value) else {
      throw Problem(
        .malformedRequest, "The request has to have one Content-Type of the form type/subtype.")
    }
    guard MediaType.bodies.contains(type.name) else {
      var problem = Problem(
        .unsupportedMediaType,
        "The content type '\(type.name.excerpt)' is not taken. \(MediaType.advice)")
      problem.fields = [("Accept", MediaType.acceptedText)]
      throw problem
    }
    if type.name == MediaType.form { _ = try MultipartParser.boundary(of: type) }
    return type
  }

  /// The length of the body as far as the head says it, held against the limit.
  func checkedLength(of head: HTTPRequest) throws(Problem) -> Int {
    let length = head.fields["Content-Length"]
    guard length != nil || head.fields["Transfer-Encoding"] != nil else {
      throw Problem(
        .lengthRequired,
        "A picture is expected as the body: send it with Content-Length or chunked, as curl "
          + "--data-binary @photo.jpg does.")
    }
    let byteCount = max(length.flatMap(Int.init) ?? 0, head.body.count)
    guard byteCount <= settings.maximumBodyBytes else {
      throw Problem(
        .bodyTooLarge,
        "The body has \(byteCount) bytes; at most \(settings.maximumBodyBytes) are taken.",
        limit: .init(name: "body", value: settings.maximumBodyBytes, unit: "bytes"))
    }
    return byteCount
  }

  /// What a request is told for which there is no room.
  func refusal(_ shortage: WorkQueue.Shortage) -> Problem {
    let limits = queue.limits
    var problem: Problem
    switch shortage {
    case .requests:
      problem = Problem(
        .queueFull, "\(limits.requests) requests wait already; try again when they are done.",
        limit: .init(name: "queue", value: limits.requests, unit: "requests"))
    case .bytes:
      problem = Problem(
        .queueFull,
        "The bodies that wait have nearly \(limits.bytes) bytes already; try again when they are done.",
        limit: .init(name: "queue", value: limits.bytes, unit: "bytes"))
    case .pixels:
      problem = Problem(
        .queueFull,
        "The pictures that wait have nearly \(limits.pixels) pixels already; try again when they are "
          + "done.",
        limit: .init(name: "queue", value: limits.pixels, unit: "pixels"))
    case .time:
      problem = Problem(
        .queueFull,
        "What waits already will take longer than this request has; try again when it is done, or give "
          + "it more time.")
    case .closed:
      problem = drainingProblem
    }
    problem.retryAfter = queue.load.retryAfter(laneCount: queue.laneCount)
    return problem
  }
}
