import Detection
import FasterRCNN
import Images
import Tensors
import Testing

@Suite struct AsyncTests {
  private let picture = Image(
    width: 96, height: 64, pixels: (0..<96 * 64 * 3).map { UInt8($0 * 7 % 251) })

  @Test func tasksGetWhatACallerThatWaitsGets() async throws {
    let detector = try Detector(model: .embedded(), options: .init(threadCount: 1))
    let parameters = DetectionParameters(scoreThreshold: 0)
    let expected = try await Task.detached { [picture] in
      try detector.detect(.image(picture), parameters: parameters)
    }.value
    #expect(!expected.objects.isEmpty)
    // More tasks than the pool has threads: none of them holds one while it waits.
    try await withThrowingTaskGroup(of: DetectionResult.self) { group in
      for _ in 0..<12 {
        group.addTask { [picture] in
          try await detector.result(of: .image(picture), parameters: parameters)
        }
      }
      for try await result in group {
        #expect(result.objects == expected.objects && result.proposals == expected.proposals)
      }
    }
  }

  @Test func errorsArriveToo() async throws {
    let detector = try Detector(model: .embedded(), options: .init(threadCount: 1))
    let features = FeatureMap(
      levels: [Tensor(shape: [1, 2, 2], values: [1, 2, 3, 4])],
      imageSize: PictureSize(height: 32, width: 32), yScale: 1)
    let error = await #expect(throws: DetectorError.self) {
      try await detector.result(of: .features(features))
    }
    if case .features = error { return }
    Issue.record("it is another error: \(String(describing: error))")
  }

  @Test func aTaskThatIsCancelledEndsWithThatError() async throws {
    let detector = try Detector(model: .embedded(), options: .init(threadCount: 1))
    let task = Task { [picture] in
      // It is cancelled before it asks.
      while !Task.isCancelled { await Task.yield() }
      return try await detector.result(of: .image(picture))
    }
    task.cancel()
    let error = await #expect(throws: DetectorError.self) { try await task.value }
    if case .cancelled = error { return }
    Issue.record("it is another error: \(String(describing: error))")
  }
}
