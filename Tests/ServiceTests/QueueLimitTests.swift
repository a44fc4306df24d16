import FasterRCNN
import HTTP1
import HTTPServer
import Synchronization
import Testing

@testable import Service

/// The bounds of the queue in bytes and pixels, and what becomes of a model that is replaced.
@Suite struct QueueLimitTests {
  private func busy(
    _ gate: Gate, _ limits: QueueLimits
  ) async throws -> (DetectionService, FakeBackend) {
    let backend = FakeBackend { size, _ in
      gate.pass()
      return .sample(size)
    }
    var settings = ServiceSettings.testing()
    settings.queue = limits
    return (try await DetectionService.ready(backend, settings: settings), backend)
  }

  @Test func bytesAreBounded() async throws {
    let gate = Gate()
    let length = Pictures.png.count
    let (service, backend) = try await busy(gate, QueueLimits(requests: 10, bytes: 2 * length))
    async let first = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    async let second = service.detect()
    #expect(await eventually { service.queue.load.waitingBytes == length })
    async let third = service.detect()
    #expect(await eventually { service.queue.load.waitingBytes == 2 * length })
    let refused = try await service.detect()
    try expectProblem(refused, 429, "queue-full")
    #expect(try refused.json["limit"]?["unit"] == .string("bytes"))
    gate.open()
    #expect(try await [first.status, second.status, third.status] == [200, 200, 200])
  }

  @Test func pixelsAreBoundedByWhatHeadersSay() async throws {
    let gate = Gate()
    // The picture has 16 x 8 pixels.
    let (service, backend) = try await busy(gate, QueueLimits(requests: 10, pixels: 200))
    async let first = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    async let second = service.detect()
    #expect(await eventually { service.queue.load.waitingPixels == 128 })
    let refused = try await service.detect()
    try expectProblem(refused, 429, "queue-full")
    #expect(try refused.json["limit"]?["unit"] == .string("pixels"))
    #expect(refused.fields["Retry-After"] != nil)
    gate.open()
    #expect(try await [first.status, second.status] == [200, 200])
    // What waits alone always has room.
    #expect(try await service.detect().status == 200)
  }

  /// The same picture in each body that has to be read for its pictures to be found.
  private static let bodies: [(path: String, type: String?, body: String, bytes: Int)] = {
    let text = Pictures.pngText
    let input = #""name":"image","datatype""#
    return [
      ("/detect", "application/json", #"{"image":"\#(text)"}"#, Pictures.png.count),
      (
        "/v2/models/cells/infer", nil,
        #"{"inputs":[{\#(input):"BYTES","shape":[1],"data":["\#(text)"]}]}"#, Pictures.png.count
      ),
      (
        "/v2/models/cells/infer", nil,
        #"{"inputs":[{\#(input):"UINT8","shape":[8,16,3],"data":[\#(zeros)]}]}"#, 384
      ),
    ]
  }()
  private static let zeros = Array(repeating: "0", count: 384).joined(separator: ",")

  @Test(arguments: bodies.indices)
  func whatIsMadeOfABodyCounts(index: Int) async throws {
    let (path, type, body, bytes) = Self.bodies[index]
    let gate = Gate()
    let (service, backend) = try await busy(gate, QueueLimits(requests: 10, pixels: 200))
    async let first = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    let request = HTTPRequest.detect(body: Array(body.utf8), type: type, path: path)
    async let second = service.answer(request)
    // The text is let go of: what was made of it is what waits.
    #expect(
      await eventually {
        let load = service.queue.load
        return load.waitingPixels == 128 && load.waitingBytes == bytes
      })
    let refused = try await service.answer(request)
    try expectProblem(refused, 429, "queue-full")
    #expect(try refused.json["limit"]?["unit"] == .string("pixels"))
    gate.open()
    #expect(try await [first.status, second.status] == [200, 200])
  }

  @Test func aPictureTooLargeIsRefusedWithoutALane() async throws {
    let gate = Gate()
    let (service, backend) = try await busy(gate, QueueLimits())
    async let first = service.detect()
    #expect(await eventually { backend.calls.count == 1 })
    // A PNG's header that states 60,000 x 60,000 pixels; the lane is busy until the gate opens.
    var bomb = Pictures.png
    bomb.replaceSubrange(16..<24, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
    try expectProblem(try await service.detect(picture: bomb), 413, "picture-too-large")
    try expectProblem(
      try await service.detect(picture: [0, 0, 0, 24] + Array("ftypjxl ".utf8)), 415,
      "unsupported-picture")
    #expect(service.queue.load.waiting == 0)
    gate.open()
    #expect(try await first.status == 200)
  }

  @Test func aModelThatWasReplacedIsFreedWithItsLastRequest() async throws {
    let gate = Gate()
    weak var old: FakeBackend?
    let service = DetectionService(settings: .testing())
    do {
      let backend = FakeBackend { size, _ in
        gate.pass()
        return .sample(size)
      }
      old = backend
      try await service.load(backend)
    }
    let answered = Held(false)
    service.handle(.detect()) { _ in answered.withLock { $0 = true } }
    #expect(await eventually { service.queue.load.running == 1 })
    try await service.load(FakeBackend())
    #expect(old != nil, "its request is not answered yet")
    gate.open()
    #expect(await eventually { answered.withLock { $0 } })
    #expect(await eventually { old == nil })
  }
}
