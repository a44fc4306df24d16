import FasterRCNN
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// What `GET /metrics` says of requests that were answered.
@Suite struct MetricsTests {
  private func metrics(_ service: DetectionService, accept: String? = nil) async throws -> String {
    var request = HTTPRequest(method: "GET", path: "/metrics")
    if let accept { request.fields.append("Accept", accept) }
    return String(decoding: try await service.answer(request).body, as: UTF8.self)
  }

  @Test func requestsAreCountedByRouteAndStatus() async throws {
    let service = try await DetectionService.ready()
    _ = try await service.detect()
    _ = try await service.detect()
    _ = try await service.detect("x=1")
    _ = try await service.get("/livez")
    _ = try await service.get("/nowhere/42")
    let text = try await metrics(service)
    #expect(text.contains(#"frcnn_requests_total{route="/detect",code="200"} 2"#))
    #expect(text.contains(#"frcnn_requests_total{route="/detect",code="400"} 1"#))
    #expect(text.contains(#"frcnn_requests_total{route="/livez",code="200"} 1"#))
    // A path that a client makes up is no label: it could make up any number of them.
    #expect(text.contains(#"frcnn_requests_total{route="other",code="404"} 1"#))
    #expect(!text.contains("nowhere"))
    #expect(text.contains(#"frcnn_request_duration_seconds_count{route="/detect"} 3"#))
    #expect(text.contains(#"frcnn_rejected_total{reason="unknown-parameter"} 1"#))
    #expect(text.contains(#"frcnn_rejected_total{reason="queue-full"} 0"#))
  }

  @Test func stagesAndFindingsAreHistograms() async throws {
    let service = try await DetectionService.ready()
    _ = try await service.detect()
    let text = try await metrics(service)
    // The fake backend says 12 ms for the backbone, three proposals and two objects.
    #expect(text.contains(#"frcnn_stage_duration_seconds_bucket{stage="backbone",le="0.01"} 0"#))
    #expect(text.contains(#"frcnn_stage_duration_seconds_bucket{stage="backbone",le="0.025"} 1"#))
    #expect(text.contains(#"frcnn_stage_duration_seconds_count{stage="encode"} 1"#))
    #expect(text.contains("frcnn_queue_wait_seconds_count 1\n"))
    #expect(!text.contains(#"stage="queue""#) && !text.contains(#"stage="total""#))
    #expect(text.contains("frcnn_batch_size_bucket{model=\"cells\",le=\"1.0\"} 1\n"))
    // Warming up is nobody's picture.
    #expect(text.contains(#"frcnn_proposals_per_image_count{model="cells"} 1"#))
    #expect(text.contains(#"frcnn_proposals_per_image_sum{model="cells"} 3.0"#))
    #expect(text.contains(#"frcnn_detections_per_image_bucket{model="cells",le="2.0"} 1"#))
  }

  @Test func theModelAndTheQueueAreGauges() async throws {
    let service = DetectionService(settings: .testing())
    let before = try await metrics(service)
    #expect(before.contains("frcnn_ready 0\n") && !before.contains("frcnn_model_info"))
    try await service.load(FakeBackend())
    let text = try await metrics(service)
    #expect(text.contains("frcnn_ready 1\n"))
    #expect(text.contains(#"frcnn_model_info{name="cells",version="7",sha256="0a0a"#))
    #expect(text.contains(#"profile="simple-faster-rcnn",precision="int8"} 1"#))
    #expect(text.contains(#"frcnn_model_loads_total{outcome="success"} 1"#))
    #expect(text.contains("frcnn_queue_depth 0\n") && text.contains("frcnn_queue_capacity 16\n"))
    #expect(text.contains(#"frcnn_plan_cache_hits_total{model="cells"} 0"#))
    #expect(text.contains("process_resident_memory_bytes "))
  }

  @Test func aClientThatWentAwayAndABrokenPictureAreCounted() async throws {
    let service = try await DetectionService.ready()
    let cancellation = Cancellation()
    cancellation.cancel()
    _ = await withCheckedContinuation { done in
      service.handle(.detect(cancellation: cancellation)) { done.resume(returning: $0.status) }
    }
    _ = try await service.detect(picture: [1, 2, 3])
    let text = try await metrics(service)
    #expect(text.contains("frcnn_cancelled_total 1\n"))
    #expect(text.contains(#"frcnn_requests_total{route="/detect",code="499"} 1"#))
    #expect(!text.contains("client-closed-request"))
    #expect(text.contains(#"frcnn_decode_errors_total{kind="unsupported-picture"} 1"#))
  }

  @Test func numbersThatAreNotFiniteAreCounted() async throws {
    let service = try await DetectionService.ready(
      FakeBackend { _, _ in throw DetectorError.notFinite })
    _ = try await service.detect()
    #expect(try await metrics(service).contains(#"frcnn_nonfinite_total{model="cells"} 1"#))
  }

  @Test func connectionsOfAllServersAreAddedUp() async throws {
    let service = try await DetectionService.ready()
    #expect(!(try await metrics(service)).contains("frcnn_http_"))
    let server = HTTPServer(configuration: HTTPServerConfiguration(), handler: service)
    var counted = server.statistics
    (counted.openConnections, counted.acceptedConnections) = (2, 5)
    counted.failedHandshakes = 3
    let statistics = counted
    for _ in 0..<2 { service.reportConnections { statistics } }
    service.reportConnections { nil }
    let text = try await metrics(service)
    #expect(text.contains("frcnn_http_connections 4\n"))
    #expect(text.contains("frcnn_http_connections_accepted_total 10\n"))
    #expect(text.contains("frcnn_http_handshake_failures_total 6\n"))
  }

  @Test(
    arguments: [
      (nil, false),
      ("*/*", false),
      ("text/plain", false),
      ("application/openmetrics-text", true),
      ("application/openmetrics-text; version=1.0.0; charset=utf-8", true),
      // What Prometheus 2 sends.
      (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
          + "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true
      ),
      ("text/plain;q=0.9, application/openmetrics-text;q=0.4", false),
      ("application/openmetrics-text;q=0", false),
      ("application/json", false),
      (";;;", false),
    ])
  func theFormatIsNegotiated(accept: String?, isOpenMetrics: Bool) async throws {
    let service = DetectionService(settings: .testing())
    var request = HTTPRequest(method: "GET", path: "/metrics")
    if let accept { request.fields.append("Accept", accept) }
    let response = try await service.answer(request)
    let format: MetricsFormatName = isOpenMetrics ? .openMetrics : .prometheus
    #expect(response.fields["Content-Type"] == format.rawValue)
    #expect(response.fields["Vary"]?.hasPrefix("Accept") == true)
    #expect(String(decoding: response.body, as: UTF8.self).hasSuffix("# EOF\n") == isOpenMetrics)
  }

  /// Written out, so that a mistake in the program is not a mistake in the test.
  private enum MetricsFormatName: String {
    case prometheus = "text/plain; version=0.0.4; charset=utf-8"
    case openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
  }

  @Test func everyFamilyIsInTheManual() async throws {
    let service = try await DetectionService.ready()
    let server = HTTPServer(configuration: HTTPServerConfiguration(), handler: service)
    service.reportConnections { server.statistics }
    let manual = try Repository.text("docs/operations.md")
    for line in try await metrics(service).split(separator: "\n") {
      guard line.hasPrefix("# TYPE ") else { continue }
      let name = line.split(separator: " ")[2]
      #expect(manual.contains("`\(name)"), "\(name)")
    }
  }
}
