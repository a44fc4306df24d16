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
    return .status("live")
  }

  /// `GET /readyz`: a model has run, requests are welcome, and some lane works them off.
  ///
  /// - Throws: the `Problem` that a request to detect would get.
  func readinessResponse() throws(Problem) -> HTTPResponse {
    guard case .serving = currentPhase else { throw drainingProblem }
    try registry.requireReady(retryAfter: settings.notReadyRetryAfter)
    let count = queue.stuckLanes(limit: settings.laneTimeout)
    if count == queue.laneCount { throw stuckProblem(count) }
    return .status("ready")
  }

  /// Says that this server is about to end.
  var drainingProblem: Problem {
    var problem = Problem(
      .draining, "The server is about to end; send further requests to another.")
    problem.retryAfter = max(1, settings.notReadyRetryAfter.wholeSecondsRoundedUp)
    return problem
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
    let load = queue.load
    let (status, word) = health
    let models = registry.all
    return .document(status: status) { json in
      json.member("status", word)
      if let model = models.first?.phase.served?.description {
        json.model(model)
        json.choices(model)
      }
      json.key("models")
      json.beginArray()
      for entry in models {
        guard let name = entry.name else { continue }
        json.object { json in
          json.member("name", name)
          json.member("status", entry.phase.name)
        }
      }
      json.endArray()
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

  /// How the service is, as a status and as a word.
  private var health: (status: Int, word: String) {
    guard case .serving = currentPhase else { return (503, "draining") }
    do throws(Problem) {
      try registry.requireReady(retryAfter: settings.notReadyRetryAfter)
      return (200, "ready")
    } catch {
      return error.kind == .modelFailed ? (500, "failed") : (503, "loading")
    }
  }

  /// Whether requests are welcome and a model serves them.
  var isReady: Bool { health.status == 200 }

  /// `OPTIONS`: what may be asked for at a path, or at all (RFC 9110 section 9.3.7).
  func optionsResponse(to request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: 204)
    response.fields.append(
      "Allow", methods(at: request.path).map(Route.allow) ?? Route.allowOfServer)
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
