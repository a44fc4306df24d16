import FasterRCNN
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// Other servers' words for what `/detect` does, off unless they are asked for.
@Suite struct CompatibilityTests {
  private static let text = Pictures.pngText

  private func service(
    _ servers: CompatibleServer..., backend: FakeBackend = FakeBackend()
  ) async throws -> DetectionService {
    var settings = ServiceSettings.testing()
    settings.compatibility = Compatibility(
      servers: Set(servers), vertexHealthRoute: "/v1/endpoints/1:health",
      vertexPredictRoute: "/v1/endpoints/1:predict")
    return try await .ready(backend, settings: settings)
  }

  /// Sends a request, and holds the answer against `openapi-doors.yaml`.
  private func answer(
    _ service: DetectionService, _ method: String, _ path: String, _ body: [UInt8] = [],
    type: String? = nil, query: String? = nil
  ) async throws -> HTTPResponse {
    var request = HTTPRequest(method: method, path: path, query: query)
    if !body.isEmpty { request.fields.append("Content-Length", String(body.count)) }
    if let type { request.fields.append("Content-Type", type) }
    switch service.admit(head: request) {
    case .refused(let response): return response
    case .admitted(let ticket):
      request.ticket = ticket
      request.body = body
      let response = await withCheckedContinuation { [request] done in
        service.handle(request) { done.resume(returning: $0) }
      }
      try Contract.expectConformingDoor(response, method, path)
      return response
    }
  }

  private func json(
    _ service: DetectionService, _ path: String, _ text: String
  ) async throws -> HTTPResponse {
    try await answer(service, "POST", path, Array(text.utf8), type: "application/json")
  }

  @Test func allPathsAreDescribed() throws {
    let paths = try #require(try Contract.doors.get()["paths"])
    let doors = CompatibleServer.allCases.flatMap { server in
      Compatibility(servers: [server]).doors.map { (name: server.rawValue, paths: $0.paths) }
    }
    var methods: [String: Set<String>] = [:]
    for path in doors.flatMap(\.paths) {
      methods[path.pattern.text, default: []].formUnion(
        path.methods.map { $0.rawValue.lowercased() })
    }
    #expect(paths.keys == Set(methods.keys))
    for (pattern, methods) in methods {
      #expect(paths[pattern]?.keys == methods, "\(pattern)")
      let open = doors.filter { $0.paths.contains { $0.pattern.text == pattern } }.map(
        \.name)
      for method in methods {
        let tags = paths[pattern]?[method]?["tags"]?.elements.compactMap(\.text)
        #expect(tags == open, "\(pattern)")
      }
    }
  }

  @Test func noDoorIsOpenUnlessItIsAskedFor() async throws {
    let service = try await service()
    for (method, path) in [
      ("POST", "/v1/vision/detection"), ("POST", "/predictions/cells"), ("GET", "/ping"),
      ("POST", "/v1/models/cells:predict"), ("POST", "/invocations"), ("POST", "/predict"),
    ] {
      try expectProblem(
        try await answer(service, method, path, Pictures.png), 404, "not-found")
    }
    try expectProblem(try await answer(service, "POST", "/"), 405, "method-not-allowed")
  }

  @Test func deepStackAnswersWithWholePixels() async throws {
    let backend = FakeBackend()
    let service = try await service(.deepStack, backend: backend)
    let form = Form([
      .text("min_confidence", "0.3"), .text("api_key", "x"), .file("image", Pictures.png),
    ])
    for path in ["/v1/vision/detection", "/v1/vision/custom/cells"] {
      let response = try await answer(service, "POST", path, form.body, type: form.type)
      #expect(response.status == 200)
      let json = try response.json
      #expect(json["success"] == .boolean(true) && json["count"] == .number(2))
      let first = json["predictions"]?[0]
      #expect(first?["label"] == .string("WBC") && first?["confidence"] == .number(0.75))
      #expect(
        ["x_min", "y_min", "x_max", "y_max"].map { first?[$0]?.double } == [2, 1, 10, 5])
    }
    #expect(backend.calls.map(\.parameters.scoreThreshold) == [0.3, 0.3])
    let plain = Form([.file("image", Pictures.png)])
    _ = try await answer(service, "POST", "/v1/vision/detection", plain.body, type: plain.type)
    #expect(backend.calls.last?.parameters.scoreThreshold == 0.45)
    let empty = Form([.text("min_confidence", "0.3")])
    let refused = try await answer(
      service, "POST", "/v1/vision/detection", empty.body, type: empty.type)
    try expectProblem(refused, 400, "missing-picture")
    try expectProblem(
      try await answer(service, "GET", "/v1/vision/detection"), 404, "not-found")
  }

  @Test func torchServeAnswersWithItsHandlersRows() async throws {
    let backend = FakeBackend()
    let service = try await service(.torchServe, backend: backend)
    let form = Form([.file("data", Pictures.png)])
    for (method, path, body, type) in [
      ("POST", "/predictions/cells", Pictures.png, nil),
      ("PUT", "/predictions/cells/7", Pictures.png, "image/png"),
      ("POST", "/predictions/cells", form.body, form.type),
    ] as [(String, String, [UInt8], String?)] {
      let response = try await answer(service, method, path, body, type: type)
      #expect(response.status == 200, "\(method) \(path)")
      #expect(
        try response.json[0]
          == .object([
            "WBC": .array([.number(2), .number(1), .number(10), .number(5)]),
            "score": .number(0.75),
          ]))
    }
    #expect(backend.calls.allSatisfy { $0.parameters.scoreThreshold == 0.5 })
    _ = try await answer(
      service, "POST", "/predictions/cells", Pictures.png, query: "score_threshold=0.1")
    #expect(backend.calls.last?.parameters.scoreThreshold == 0.1)
    #expect(try await answer(service, "GET", "/ping").json["status"] == .string("Healthy"))
    try expectProblem(
      try await answer(service, "POST", "/predictions/other", Pictures.png), 404, "not-found")
    try expectProblem(
      try await answer(service, "POST", "/predictions/cells/8", Pictures.png), 404, "not-found")
  }

  @Test func kServeTakesInstances() async throws {
    let service = try await service(.kServe)
    let body =
      #"{"instances":[{"image_bytes":{"b64":"\#(Self.text)"}},{"b64":"\#(Self.text)"},"\#(Self.text)","#
      + #"{"image":"\#(Self.text)","key":"k"}],"parameters":{"score_threshold":0.2}}"#
    let response = try await json(service, "/v1/models/cells:predict", body)
    #expect(response.status == 200)
    let predictions = try response.json["predictions"]?.elements ?? []
    #expect(predictions.count == 4 && Set(predictions.map(\.keys)).count == 1)
    #expect(predictions[0]["boxes"]?[0]?.floats == [2, 1, 10, 5])
    #expect(predictions[0]["labels"] == .array([.string("WBC"), .string("RBC")]))
    #expect(predictions[0]["width"] == .number(16))
    #expect(
      try await answer(service, "GET", "/v1/models/cells").json
        == .object(["name": .string("cells"), "ready": .boolean(true)]))
    for bad in [
      #"{"instances":[]}"#, #"{}"#, #"{"instances":[1]}"#, #"{"instances":[{"key":"k"}]}"#,
      #"{"instances":[""]}"#, #"{"instances":{}}"#, "[", #"{"instances":["AAAA"]} x"#,
    ] {
      #expect(try await json(service, "/v1/models/cells:predict", bad).status == 400, "\(bad)")
    }
    try expectProblem(
      try await json(service, "/v1/models/cats:predict", body), 404, "not-found")
  }

  @Test func sageMakerPingsAndInvokes() async throws {
    let service = try await service(.sageMaker)
    #expect(try await answer(service, "GET", "/ping").status == 200)
    for (body, type) in [
      (Pictures.png, "image/png"), (Pictures.png, "application/x-image"),
      (Array(#"{"image":"\#(Self.text)"}"#.utf8), "application/json"),
      (Array(#"{"instances":[{"b64":"\#(Self.text)"}]}"#.utf8), "application/json"),
    ] {
      let response = try await answer(service, "POST", "/invocations", body, type: type)
      #expect(response.status == 200, "\(type)")
      #expect(try response.json["predictions"]?[0]?["scores"]?.elements.count == 2)
    }
    service.beginDraining()
    #expect(try await answer(service, "GET", "/ping").status == 503)
  }

  @Test func vertexAINamesItsRoutes() async throws {
    let service = try await service(.vertexAI)
    #expect(try await answer(service, "GET", "/v1/endpoints/1:health").status == 200)
    let response = try await json(
      service, "/v1/endpoints/1:predict", #"{"instances":[{"b64":"\#(Self.text)"}]}"#)
    #expect(try response.json["predictions"]?.elements.count == 1)
  }

  @Test func cvatAsksAtTheRoot() async throws {
    let backend = FakeBackend()
    let service = try await service(.cvat, backend: backend)
    let response = try await json(
      service, "/", #"{"image":"\#(Self.text)","threshold":0.6,"labels":{}}"#)
    #expect(response.status == 200)
    let shape = try response.json[0]
    #expect(shape?["confidence"] == .string("0.75") && shape?["label"] == .string("WBC"))
    #expect(shape?["points"]?.floats == [2, 1, 10, 5] && shape?["type"] == .string("rectangle"))
    #expect(backend.calls.first?.parameters.scoreThreshold == 0.6)
    #expect(
      try await json(service, "/", #"{"image":"\#(Self.text)","threshold":null}"#).status == 200)
    #expect(try await json(service, "/", #"{"threshold":0.5}"#).status == 400)
    // The page is where it was.
    #expect(try await service.get("/").fields["Content-Type"]?.hasPrefix("text/html") == true)
  }

  @Test func labelStudioAsksInPercents() async throws {
    let service = try await service(.labelStudio)
    #expect(try await answer(service, "GET", "/health").json["status"] == .string("UP"))
    let setup = try await json(service, "/setup", #"{"project":"1","schema":"<View/>"}"#)
    #expect(try setup.json["model_version"] == .string("7"))
    let task =
      #"{"id":7,"data":{"image":"data:image/png;base64,\#(Self.text)","note":"x"},"meta":{}}"#
    let response = try await json(
      service, "/predict", #"{"tasks":[\#(task),\#(task)],"label_config":"<View/>"}"#)
    #expect(response.status == 200)
    let results = try response.json["results"]?.elements ?? []
    #expect(results.count == 2)
    let region = results.first?["result"]?[0]
    #expect(region?["original_width"] == .number(16) && region?["original_height"] == .number(8))
    #expect(region?["value"]?["x"] == .number(12.5) && region?["value"]?["width"] == .number(50))
    #expect(region?["value"]?["rectanglelabels"] == .array([.string("WBC")]))
    for (link, status, kind) in [
      ("http://127.0.0.1/x.png", 403, "fetch-forbidden"),
      ("/data/upload/1.png", 400, "malformed-json"), ("file:///etc/passwd", 400, "malformed-json"),
    ] {
      let refused = try await json(
        service, "/predict", #"{"tasks":[{"data":{"image":"\#(link)"}}]}"#)
      try expectProblem(refused, status, kind)
    }
  }

  @Test func doorsAreForThoseWhoHaveAKeyAndProbesNeedNone() async throws {
    let service = try await service(.sageMaker, .deepStack)
    service.setKeys(try APIKeys(parsing: "0123456789abcdef"))
    try expectProblem(
      try await answer(service, "POST", "/invocations", Pictures.png), 401, "unauthorized")
    #expect(try await answer(service, "GET", "/ping").status == 200)
  }

  @Test func aDoorsRequestsAreCountedByItsPattern() async throws {
    let service = try await service(.torchServe)
    _ = try await answer(service, "POST", "/predictions/cells", Pictures.png)
    _ = try await answer(service, "POST", "/predictions/made-up", Pictures.png)
    let metrics = String(decoding: try await service.get("/metrics").body, as: UTF8.self)
    #expect(
      metrics.contains(#"frcnn_requests_total{route="/predictions/{model}",code="200"} 1"#))
    #expect(!metrics.contains("made-up"))
  }
}
