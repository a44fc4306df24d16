import FasterRCNN
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// One deadline over waiting and work.
@Suite struct DeadlineTests {
  /// A backend that works until it is cancelled, or until its gate opens.
  private func patient(_ gate: Gate) -> FakeBackend {
    FakeBackend { size, _ in
      gate.pass()
      return .sample(size)
    }
  }

  @Test func theAnswerComesAtTheDeadlineWhileTheLaneStillComputes() async throws {
    let gate = Gate()
    let backend = patient(gate)
    let service = try await DetectionService.ready(backend)
    // Long enough to reach the lane; on a machine that is too busy for that, longer.
    for time in [1, 10, 100, 1000] where backend.calls.isEmpty {
      let start = ContinuousClock.now
      let response = try await service.detect("timeout_ms=\(1000 * time)")
      #expect(ContinuousClock.now - start >= .seconds(time))
      try expectProblem(response, 504, "deadline-exceeded")
      #expect(
        try response.json["limit"]
          == .object([
            "name": .string("time"), "value": .number(Double(1000 * time)),
            "unit": .string("milliseconds"),
          ]))
    }
    // The lane is at it still: it is the answer that did not wait.
    #expect(service.queue.load.running == 1)
    gate.open()
    #expect(await eventually { service.queue.load.running == 0 })
    #expect(service.serviceTime == nil)
  }

  @Test func whatWaitsLosesItsPlaceAtTheDeadline() async throws {
    let gate = Gate()
    let backend = patient(gate)
    let service = try await DetectionService.ready(backend)
    async let first = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    let late = try await service.detect(fields: [("X-Request-Timeout-Ms", "30")])
    try expectProblem(late, 504, "deadline-exceeded")
    #expect(await eventually { service.queue.load.waiting == 0 })
    gate.open()
    #expect(try await first.status == 200)
    #expect(backend.calls.count == 1, "nobody waits for the second any more")
  }

  @Test func aRequestMayShortenTheTimeAndNotLengthenIt() async throws {
    let (gate, other) = (Gate(), Gate())
    var settings = ServiceSettings.testing()
    settings.requestTimeout = .milliseconds(80)
    let service = try await DetectionService.ready(patient(gate), settings: settings)
    func limit(_ response: HTTPResponse) throws -> Double? {
      try response.json["limit"]?["value"]?.double
    }
    let header = try await service.detect(fields: [("X-Request-Timeout-Ms", "20")])
    #expect(try limit(header) == 20)
    let query = try await service.detect("timeout_ms=30")
    #expect(try limit(query) == 30)
    let both = try await service.detect("timeout_ms=30", fields: [("X-Request-Timeout-Ms", "10")])
    #expect(try limit(both) == 10)
    let longer = try await service.detect("timeout_ms=100000")
    #expect(try limit(longer) == 80)
    gate.open()
    // What a body says is known when it has been read, for which there is time here.
    let unhurried = try await DetectionService.ready(patient(other))
    let form = Form([.file("image", Pictures.png), .text("timeout_ms", "25")])
    let field = try await unhurried.detect(picture: form.body, type: form.type)
    #expect(try limit(field) == 25)
    other.open()
  }

  @Test func aTimeThatTheBodyShortensDecidesWhoGoesFirst() async throws {
    let gate = Gate()
    let backend = patient(gate)
    var settings = ServiceSettings.testing()
    settings.requestTimeout = .seconds(10_000)
    let service = try await DetectionService.ready(backend, settings: settings)
    try #require(service.registry.all.first).record.serviceTime.record(
      .seconds(1000), isWhole: true)
    async let held = service.detect("max_detections=1")
    #expect(await eventually { backend.calls.count == 1 })
    // A piece of work takes longer than the form says that its client waits.
    let form = Form([.file("image", Pictures.png), .text("timeout_ms", "600000")])
    async let late = service.detect("max_detections=2", picture: form.body, type: form.type)
    #expect(await eventually { service.queue.load.waitingPixels == 128 })
    async let patient = service.detect("max_detections=3")
    #expect(await eventually { service.queue.load.waitingPixels == 256 })
    gate.open()
    #expect(try await [held.status, late.status, patient.status] == [200, 200, 200])
    #expect(backend.calls.map(\.parameters.maximumDetections) == [1, 3, 2])
  }

  @Test(arguments: ["", "0", "-5", "1.5", "1e3", "86400001", "soon", "99999999999999999999"])
  func aTimeThatCannotBeMeantIsRefused(value: String) async throws {
    let service = try await DetectionService.ready()
    let response = try await service.detect(fields: [("X-Request-Timeout-Ms", value)])
    try expectProblem(response, 400, "invalid-parameter", parameter: "X-Request-Timeout-Ms")
  }

  @Test func answersInTimeAreNotDisturbed() async throws {
    let service = try await DetectionService.ready()
    for _ in 0..<20 {
      let response = try await service.detect(fields: [("X-Request-Timeout-Ms", "3600000")])
      #expect(response.status == 200)
      #expect(response.fields["X-Queue-Depth"] != nil)
    }
  }

  @Test func aLaneThatIsStuckEndsLiveness() async throws {
    let gate = Gate()
    let backend = patient(gate)
    var settings = ServiceSettings.testing()
    settings.laneTimeout = .milliseconds(50)
    let service = try await DetectionService.ready(backend, settings: settings)
    #expect(try await service.get("/livez").status == 200)
    async let first = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    #expect(await eventually { service.queue.stuckLanes(limit: .milliseconds(50)) == 1 })
    try expectProblem(try await service.get("/livez"), 503, "lane-stuck")
    try expectProblem(try await service.get("/readyz"), 503, "lane-stuck")
    gate.open()
    #expect(try await first.status == 200)
    #expect(await eventually { service.queue.load.running == 0 })
    #expect(try await service.get("/livez").status == 200)
  }
}
