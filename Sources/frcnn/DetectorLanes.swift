import Compute
import FasterRCNN
import Images
import Service
import Synchronization

/// One detector for each lane of the service, handed out in turn.
///
/// A detector has one compute thread of its own, so N lanes need N of them; the cores are shared
/// out among them.
final class DetectorLanes: DetectionBackend {
  var model: ModelDescription { source.description }

  var precision: String { detectors[0].precision }

  /// What was chosen for the layers, in words for the log; known after `warmUp`.
  var computation: String {
    get throws(DetectorError) {
      let counts = try detectors[0].computation.layerCounts
      let parts = counts.sorted { $0.value > $1.value }.map { share, count in
        "\(count) \(count == 1 ? "layer" : "layers") in \(share.precision.rawValue)"
          + (share.isWinograd ? " by Winograd's convolution" : "")
      }
      let threads = detectors.map(\.options.threadCount)
      return parts.joined(separator: ", ")
        + "; lanes of \(threads.map(String.init).joined(separator: " + ")) threads"
    }
  }

  /// What the detectors of all lanes counted.
  var planCache: PlanCacheStatistics {
    detectors.reduce(PlanCacheStatistics()) { $0 + $1.planCache }
  }

  private let source: Model
  private let detectors: [Detector]

  /// Guards nothing but the list: a detector that was taken out belongs to its taker alone.
  private let resting: Mutex<[Detector]>

  /// Opens the model; the lanes share its weights.
  init(_ choice: ModelOptions.Choice, laneCount: Int) throws(Failure) {
    source = try choice.openModel()
    ModelOptions.Choice.announce(source.description.assumption)
    var choice = choice
    try choice.settlePrecision(for: source)
    let detectors = try choice.detectors(of: source, count: laneCount)
    self.detectors = detectors
    resting = Mutex(detectors)
  }

  func warmUp() throws {
    try withDetector { (detector) throws(DetectorError) in try detector.warmUp() }
  }

  func detect(
    _ input: DetectorInput, parameters: DetectionParameters,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> DetectionResult {
    try withDetector { (detector) throws(DetectorError) in
      try detector.detect(input, parameters: parameters, isCancelled: isCancelled)
    }
  }

  /// Lends out the detector that has rested longest, so that warming up reaches every one.
  private func withDetector<Result>(
    _ body: (Detector) throws(DetectorError) -> Result
  ) throws -> Result {
    let detector = resting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    guard let detector else {
      throw Failure(.internalError, "more requests at once than there are lanes")
    }
    defer { resting.withLock { $0.append(detector) } }
    do {
      return try body(detector)
    } catch {
      switch error {
      case .cancelled: throw CancellationError()
      case .image(let error): throw error
      case .features, .compute, .notFinite: throw error
      }
    }
  }
}
