internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Observability

extension DetectionService {
  /// `GET /livez`: the process answers.
  func livenessResponse() -> HTTPResponse { Self.json(status: 200) { $0.member("status", "live") } }

  /// `GET /readyz`: a model has run, and requests are taken.
  ///
  /// - Throws: the `Problem` that a request to detect would get.
  func readinessResponse() throws(Problem) -> HTTPResponse {
    _ = try currentPhase.backend(retryAfter: settings.notReadyRetryAfter)
    return Self.json(status: 200) { $0.member("status", "ready") }
  }

  /// `GET /healthz`: what a person wants to know at a glance; 200 where `/readyz` says so.
  func healthResponse() -> HTTPResponse {
    let phase = currentPhase
    let load = queue.load
    return Self.json(status: phase.healthStatus) { json in
      json.member("status", phase.name)
      if case .ready(let backend) = phase {
        json.model(backend.model)
        json.choices(backend.model)
      }
      json.key("queue")
      json.beginObject()
      json.key("waiting")
      json.integer(load.waiting)
      json.key("capacity")
      json.integer(queue.capacity)
      json.endObject()
      json.key("lanes")
      json.beginObject()
      json.key("busy")
      json.integer(load.running)
      json.key("count")
      json.integer(queue.laneCount)
      json.endObject()
    }
  }

  /// `OPTIONS`: what may be asked for at a path, or at all (RFC 9110 section 9.3.7).
  func optionsResponse(to request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: 204)
    response.fields.append("Allow", Route(rawValue: request.path)?.allow ?? Route.allowOfServer)
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
    key("score_threshold")
    number(model.scoreThreshold)
    key("nms_threshold")
    number(model.nmsThreshold)
    key("max_detections")
    if let count = model.maximumDetections { integer(count) } else { null() }
    endObject()
  }

  fileprivate mutating func member(_ name: String, _ value: String) {
    key(name)
    string(value)
  }
}
