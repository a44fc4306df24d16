import HTTP1
import HTTPServer
import Observability
import Testing

@testable import Service

extension ServiceSettings {
  /// Settings for a test, which states what it depends on.
  ///
  /// Nothing passes that a test does not let pass: the machine may stand still for minutes.
  static func testing(queueCapacity: Int = 16, laneCount: Int = 1) -> ServiceSettings {
    ServiceSettings(
      queue: QueueLimits(requests: queueCapacity), laneCount: laneCount,
      requestTimeout: .seconds(3600), laneTimeout: .seconds(3600))
  }
}

extension DetectionService {
  /// A service that is ready.
  static func ready(
    _ backend: FakeBackend = FakeBackend(), settings: ServiceSettings = .testing(),
    log: RequestLog = RequestLog(level: .none)
  ) async throws -> DetectionService {
    let service = DetectionService(settings: settings, log: log)
    try await service.load(backend)
    return service
  }

  /// Loads a model and waits until that is done.
  func load(_ backend: FakeBackend, named name: String? = nil) async throws {
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
      load(
        ModelSource(name: name) { backend }, completion: { done.resume(with: $0.map { _ in }) })
    }
  }

  /// How long the first model's work takes.
  var serviceTime: Duration? { registry.all.first?.record.serviceTime.mean }

  /// The answer that refuses a request from its head; `nil` where its body is read.
  func refuse(head: HTTPRequest) -> HTTPResponse? {
    if case .refused(let response) = admit(head: head) { response } else { nil }
  }

  /// Sends a request as the server would: its head first, then the whole.
  ///
  /// Each answer is held against `openapi.yaml`.
  func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
    var head = request
    head.body = []
    let response: HTTPResponse
    switch admit(head: head) {
    case .refused(let refusal): response = refusal
    case .admitted(let ticket):
      var request = request
      request.ticket = ticket
      response = await withCheckedContinuation { [request] done in
        handle(request) { done.resume(returning: $0) }
      }
    }
    try expectConforming(response, to: request)
    return response
  }

  /// Sends a request without a body.
  func get(_ path: String, method: String = "GET") async throws -> HTTPResponse {
    try await answer(HTTPRequest(method: method, path: path))
  }

  /// Sends a picture.
  func detect(
    _ query: String? = nil, picture: [UInt8] = Pictures.png, type: String? = "image/png",
    fields: [(String, String)] = [], cancellation: Cancellation = Cancellation()
  ) async throws -> HTTPResponse {
    try await answer(
      .detect(query, body: picture, type: type, fields: fields, cancellation: cancellation))
  }
}

extension HTTPRequest {
  /// A request to detect.
  static func detect(
    _ query: String? = nil, body: [UInt8] = Pictures.png, type: String? = "image/png",
    fields: [(String, String)] = [], cancellation: Cancellation = Cancellation(),
    path: String = "/detect"
  ) -> HTTPRequest {
    var request = HTTPRequest(
      method: "POST", path: path, query: query, body: body, clientAddress: "192.0.2.7",
      cancellation: cancellation)
    request.fields.append("Content-Length", String(body.count))
    if let type { request.fields.append("Content-Type", type) }
    for (name, value) in fields { request.fields.append(name, value) }
    return request
  }
}

extension HTTPResponse {
  /// The body as JSON.
  var json: JSONValue {
    get throws { try JSONValue(parsing: body) }
  }

  /// The last part of a problem's type.
  var problem: String? {
    get throws {
      guard case .string(let type) = try json["type"] else { return nil }
      return type.split(separator: ":").last.map(String.init)
    }
  }
}

/// Requires that a response is a problem of a kind.
func expectProblem(
  _ response: HTTPResponse, _ status: Int, _ kind: String, parameter: String? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(response.status == status, sourceLocation: sourceLocation)
  #expect(try response.problem == kind, sourceLocation: sourceLocation)
  if let parameter {
    #expect(
      try response.json["parameter"] == .string(parameter), sourceLocation: sourceLocation)
  }
}
