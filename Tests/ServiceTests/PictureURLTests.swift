import Fetching
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// Pictures that requests name by URL.
@Suite struct PictureURLTests {
  /// A host that has a picture, and a page.
  private struct Host: RequestHandler {
    func admit(head: HTTPRequest) -> HTTPAdmission { .admitted(ticket: nil) }

    func handle(_ request: HTTPRequest, respond: @escaping @Sendable (HTTPResponse) -> Void) {
      var response = HTTPResponse(status: 200, body: Pictures.png)
      switch request.path {
      case "/picture.png": response.fields.append("Content-Type", "image/png")
      case "/page": response.fields.append("Content-Type", "text/html")
      case "/broken.png": response.body = Array(Pictures.png.dropLast(40))
      case "/large": response.body = [UInt8](repeating: 1, count: 200_000)
      case "/empty": response.body = []
      default: response.status = 404
      }
      respond(response)
    }

    func response(to refusal: HTTPRefusal) -> HTTPResponse { HTTPResponse(status: refusal.status) }
  }

  /// Runs a host, and a service that fetches from it.
  private func withHost(
    compatibility: Compatibility = Compatibility(),
    _ body: (_ service: DetectionService, _ base: String) async throws -> Void
  ) async throws {
    var configuration = HTTPServerConfiguration()
    configuration.addresses = [SocketAddress(host: "127.0.0.1", port: 0)]
    configuration.headTimeout = .seconds(3600)
    configuration.writeTimeout = .seconds(3600)
    let host = HTTPServer(configuration: configuration, handler: Host())
    let port = try host.start()[0].port
    let source = try #require(FetchSource("127.0.0.1:\(port)"))
    var settings = ServiceSettings.testing()
    settings.maximumBodyBytes = 100_000
    settings.compatibility = compatibility
    let service = DetectionService(
      settings: settings,
      fetcher: try Fetcher(
        FetchPolicy(sources: [], privateSources: [source], timeout: .seconds(3600))))
    try await service.load(FakeBackend())
    do {
      try await body(service, "http://127.0.0.1:\(port)")
    } catch {
      await host.shutdown(within: .zero)
      throw error
    }
    await host.shutdown(within: .zero)
  }

  private func ask(
    _ service: DetectionService, _ json: String, path: String = "/detect", query: String? = nil
  ) async throws -> HTTPResponse {
    try await service.answer(
      .detect(query, body: Array(json.utf8), type: "application/json", path: path))
  }

  @Test(arguments: [#"{"url": "https://example.org/a.png"}"#, #"{"urls": ["http://127.0.0.1/"]}"#])
  func noneIsFetchedUnlessTheOperatorSaysSo(json: String) async throws {
    let service = try await DetectionService.ready()
    let response = try await ask(service, json)
    if json.contains("urls") {
      let result = try response.json["results"]?[0]
      #expect(result?["type"]?.text == "urn:frcnn:problem:fetch-forbidden")
    } else {
      try expectProblem(response, 403, "fetch-forbidden")
    }
  }

  @Test(arguments: ["/detect", "/proposals"])
  func aPictureIsFetchedAndAnsweredAsIfItHadBeenSent(path: String) async throws {
    try await withHost { service, base in
      let response = try await ask(service, #"{"url": "\#(base)/picture.png"}"#, path: path)
      #expect(response.status == 200)
      let sent = try await service.answer(.detect(path: path))
      #expect(try response.json["image"] == sent.json["image"])
      #expect(try response.json["detections"] == sent.json["detections"])
      let text = try String(decoding: await service.get("/metrics").body, as: UTF8.self)
      #expect(text.contains("frcnn_fetches_total{outcome=\"success\"} 1\n"))
    }
  }

  @Test func whatIsWrongIsSaid() async throws {
    try await withHost { service, base in
      for (url, status, kind) in [
        ("http://example.org/", 403, "fetch-forbidden"),
        ("ftp://127.0.0.1/", 400, "malformed-request"), ("", 400, "malformed-request"),
        ("\(base)/page", 424, "fetch-failed"), ("\(base)/nothing", 424, "fetch-failed"),
        ("\(base)/large", 413, "body-too-large"),
        ("\(base)/broken.png", 422, "undecodable-picture"),
        ("\(base)/empty", 400, "missing-picture"),
      ] {
        try expectProblem(try await ask(service, #"{"url": "\#(url)"}"#), status, kind)
      }
      // What the request itself has wrong is told before anything is fetched.
      try expectProblem(
        try await ask(service, #"{"url": "\#(base)/picture.png", "score_threshold": 2}"#), 400,
        "invalid-parameter", parameter: "score_threshold")
      let text = try String(decoding: await service.get("/metrics").body, as: UTF8.self)
      #expect(text.contains("frcnn_fetches_total{outcome=\"refused\"} 3\n"))
      #expect(text.contains("frcnn_fetches_total{outcome=\"failure\"} 3\n"))
    }
  }

  @Test func severalAreToldOfEachInItsPlace() async throws {
    try await withHost { service, base in
      let urls = ["picture.png", "nothing", "broken.png", "picture.png"].map { "\"\(base)/\($0)\"" }
      let response = try await ask(service, #"{"urls": [\#(urls.joined(separator: ","))]}"#)
      let results = try #require(try response.json["results"]).elements
      #expect(results.map { $0["status"]?.double } == [nil, 424, 422, nil])
      #expect(results[3]["detections"] == results[0]["detections"])
      #expect(results[0]["detections"] != nil)
      try expectProblem(
        try await ask(service, #"{"urls": []}"#), 400, "missing-picture")
      let many = Array(repeating: urls[0], count: 33).joined(separator: ",")
      try expectProblem(try await ask(service, #"{"urls": [\#(many)]}"#), 400, "malformed-request")
      try expectProblem(
        try await ask(service, #"{"url": \#(urls[0]), "image": "AA=="}"#), 400, "malformed-json")
    }
  }

  @Test func aTaskOfLabelStudioMayHaveALink() async throws {
    let compatibility = Compatibility(servers: [.labelStudio])
    try await withHost(compatibility: compatibility) { service, base in
      func predict(_ link: String) async throws -> HTTPResponse {
        let body = Array(#"{"tasks": [{"data": {"id": 7, "image": "\#(link)"}}]}"#.utf8)
        let request = HTTPRequest.detect(body: body, type: "application/json", path: "/predict")
        return await withCheckedContinuation { done in
          service.handle(request) { done.resume(returning: $0) }
        }
      }
      let response = try await predict("\(base)/picture.png")
      #expect(response.status == 200)
      #expect(try response.json["results"]?[0]?["result"]?.elements.isEmpty == false)
      #expect(try await predict("http://example.org/picture.png").status == 403)
      #expect(try await predict("/data/upload/1.png").status == 400)
    }
  }
}
