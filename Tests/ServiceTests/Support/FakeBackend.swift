import Detection
import FasterRCNN
import Images
import Service
import Synchronization
import Tensors

/// Stands in for a detector: answers what a test tells it to.
final class FakeBackend: DetectionBackend {
  struct Call: Sendable, Equatable {
    var imageSize: PictureSize
    var parameters: DetectionParameters
  }

  let model: ModelDescription
  let precision = "int8"
  private let warmingUp: @Sendable () throws -> Void
  private let body: @Sendable (PictureSize, @Sendable () -> Bool) throws -> DetectionResult
  private let recorded = Mutex<[Call]>([])
  private let recordedFeatures = Mutex<[FeatureMap]>([])

  init(
    model: ModelDescription = .cells,
    _ body: @escaping @Sendable (PictureSize, @Sendable () -> Bool) throws -> DetectionResult = {
      size, _ in .sample(size)
    },
    warmUp: @escaping @Sendable () throws -> Void = {}
  ) {
    self.model = model
    warmingUp = warmUp
    self.body = body
  }

  func warmUp() throws { try warmingUp() }

  /// The calls so far, in the order in which they began.
  var calls: [Call] { recorded.withLock { $0 } }

  /// The feature maps that came so far.
  var features: [FeatureMap] { recordedFeatures.withLock { $0 } }

  func detect(
    _ input: DetectorInput, parameters: DetectionParameters,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> DetectionResult {
    let size: PictureSize
    switch input {
    case .image(let image): size = PictureSize(height: image.height, width: image.width)
    case .features(let map):
      size = map.originalSize
      recordedFeatures.withLock { $0.append(map) }
    }
    recorded.withLock { $0.append(Call(imageSize: size, parameters: parameters)) }
    var result = try body(size, isCancelled)
    if parameters.includesFeatures {
      let values: [Float] = [0.5, 0.33333334]
      // Features come back as they were given.
      if case .features(let map) = input {
        result.features = map
      } else {
        result.features = FeatureMap(
          levels: [Tensor(shape: [1, 1, 2], values: values)], imageSize: size, yScale: 1)
      }
    }
    return result
  }
}

extension ModelDescription {
  static let cells = ModelDescription(
    name: "cells", version: "7", sha256: String(repeating: "0a", count: 32),
    profile: "simple-faster-rcnn", labels: ["RBC", "WBC", "Platelets"], scoreThreshold: 0.05,
    nmsThreshold: 0.3, proposalCount: 300, parameterCount: 12)
}

extension DetectionResult {
  /// Three proposals and two objects; numbers that no decimal of few digits stands for.
  static func sample(_ size: PictureSize) -> DetectionResult {
    DetectionResult(
      proposals: [
        Proposal(box: BoundingBox(yMin: 1, xMin: 2, yMax: 5, xMax: 10), objectness: 0.99999994),
        Proposal(box: BoundingBox(yMin: 0, xMin: 1 / 3, yMax: 4, xMax: 7.1), objectness: 0.5),
        Proposal(box: BoundingBox(yMin: 0, xMin: 0, yMax: 8, xMax: 8), objectness: 1e-9),
      ],
      objects: [
        DetectedObject(
          box: BoundingBox(yMin: 1, xMin: 2, yMax: 5, xMax: 10), score: 0.75, classID: 1,
          proposalIndex: 0),
        DetectedObject(
          box: BoundingBox(yMin: 0.1, xMin: 1 / 3, yMax: 4, xMax: 7.1), score: 1 / 3, classID: 0,
          proposalIndex: 2),
      ],
      imageSize: size, timings: [.backbone: .milliseconds(12), .rpn: .microseconds(1500)])
  }
}

/// Holds threads back until a test lets them through.
final class Gate: Sendable {
  private let isOpen = Mutex(false)

  func open() { isOpen.withLock { $0 = true } }

  /// Blocks until the gate is open, at most twenty minutes: longer than `eventually` waits.
  func pass() {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(1200)
    while !isOpen.withLock({ $0 }), clock.now < deadline { pause() }
  }
}
