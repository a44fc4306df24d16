import FasterRCNN
import HTTP1
import Observability
import Testing

@testable import HTTPServer
@testable import Service

/// Answers in lines, one for each picture as soon as it is done.
@Suite struct LinesTests {
  private static let accept = [("Accept", "application/x-ndjson")]

  /// What was logged.
  private final class Log: Sendable {
    private let held = Held<[String]>([])
    var lines: [String] { held.withLock { $0 } }
    func append(_ line: [UInt8]) {
      held.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
    }
  }

  /// A backend whose second picture waits for a gate.
  private func backend(pausing gate: Gate) -> FakeBackend {
    let calls = Held(0)
    return FakeBackend { size, _ in
      let number = calls.withLock { calls in
        calls += 1
        return calls
      }
      if number == 2 { gate.pass() }
      return .sample(size)
    }
  }

  /// Takes a body's parts as a connection does, up to the last.
  private func lines(of response: HTTPResponse) async throws -> [JSONValue] {
    var bytes = response.body
    let stream = try #require(response.stream)
    while true {
      let batch = stream.take()
      bytes += batch.bytes
      if batch.isLast { break }
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(bytes.last == UInt8(ascii: "\n"))
    return try parsed(bytes)
  }

  /// Reads lines, and holds each against the contract.
  private func parsed(_ bytes: [UInt8]) throws -> [JSONValue] {
    let checker = try Contract.checker()
    let schema = try #require(checker.document["components"]?["schemas"]?["DetectionLine"])
    return try bytes.split(separator: UInt8(ascii: "\n")).map { line in
      let value = try JSONValue(parsing: Array(line))
      #expect(checker.violations(of: value, against: schema) == [])
      return value
    }
  }

  private func form(_ count: Int, broken: Int? = nil) -> Form {
    Form((0..<count).map { .file("image", $0 == broken ? [1, 2, 3] : Pictures.png) })
  }

  @Test func eachPictureIsALineAndAnErrorToo() async throws {
    let service = try await DetectionService.ready()
    let form = form(3, broken: 1)
    let response = try await service.detect(
      "max_proposals=1", picture: form.body, type: form.type, fields: Self.accept)
    #expect(response.status == 200)
    #expect(response.fields["Content-Type"] == "application/x-ndjson")
    #expect(response.fields["Content-Encoding"] == nil && response.fields["Vary"] == "Accept")
    #expect(response.fields["X-Accel-Buffering"] == "no")
    let lines = try await lines(of: response)
    #expect(lines.compactMap { $0["index"]?.double } == [0, 1, 2])
    #expect(lines[1]["type"]?.text == "urn:frcnn:problem:unsupported-picture")
    #expect(lines[1]["request_id"]?.text == response.fields["X-Request-ID"])
    // What is told of each is what it alone is told.
    let alone = try await service.detect("max_proposals=1").json
    for line in [lines[0], lines[2]] {
      for name in ["detections", "proposals", "image", "model", "parameters"] {
        #expect(line[name] == alone[name] && line[name] != nil, "\(name)")
      }
      #expect(line["id"]?.text == response.fields["X-Request-ID"])
    }
    let text = try String(decoding: await service.get("/metrics").body, as: UTF8.self)
    #expect(text.contains("frcnn_lines_total{outcome=\"result\"} 2\n"))
    #expect(text.contains("frcnn_lines_total{outcome=\"problem\"} 1\n"))
  }

  @Test(arguments: ["/detect", "/proposals"]) func theParameterAsksToo(path: String) async throws {
    let service = try await DetectionService.ready()
    let response = try await service.answer(.detect("format=ndjson", path: path))
    let lines = try await lines(of: response)
    #expect(lines.count == 1 && lines[0]["index"] == .number(0))
  }

  @Test func aLineIsSentBeforeTheNextPictureIsLookedAt() async throws {
    let (gate, lines) = (Gate(), Log())
    let log = RequestLog { lines.append($0) }
    let service = try await DetectionService.ready(backend(pausing: gate), log: log)
    let form = form(2)
    let response = try await service.detect(
      picture: form.body, type: form.type, fields: Self.accept)
    // The answer is here, and the second picture is not done.
    #expect(try parsed(response.body).count == 1)
    #expect(response.stream?.take().isLast == false)
    log.flush()
    #expect(lines.lines.isEmpty, "it is logged at its end")
    gate.open()
    #expect(try await self.lines(of: response).count == 2)
    #expect(
      await eventually {
        log.flush()
        return lines.lines.count == 1
      })
    #expect(lines.lines[0].contains("\"status\":200"))
  }

  @Test func aSlowClientHasNoLane() async throws {
    let gate = Gate()
    let service = try await DetectionService.ready(backend(pausing: gate))
    let form = form(32)
    let response = try await service.detect(
      picture: form.body, type: form.type, fields: Self.accept)
    // The fake's lines are short; these bytes stand for long ones that the client has not taken.
    response.stream?.write([UInt8](repeating: 0x20, count: BodyStream.limit + 1))
    gate.open()
    #expect(
      await eventually { service.queue.load.waiting == 1 && service.queue.load.running == 0 })
    #expect(try await service.detect().status == 200, "others are answered meanwhile")
    let lines = try await lines(of: response)
    #expect(lines.compactMap { $0["index"]?.double } == (0..<32).map(Double.init))
    #expect(service.queue.load.waiting == 0)
  }

  @Test(arguments: [true, false])
  func theRestIsDroppedWhenItsClientGoes(isReading: Bool) async throws {
    let (gate, lines, cancellation) = (Gate(), Log(), Cancellation())
    let log = RequestLog { lines.append($0) }
    let backend = backend(pausing: gate)
    let service = try await DetectionService.ready(backend, log: log)
    let form = form(8)
    let response = try await service.detect(
      picture: form.body, type: form.type, fields: Self.accept, cancellation: cancellation)
    #expect(await eventually { backend.calls.count == 2 })
    if !isReading {
      // It goes while its request waits for it.
      response.stream?.write([UInt8](repeating: 0x20, count: BodyStream.limit + 1))
      gate.open()
      #expect(
        await eventually { service.queue.load.waiting == 1 && service.queue.load.running == 0 })
    }
    cancellation.cancel()
    response.stream?.abandon()
    gate.open()
    #expect(
      await eventually {
        log.flush()
        return lines.lines.count == 1
      })
    #expect(backend.calls.count == 2)
    #expect(lines.lines[0].contains("\"status\":499"))
    #expect(try await service.detect().status == 200)
  }

  @Test func aDeadlineIsALineForEachPictureThatIsLeft() async throws {
    // Long enough for the second picture to be begun; on a machine that is too busy for that, longer.
    for time in [1500, 15_000, 150_000] {
      let calls = Held(0)
      let backend = FakeBackend { size, isCancelled in
        let number = calls.withLock { calls in
          calls += 1
          return calls
        }
        if number == 2 {
          while !isCancelled() { pause() }
          throw DetectorError.cancelled
        }
        return .sample(size)
      }
      let service = try await DetectionService.ready(backend)
      let form = form(4)
      let response = try await service.detect(
        "timeout_ms=\(time)", picture: form.body, type: form.type, fields: Self.accept)
      guard response.stream != nil else { continue }
      let lines = try await lines(of: response)
      guard backend.calls.count == 2 else { continue }
      #expect(lines.compactMap { $0["index"]?.double } == [0, 1, 2, 3])
      #expect(lines[0]["detections"] != nil)
      for line in lines[1...] {
        #expect(line["type"]?.text == "urn:frcnn:problem:deadline-exceeded")
        #expect(line["status"] == .number(504))
      }
      return
    }
    Issue.record("the second picture was never begun")
  }

  @Test func whatIsWrongWithTheRequestIsItsStatus() async throws {
    let service = try await DetectionService.ready()
    try expectProblem(
      try await service.detect("score_threshold=2", fields: Self.accept), 400, "invalid-parameter",
      parameter: "score_threshold")
    try expectProblem(
      try await service.detect(picture: [1, 2, 3], fields: Self.accept), 415,
      "unsupported-picture")
  }
}
