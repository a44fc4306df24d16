import FasterRCNN
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// What is answered without a detector, and how requests are refused.
@Suite struct RoutingTests {
  @Test func probesAnswerAboutTheLifeOfTheService() async throws {
    let service = DetectionService(settings: .testing())
    #expect(try await service.get("/livez").status == 200)
    let loading = try await service.get("/readyz")
    try expectProblem(loading, 503, "loading")
    #expect(loading.fields["Retry-After"] == "1")
    #expect(try await service.get("/healthz").status == 503)

    try await service.load(FakeBackend())
    #expect(try await service.get("/readyz").json == .object(["status": .string("ready")]))
    let health = try await service.get("/healthz")
    #expect(health.status == 200)
    #expect(try health.json["model"]?["name"] == .string("cells"))
    #expect(try health.json["queue"]?["capacity"] == .number(16))

    service.beginDraining()
    #expect(try await service.get("/livez").status == 200)
    try expectProblem(try await service.get("/readyz"), 503, "draining")
    #expect(try await service.get("/healthz").json["status"] == .string("draining"))
  }

  @Test func identifiersAreDigitsAndNeverTheSame() {
    let names = (0..<10_000).map { _ in RequestIdentifier.random() }
    #expect(Set(names).count == names.count)
    // Half of it names a span, and is as unlike others.
    #expect(Set(names.map { $0.prefix(16) }).count == names.count)
    #expect(names.allSatisfy { $0.wholeMatch(of: /[0-9a-f]{32}/) != nil })
  }

  // The figures of /metrics have changed by the second request.
  @Test(arguments: Route.allCases.filter { $0.methods.contains(.get) && $0 != .metrics })
  func headIsGetWithoutItsBody(route: Route) async throws {
    let service = try await DetectionService.ready()
    let path = route.rawValue.replacing("{model}", with: "cells").replacing("{version}", with: "7")
    let get = try await service.get(path)
    let head = try await service.get(path, method: "HEAD")
    #expect(get.status == 200)
    #expect(head.status == get.status)
    // The server leaves the body out; its length has to be that of GET.
    #expect(head.body.count == get.body.count)
  }

  @Test(arguments: ["/predict", "/detect/", "/Detect", "//", "/livez/x", "*"])
  func anUnknownPathIsNotFound(path: String) async throws {
    let service = try await DetectionService.ready()
    try expectProblem(try await service.get(path), 404, "not-found")
    try expectProblem(try await service.get(path, method: "POST"), 404, "not-found")
  }

  @Test(arguments: Route.allCases)
  func anotherMethodIsRefusedWithThoseThatFit(route: Route) async throws {
    let service = try await DetectionService.ready()
    for method in Method.allCases where method != .options && !route.methods.contains(method) {
      let path = route.rawValue.replacing("{model}", with: "cells").replacing(
        "{version}", with: "7")
      let response = try await service.get(path, method: method.rawValue)
      try expectProblem(response, 405, "method-not-allowed")
      #expect(
        response.fields["Allow"]
          == (route.methods + [.options]).map(\.rawValue).joined(separator: ", "))
    }
    try expectProblem(
      try await service.get(route.rawValue, method: "BREW"), 501, "not-implemented")
    try expectProblem(
      try await service.get(route.rawValue, method: "post"), 501, "not-implemented")
  }

  @Test func aPatternFindsWhatStandsForItsNames() {
    #expect(PathPattern("/detect").values(in: "/detect") == [:])
    #expect(PathPattern("/detect").values(in: "/detect/") == nil)
    let model: PathPattern = "/v1/models/{model}:predict"
    #expect(model.values(in: "/v1/models/a.b:predict") == ["model": "a.b"])
    for path in [
      "/v1/models/:predict", "/v1/models/a", "/v1/models/a/b:predict", "models/a:predict",
    ] {
      #expect(model.values(in: path) == nil, "\(path)")
    }
    let version: PathPattern = "/v2/models/{model}/versions/{version}"
    #expect(version.values(in: "/v2/models/a/versions/7") == ["model": "a", "version": "7"])
    #expect(version.values(in: "/v2/models//versions/7") == nil)
    // A route of its own goes before one that a name would fit.
    #expect(RouteMatch(path: "/v2/models/stats") == RouteMatch(.allStatistics))
  }

  @Test(arguments: [
    ("/detect", "POST, OPTIONS"), ("/livez", "GET, HEAD, OPTIONS"),
    ("*", "GET, HEAD, POST, OPTIONS"),
  ])
  func optionsTellsTheMethods(path: String, allow: String) async throws {
    let response = try await DetectionService().get(path, method: "OPTIONS")
    #expect(response.status == 204)
    #expect(response.fields["Allow"] == allow)
    #expect(response.body.isEmpty)
  }

  @Test(arguments: Route.allCases)
  func theHealthPortAnswersProbesAlone(_ route: Route) async throws {
    let service = try await DetectionService.ready()
    let probes: [Route] = [.liveness, .readiness, .health, .inferenceLive, .inferenceReady]
    let isForProbes = probes.contains(route)
    let response = await withCheckedContinuation { done in
      let request = HTTPRequest(
        method: route == .detect ? "POST" : "GET", path: route.rawValue, listener: .health)
      service.handle(request) { done.resume(returning: $0) }
    }
    #expect(response.status == (isForProbes ? 200 : 404))
  }

  @Test func theIdentifierIsTheClientsWhereItCanBe() async throws {
    let service = try await DetectionService.ready()
    func identifier(_ given: [String]) async throws -> String? {
      var request = HTTPRequest(method: "GET", path: "/livez")
      for value in given { request.fields.append("x-request-id", value) }
      return try await service.answer(request).fields["X-Request-ID"]
    }
    let longest = String(repeating: "x", count: 128)
    for value in ["a", "A-b_c.d~e:9", longest] {
      #expect(try await identifier([value]) == value)
    }
    for values in [[], [""], ["a b"], ["a\"b"], ["é"], [longest + "x"], ["a", "b"], ["a/b"]] {
      let made = try #require(try await identifier(values))
      #expect(made.count == 32 && made.allSatisfy(\.isHexDigit))
    }
    #expect(try await identifier([]) != identifier([]))
  }

  @Test(arguments: [
    (400, "malformed-request"), (408, "request-timeout"), (411, "length-required"),
    (413, "body-too-large"), (414, "target-too-long"), (417, "expectation-failed"),
    (429, "too-many-connections"), (431, "head-too-large"), (501, "not-implemented"),
    (503, "out-of-body-memory"), (505, "version-not-supported"),
  ])
  func theServersRefusalsAreProblems(status: Int, kind: String) throws {
    let response = DetectionService().response(
      to: HTTPRefusal(
        status: status, detail: "the reason", retryAfter: [429, 503].contains(status) ? 1 : nil))
    try expectProblem(response, status, kind)
    #expect(try response.json["detail"] == .string("the reason"))
    try expectConforming(response, to: .detect())
  }

  @Test func everyKindOfProblemHasItsWords() {
    for kind in Problem.Kind.allCases {
      #expect((400...599).contains(kind.status), "\(kind)")
      #expect(!kind.title.isEmpty && !kind.title.hasSuffix("."), "\(kind)")
    }
    #expect(Set(Problem.Kind.allCases.map(\.title)).count == Problem.Kind.allCases.count)
  }
}
