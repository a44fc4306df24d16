internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import JSON
internal import Observability

extension DetectionService {
  /// `GET /livez`: the process answers, and no lane has been at one request for longer than the limit.
  ///
  /// - Throws: a `Problem` where one has: only a new process gets it back.
  func livenessResponse() throws(Problem) -> HTTPResponse {
    let count = queue.stuckLanes(limit: settings.laneTimeout)
    if count > 0 { throw stuckProblem(count) }
    return Self.json(status: 200) { $0.member("status", "live") }
  }

  /// `GET /readyz`: a model has run, requests are welcome, and some lane works them off.
  ///
  /// - Throws: the `Problem` that a request to detect would get.
  func readinessResponse() throws(Problem) -> HTTPResponse {
    try currentPhase.requireReady(retryAfter: settings.notReadyRetryAfter)
    let count = queue.stuckLanes(limit: settings.laneTimeout)
    if count == queue.laneCount { throw stuckProblem(count) }
    return Self.json(status: 200) { $0.member("status", "ready") }
  }

  private func stuckProblem(_ count: Int) -> Problem {
    var problem = Problem(
      .laneStuck,
      "\(count) of \(queue.laneCount) lanes have been at one request for longer than "
        + "\(settings.laneTimeout).")
    problem.retryAfter = max(1, settings.notReadyRetryAfter.wholeSecondsRoundedUp)
    return problem
  }

  /// `GET /healthz`: what a person wants to know at a glance; 200 where `/readyz` says so.
  func healthResponse() -> HTTPResponse {
    let phase = currentPhase
    let load = queue.load
    return Self.json(status: phase.healthStatus) { json in
      json.member("status", phase.name)
      if let backend = phase.servingBackend {
        json.model(backend.model)
        json.choices(backend.model)
      }
      json.key("queue")
      json.beginObject()
      json.member("waiting", load.waiting)
      json.member("capacity", queue.limits.requests)
      json.endObject()
      json.key("lanes")
      json.beginObject()
      json.member("busy", load.running)
      json.member("count", queue.laneCount)
      json.endObject()
    }
  }

  /// `OPTIONS`: what may be asked for at a path, or at all (RFC 9110 section 9.3.7).
  func optionsResponse(to request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: 204)
    response.fields.append(
      "Allow", RouteMatch(path: request.path)?.route.allow ?? Route.allowOfServer)
    return response
  }

  private static func json(
    status: Int, _ writeMembers: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    var json = JSONWriter()
    json.beginObject()
    writeMembers(&json)
    json.endObject()
    var response = HTTPResponse(status: status, body: json.bytes)
    response.fields.append("Content-Type", "application/json")
    // The state of now is of no use later, whoever keeps it.
    response.fields.append("Cache-Control", "no-store")
    return response
  }
}

extension JSONWriter {
  /// Writes what the model can find, and what applies where a request chooses nothing.
  fileprivate mutating func choices(_ model: ModelDescription) {
    key("classes")
    beginArray()
    for label in model.labels { string(label) }
    endArray()
    key("defaults")
    beginObject()
    member("score_threshold", model.scoreThreshold)
    member("nms_threshold", model.nmsThreshold)
    member("max_detections", model.maximumDetections)
    endObject()
  }
}
