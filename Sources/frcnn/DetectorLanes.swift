import Compute
import FasterRCNN
import Images
import Service
import Synchronization

/// A model's detectors, one for each lane of the service, on the threads that all models share.
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
  private let threads: LaneThreads

  /// One for each thread, in their order.
  private let detectors: [Detector]

  /// The number of the detector that is warmed up next.
  private let nextToWarmUp = Atomic(0)

  /// Opens the model; its detectors share its weights.
  init(_ choice: ModelOptions.Choice, on threads: LaneThreads) throws(Failure) {
    source = try choice.openModel()
    ModelOptions.Choice.announce(source)
    var choice = choice
    try choice.settlePrecision(for: source)
    self.threads = threads
    detectors = threads.threads.map { [source] thread in
      Detector(
        model: source, on: thread,
        options: .init(
          threadCount: thread.threadCount, plan: choice.compute.plan,
          winogradBudget: choice.compute.winogradBudget))
    }
  }

  deinit { FreedMemory.giveBack(behind: threads.threads) }

  func prepare() throws {
    try Self.rethrowing { () throws(DetectorError) in
      // A detector of the same model on a thread of its own: the weights that it leaves in order are
      // those of all.
      var options = detectors[0].options
      options.threadCount = detectors.map(\.options.threadCount).reduce(0, +)
      try Detector(model: source, options: options).warmUp()
    }
  }

  func warmUp() throws {
    let number = nextToWarmUp.add(1, ordering: .relaxed).oldValue % detectors.count
    try Self.rethrowing { () throws(DetectorError) in try detectors[number].warmUp() }
  }

  func detect(
    _ input: DetectorInput, parameters: DetectionParameters,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws -> DetectionResult {
    try threads.lend { number in
      try Self.rethrowing { () throws(DetectorError) in
        try detectors[number].detect(input, parameters: parameters, isCancelled: isCancelled)
      }
    }
  }

  private static func rethrowing<Result>(
    _ body: () throws(DetectorError) -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch {
      switch error {
      case .cancelled: throw CancellationError()
      case .image(let error): throw error
      case .features, .compute, .notFinite: throw error
      }
    }
  }
}
