import HTTP1
import HTTPServer
import Observability
import Testing

@testable import Service

/// The lines that are written about requests, and the writer of JSON.
@Suite struct LogTests {
  private final class Lines: Sendable {
    let bytes = Held<[[UInt8]]>([])
    var all: [[UInt8]] { bytes.withLock { $0 } }
    func append(_ line: [UInt8]) { bytes.withLock { $0.append(line) } }
  }

  @Test func aRequestIsOneLine() async throws {
    let lines = Lines()
    let log = RequestLog { lines.append($0) }
    let service = try await DetectionService.ready(log: log)
    let response = try await service.detect(fields: [("X-Request-ID", "abc")])
    log.flush()
    #expect(lines.all.count == 1)
    let line = try #require(lines.all.first)
    #expect(line.filter { $0 == UInt8(ascii: "\n") }.count == 1 && line.last == UInt8(ascii: "\n"))
    let json = try JSONValue(parsing: line)
    #expect(
      json.keys == [
        "time", "level", "message", "id", "method", "path", "status", "request_bytes",
        "response_bytes", "ms", "stages_ms", "queue_ms", "client",
      ])
    #expect(json["level"] == .string("info"))
    #expect(json["queue_ms"] == json["stages_ms"]?["queue"])
    #expect(json["id"] == .string("abc"))
    #expect(json["method"] == .string("POST"))
    #expect(json["path"] == .string("/detect"))
    #expect(json["status"] == .number(200))
    #expect(json["request_bytes"] == .number(Double(Pictures.png.count)))
    #expect(json["response_bytes"] == .number(Double(response.body.count)))
    #expect(json["client"] == .string("192.0.2.7"))
    #expect(json["stages_ms"] == (try response.json["timings_ms"]))
    let time = try #require(json["time"]?.text)
    #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
  }

  @Test func refusalsAreLoggedWithTheirReason() async throws {
    let lines = Lines()
    let log = RequestLog(level: .warning) { lines.append($0) }
    let service = try await DetectionService.ready(log: log)
    _ = try await service.detect()
    _ = try await service.detect("x=1")
    _ = try await service.get("/a\"b\u{1}")
    _ = service.response(to: HTTPRefusal(status: 431, detail: "too long"))
    let cancellation = Cancellation()
    cancellation.cancel()
    _ = await withCheckedContinuation { done in
      service.handle(.detect(cancellation: cancellation)) { done.resume(returning: $0.status) }
    }
    log.flush()
    let json = try lines.all.map { try JSONValue(parsing: $0) }
    #expect(json.map { $0["status"]?.double } == [400, 404, 431, 499])
    #expect(json[0]["error"]?.text?.contains("'x'") == true)
    #expect(json[1]["path"] == .string("/a\"b\u{1}"))
    #expect(json[2]["error"] == .string("too long"))
  }

  @Test func nothingIsWrittenWhereNothingIsWanted() async throws {
    let lines = Lines()
    let log = RequestLog(level: .none) { lines.append($0) }
    let service = try await DetectionService.ready(log: log)
    _ = try await service.detect("x=1")
    log.flush()
    #expect(lines.all.isEmpty)
  }

  @Test func whoEndsWaitsForTheReaderAsLongAsIsSaid() {
    let gate = Gate()
    let log = RequestLog { _ in gate.pass() }
    log.record(
      RequestRecord(
        id: "x", method: "GET", path: "/", status: 200, requestBytes: 0, responseBytes: 0,
        duration: .zero, stages: [], client: "", error: nil))
    let start = ContinuousClock.now
    log.flush(within: .milliseconds(100))
    #expect(ContinuousClock.now - start >= .milliseconds(100))
    gate.open()
    log.flush()
  }

  @Test func aSlowReaderHoldsNobodyUp() async throws {
    let gate = Gate()
    let lines = Lines()
    let log = RequestLog { line in
      gate.pass()
      lines.append(line)
    }
    let record = RequestRecord(
      id: "x", method: "GET", path: "/", status: 200, requestBytes: 0, responseBytes: 0,
      duration: .zero, stages: [], client: "", error: nil)
    // Time is not bounded here: that `record` returns at all while nobody reads is the point.
    for _ in 0..<6000 { log.record(record) }
    gate.open()
    log.flush()
    #expect((4096...4097).contains(lines.all.count))
    log.record(record)
    log.flush()
    let dropped = try lines.all.compactMap {
      try JSONValue(parsing: $0)["dropped_before"]?.double
    }
    #expect(Int(dropped.reduce(0, +)) + lines.all.count == 6001)
  }
}
