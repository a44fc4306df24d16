import FasterRCNN
import HTTPServer
import Tensors
import Testing

@testable import Service

/// Several models in one service.
@Suite struct ModelsTests {
  private static func backend(
    _ label: String, version: String = "1",
    _ body: @escaping @Sendable (PictureSize, @Sendable () -> Bool) throws -> DetectionResult = {
      size, _ in .sample(size)
    }
  ) -> FakeBackend {
    var model = ModelDescription.cells
    model.name = "a name of its own"
    model.version = version
    model.labels = [label, "two", "three"]
    return FakeBackend(model: model, body)
  }

  /// A service with the models `one` and `two`, whose models may be loaded and unloaded.
  private func service(
    _ backends: [(String, FakeBackend)]? = nil, controlled: Bool = true
  ) async throws -> DetectionService {
    var settings = ServiceSettings.testing()
    settings.allowsModelControl = controlled
    let service = DetectionService(settings: settings)
    for (name, backend) in backends ?? [
      ("one", Self.backend("cat")), ("two", Self.backend("dog", version: "2")),
    ] {
      try await service.load(backend, named: name)
    }
    return service
  }

  private func post(_ service: DetectionService, _ path: String) async throws -> HTTPResponse {
    try await service.get(path, method: "POST")
  }

  private func states(_ service: DetectionService) async throws -> [String: String] {
    let index = try await service.get("/v2/repository/index").json
    return Dictionary(
      uniqueKeysWithValues: index.elements.map { ($0["name"]?.text ?? "", $0["state"]?.text ?? "") }
    )
  }

  @Test func aRequestIsAnsweredByTheModelThatItNames() async throws {
    let service = try await service()
    func label(_ query: String?) async throws -> String? {
      try await service.detect(query).json["detections"]?[1]?["label"]?.text
    }
    #expect(try await label(nil) == "cat")
    #expect(try await label("model=one") == "cat")
    #expect(try await label("model=two") == "dog")
    #expect(try await service.detect("model=two").json["model"]?["name"] == .string("two"))
    // The model's own classes are what can be named.
    #expect(try await service.detect("model=two&classes=dog").status == 200)
    #expect(try await service.detect("classes=dog&model=one").status == 400)
    let unknown = try await service.detect("model=three")
    try expectProblem(unknown, 404, "not-found")
    #expect(try unknown.json["detail"]?.text?.contains("'one', 'two'") == true)
  }

  @Test func aModelIsChosenInTheQueryAlone() async throws {
    let service = try await service()
    let form = Form([.text("model", "two"), .file("image", Pictures.png)])
    let response = try await service.detect(picture: form.body, type: form.type)
    try expectProblem(response, 400, "invalid-parameter", parameter: "model")
    let same = Form([.text("model", "one"), .file("image", Pictures.png)])
    #expect(try await service.detect(picture: same.body, type: same.type).status == 200)
    #expect(
      try await service.detect("model=two&model=one").status == 400, "a model is named twice")
  }

  @Test func theInferenceProtocolNamesModelsAndVersions() async throws {
    let service = try await service()
    #expect(try await service.get("/v2/models/two").json["versions"]?[0] == .string("2"))
    #expect(try await service.get("/v2/models/two/versions/2").status == 200)
    try expectProblem(try await service.get("/v2/models/two/versions/1"), 404, "not-found")
    var request = HTTPRequest.detect(type: nil, fields: [("Inference-Header-Content-Length", "0")])
    request.path = "/v2/models/two/versions/2/infer"
    #expect(try await service.answer(request).status == 200)
    request.path = "/v2/models/three/infer"
    try expectProblem(try await service.answer(request), 404, "not-found")

    let all = try await service.get("/v2/models/stats").json["model_stats"]?.elements ?? []
    #expect(all.map { $0["name"]?.text } == ["one", "two"])
    #expect(all.map { $0["inference_count"]?.double } == [0, 1])
    let metrics = String(decoding: try await service.get("/metrics").body, as: UTF8.self)
    #expect(metrics.contains(#"frcnn_model_requests_total{model="two",outcome="success"} 1"#))
    #expect(metrics.contains(#"frcnn_model_info{name="one",version="1""#))
    #expect(metrics.contains(#"frcnn_detections_per_image_count{model="two"} 1"#))
  }

  @Test func unloadingUnderLoadLosesNothingAndFreesTheModel() async throws {
    let gate = Gate()
    weak var held: FakeBackend?
    let service = try await service([("one", Self.backend("cat"))])
    do {
      let backend = Self.backend("dog") { size, _ in
        gate.pass()
        return .sample(size)
      }
      held = backend
      try await service.load(backend, named: "two")
    }
    async let running = service.detect("model=two")
    #expect(await eventually { service.queue.load.running == 1 })
    async let waiting = service.detect("model=two")
    #expect(await eventually { service.queue.load.waiting == 1 })
    #expect(try await post(service, "/v2/repository/models/two/unload").status == 200)
    #expect(try await states(service) == ["one": "READY", "two": "UNAVAILABLE"])
    try expectProblem(try await service.detect("model=two"), 404, "not-found")
    try expectProblem(try await service.get("/v2/models/two/ready"), 404, "not-found")
    #expect(try await service.get("/readyz").status == 200)
    #expect(held != nil, "requests are at it")
    gate.open()
    #expect(try await [running.status, waiting.status] == [200, 200])
    #expect(try await service.detect().status == 200)
  }

  @Test func aModelIsLoadedAgainByRequest() async throws {
    let service = try await service()
    #expect(try await post(service, "/v2/repository/models/two/unload").status == 200)
    let loaded = try await post(service, "/v2/repository/models/two/load")
    #expect(loaded.status == 200)
    #expect(try loaded.json["state"] == .string("READY"))
    #expect(try await service.detect("model=two").status == 200)
    try expectProblem(
      try await post(service, "/v2/repository/models/three/load"), 404, "not-found")
    service.findModels { name in
      name == "three" ? ModelSource(name: name) { Self.backend("bird") } : nil
    }
    #expect(try await post(service, "/v2/repository/models/three/load").status == 200)
    #expect(
      try await service.detect("model=three").json["detections"]?[1]?["label"] == .string("bird"))
    service.findModels { name in
      ModelSource(name: name) { throw DetectorError.notFinite }
    }
    // One that fails leaves the one before.
    try expectProblem(
      try await post(service, "/v2/repository/models/three/load"), 500, "model-failed")
    #expect(try await service.detect("model=three").status == 200)
    try expectProblem(
      try await post(service, "/v2/repository/models/four/load"), 500, "model-failed")
    #expect(try await states(service)["four"] == "UNAVAILABLE")
    try expectProblem(try await service.detect("model=four"), 500, "model-failed")
  }

  @Test func modelsAreFixedUnlessTheOperatorSaysOtherwise() async throws {
    let service = try await service(controlled: false)
    for verb in ["load", "unload"] {
      try expectProblem(
        try await post(service, "/v2/repository/models/two/\(verb)"), 501, "not-implemented")
    }
    #expect(try await states(service) == ["one": "READY", "two": "READY"])
  }

  @Test func aRequestCannotBringAConfiguration() async throws {
    let service = try await service()
    var request = HTTPRequest(
      method: "POST", path: "/v2/repository/models/two/load",
      body: Array(#"{"parameters":{"config":"{}"}}"#.utf8))
    try expectProblem(try await service.answer(request), 400, "malformed-json")
    request.body = Array(#"{"parameters":{"unload_dependents":true}}"#.utf8)
    #expect(try await service.answer(request).status == 200)
    request.path = "/v2/repository/index"
    request.body = Array(#"{"ready":true}"#.utf8)
    #expect(try await service.answer(request).json.elements.count == 2)
  }

  @Test func loadingsOfOneModelThatWaitAreOne() async throws {
    let service = try await service([("one", Self.backend("cat"))])
    let gate = Gate()
    let openings = Held(0)
    let ends = Held(0)
    let source = ModelSource(name: "two") {
      openings.withLock { $0 += 1 }
      gate.pass()
      return Self.backend("dog")
    }
    service.load(source) { _ in ends.withLock { $0 += 1 } }
    #expect(await eventually { openings.withLock { $0 } == 1 })
    // While one is being opened any number more are asked for: one more is opened.
    for _ in 0..<100 { service.load(source) { _ in ends.withLock { $0 += 1 } } }
    try expectProblem(try await service.get("/readyz"), 503, "loading")
    #expect(try await states(service)["two"] == "LOADING")
    try expectProblem(try await service.detect("model=two"), 503, "loading")
    #expect(try await service.detect().status == 200)
    gate.open()
    #expect(await eventually { ends.withLock { $0 } == 101 })
    #expect(openings.withLock { $0 } == 2)
  }

  @Test func healthTellsEachModel() async throws {
    let service = try await service()
    let models = try await service.get("/healthz").json["models"]
    #expect(models?[1] == .object(["name": .string("two"), "status": .string("ready")]))
    service.beginDraining()
    #expect(try await service.get("/healthz").json["status"] == .string("draining"))
    #expect(try await service.detect("model=two").status == 200)
    try expectProblem(
      try await post(service, "/v2/repository/models/two/unload"), 503, "draining")
  }
}
