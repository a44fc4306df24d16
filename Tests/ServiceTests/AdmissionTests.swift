import FasterRCNN
import HTTP1
import HTTPServer
import Images
import Testing

@testable import Service

/// The queue, the lanes, and the life of a service.
@Suite struct AdmissionTests {
  /// A backend that lets pictures through when its gate is open.
  private func gated(_ gate: Gate) -> FakeBackend {
    FakeBackend { size, isCancelled in
      gate.pass()
      if isCancelled() { throw DetectorError.cancelled }
      return .sample(size)
    }
  }

  @Test func aFullQueueRefusesAtOnceAndTheAcceptedAreAnswered() async throws {
    let gate = Gate()
    let backend = gated(gate)
    let service = try await DetectionService.ready(backend, settings: .testing(queueCapacity: 2))
    async let first = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    async let second = service.detect()
    async let third = service.detect()
    #expect(await eventually { service.queue.load.waiting == 2 })

    var head = HTTPRequest.detect(body: [])
    head.fields["Content-Length"] = "100"
    let early = try #require(service.refuse(head: head))
    try expectProblem(early, 429, "queue-full")
    #expect(early.fields["Retry-After"] == "1")
    // One whose head passed while there was room.
    let late = await withCheckedContinuation { done in
      service.handle(.detect()) { done.resume(returning: $0) }
    }
    try expectProblem(late, 429, "queue-full")
    #expect(
      try late.json["limit"]
        == .object(["name": .string("queue"), "value": .number(2), "unit": .string("requests")]))

    // Health is not in the queue.
    #expect(try await service.get("/livez").status == 200)
    #expect(try await service.get("/healthz").json["queue"]?["waiting"] == .number(2))
    #expect(try await service.get("/healthz").json["lanes"]?["busy"] == .number(1))

    gate.open()
    #expect(try await [first.status, second.status, third.status] == [200, 200, 200])
    #expect(try await service.detect().status == 200)
  }

  @Test func retryAfterIsTheTimeThatTheQueueTakes() {
    func seconds(_ waiting: Int, _ mean: Duration?, lanes: Int = 1) -> Int {
      WorkQueue.Load(waiting: waiting, running: 1, waitingTime: (mean ?? .zero) * waiting)
        .retryAfter(laneCount: lanes)
    }
    #expect(seconds(16, nil) == 1)
    #expect(seconds(16, .milliseconds(10)) == 1)
    #expect(seconds(16, .milliseconds(750)) == 12)
    #expect(seconds(16, .milliseconds(751)) == 13)
    #expect(seconds(16, .milliseconds(750), lanes: 2) == 6)
    #expect(seconds(16, .seconds(1000)) == 3600)
  }

  @Test func theTimeThatAPictureTakesIsMeasured() async throws {
    let service = try await DetectionService.ready(
      FakeBackend { size, _ in
        for _ in 0..<20 { pause() }
        return .sample(size)
      })
    for _ in 0..<3 { _ = try await service.detect() }
    #expect(await eventually { service.queue.load.running == 0 })
    #expect(try #require(service.serviceTime) >= .milliseconds(20))
  }

  @Test func whatWaitsIsDroppedWhenItsClientGoes() async throws {
    let gate = Gate()
    let backend = gated(gate)
    let service = try await DetectionService.ready(backend, settings: .testing(queueCapacity: 1))
    async let first = service.detect("max_detections=1")
    #expect(await eventually { backend.calls.count == 1 })
    let cancellation = Cancellation()
    let gone = Held<HTTPResponse?>(nil)
    service.handle(.detect("max_detections=2", cancellation: cancellation)) { response in
      gone.withLock { $0 = response }
    }
    #expect(
      service.queue.shortage(adding: 0, within: .seconds(3600), serviceTime: ServiceTime())
        == .requests)
    cancellation.cancel()
    // Its place is free at once, even while the lane is busy.
    #expect(
      service.queue.shortage(adding: 0, within: .seconds(3600), serviceTime: ServiceTime()) == nil)
    async let third = service.detect("max_detections=3")
    #expect(await eventually { gone.withLock { $0 } != nil })
    #expect(gone.withLock { $0?.status } == 499)
    gate.open()
    #expect(try await [first.status, third.status] == [200, 200])
    #expect(backend.calls.map(\.parameters.maximumDetections) == [1, 3])
  }

  @Test func whatRunsIsStoppedWhenItsClientGoes() async throws {
    let backend = FakeBackend { size, isCancelled in
      // An end for the case that nothing stops it; a busy machine may hold the test up for long.
      let deadline = ContinuousClock.now + .seconds(1200)
      while !isCancelled(), ContinuousClock.now < deadline { pause() }
      if isCancelled() { throw DetectorError.cancelled }
      return .sample(size)
    }
    let service = try await DetectionService.ready(backend)
    let cancellation = Cancellation()
    let response = Held<HTTPResponse?>(nil)
    service.handle(.detect(cancellation: cancellation)) { answer in
      response.withLock { $0 = answer }
    }
    #expect(await eventually { backend.calls.count == 1 })
    cancellation.cancel()
    #expect(await eventually { response.withLock { $0 } != nil })
    #expect(response.withLock { $0?.status } == 499)
    // What was given up halfway does not count as a time that a picture takes.
    #expect(await eventually { service.queue.load.running == 0 })
    #expect(service.serviceTime == nil)
  }

  @Test func drainingServesWhoComesAllTheSame() async throws {
    let gate = Gate()
    let backend = gated(gate)
    let service = try await DetectionService.ready(backend)
    async let running = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    async let waiting = service.detect()
    #expect(await eventually { service.queue.load.waiting == 1 })
    service.beginDraining()
    try expectProblem(try await service.get("/readyz"), 503, "draining")
    // Who comes all the same, because a balancer has not noticed yet, is served.
    async let late = service.detect()
    #expect(await eventually { service.queue.load.waiting == 2 })
    gate.open()
    #expect(try await [running.status, waiting.status, late.status] == [200, 200, 200])
  }

  @Test func picturesAreRefusedUntilTheModelHasRun() async throws {
    let service = DetectionService(settings: .testing())
    try expectProblem(try await service.detect(), 503, "loading")
    let gate = Gate()
    let isLoaded = Held(false)
    let source = ModelSource {
      gate.pass()
      return FakeBackend()
    }
    service.load(source) { _ in isLoaded.withLock { $0 = true } }
    try expectProblem(try await service.detect(), 503, "loading")
    gate.open()
    #expect(await eventually { isLoaded.withLock { $0 } })
    #expect(try await service.detect().status == 200)
  }

  @Test func aModelThatDoesNotRunIsNotServed() async throws {
    let broken = FakeBackend(warmUp: { throw DetectorError.notFinite })
    let service = DetectionService(settings: .testing())
    await #expect(throws: DetectorError.self) { try await service.load(broken) }
    try expectProblem(try await service.detect(), 500, "model-failed")
    try expectProblem(try await service.get("/readyz"), 500, "model-failed")
    #expect(try await service.get("/healthz").json["status"] == .string("failed"))
    #expect(try await service.get("/livez").status == 200)

    try await service.load(FakeBackend())
    #expect(try await service.detect().status == 200)
    await #expect(throws: DetectorError.self) { try await service.load(broken) }
    #expect(try await service.detect().status == 200, "the model before goes on")
  }

  @Test func aModelIsReplacedForThoseWhoComeLater() async throws {
    let gate = Gate()
    let old = gated(gate)
    let service = try await DetectionService.ready(old)
    async let first = service.detect()
    #expect(await eventually { old.calls.count == 1 })
    async let second = service.detect()
    #expect(await eventually { service.queue.load.waiting == 1 })
    var model = ModelDescription.cells
    model.name = "newer"
    let newer = FakeBackend(model: model)
    // While the lane is busy: warming up needs none, and holds none up.
    try await service.load(newer)
    gate.open()
    #expect(try await first.json["model"]?["name"] == .string("cells"))
    #expect(try await second.json["model"]?["name"] == .string("cells"))
    #expect(try await service.detect().json["model"]?["name"] == .string("newer"))
  }

  @Test func eachLaneWorksOnItsOwnAndWarmsUp() async throws {
    let gate = Gate()
    let warmUps = Held(0)
    let backend = FakeBackend(
      { size, _ in
        gate.pass()
        return .sample(size)
      }, warmUp: { warmUps.withLock { $0 += 1 } })
    let service = DetectionService(settings: .testing(laneCount: 3))
    try await service.load(backend)
    #expect(warmUps.withLock { $0 } == 3)
    async let responses = withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<3 { group.addTask { try await service.detect().status } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(await eventually { service.queue.load.running == 3 })
    gate.open()
    #expect(try await responses == [200, 200, 200])
  }
}
