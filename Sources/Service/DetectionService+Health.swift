internal import CEmbeddedOpenAPI
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
      if case .ready(let backend) = phase { json.model(backend.model) }
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

  /// `GET /openapi.yaml`: the file of the repository.
  func descriptionResponse() -> HTTPResponse {
    var response = HTTPResponse(status: 200, body: Self.openAPIDocument)
    // RFC 9512.
    response.fields.append("Content-Type", "application/yaml")
    return response
  }

  /// `GET /`: what to do next.
  func homeResponse() -> HTTPResponse {
    let text = """
      frcnn finds objects in pictures with Faster R-CNN.

        curl --data-binary @photo.jpg http://HOST:PORT/detect

      POST /detect        a JPEG or PNG in, proposals and detections out, as JSON
      POST /proposals     the proposals alone
      POST /explain       what became of a box or a point in the picture
      GET  /openapi.yaml  every parameter, answer and error
      GET  /healthz       whether it is ready, and with which model
      GET  /livez         whether it runs
      GET  /readyz        whether it takes requests

      """
    var response = HTTPResponse(status: 200, body: Array(text.utf8))
    response.fields.append("Content-Type", "text/plain; charset=utf-8")
    return response
  }

  /// `OPTIONS`: what may be asked for at a path, or at all (RFC 9110 section 9.3.7).
  func optionsResponse(to request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: 204)
    response.fields.append("Allow", RouteMatch(path: request.path)?.route.allow ?? Route.allowOfServer)
    return response
  }

  private static let openAPIDocument: [UInt8] = {
    // Safety: the C target gives the address and the size of one constant array.
    let bytes = unsafe UnsafeBufferPointer(
      start: frcnn_openapi_bytes(), count: frcnn_openapi_byte_count())
    return unsafe Array(bytes)
  }()

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
  fileprivate mutating func member(_ name: String, _ value: String) {
    key(name)
    string(value)
  }
}
