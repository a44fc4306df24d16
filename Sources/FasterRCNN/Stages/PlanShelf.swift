internal import Compute
internal import Tensors

/// The compiled plans of one network for the shapes that were seen last, and the arena in which they
/// compute one at a time.
final class PlanShelf {
  private let network: Network
  private let options: Detector.Options
  private let counters: PlanCounters
  private let arena = Arena()
  private var plans: RecentValues<Plan>

  init(_ network: Network, options: Detector.Options, counters: PlanCounters) {
    self.network = network
    self.options = options
    self.counters = counters
    plans = RecentValues(capacity: options.keptPlans)
  }

  /// All plans that are kept.
  var values: [Plan] { plans.values }

  /// Drops the plans; the weights stay as they are.
  func removeAll() { plans = RecentValues(capacity: options.keptPlans) }

  /// The plan for one input that lies as it does, made where there is none.
  func plan(for layout: ChannelLayout) throws(DetectorError) -> Plan {
    let shape: Shape = [layout.imageCount, layout.channelCount, layout.height, layout.width]
    return try plan(for: [shape], key: [layout.channelBlock]) { () throws(ComputeError) in
      [try TensorLayout(layout)]
    }
  }

  /// The plan for inputs of some shapes, made where there is none.
  ///
  /// - Parameters:
  ///   - shapes: The inputs' extents.
  ///   - isRowMajor: Whether the inputs lie as the axes N, C, H, W say; otherwise the first kernels
  ///     choose how.
  /// - Returns: The plan.
  /// - Throws: `DetectorError.compute` where the network cannot be compiled for the shapes.
  func plan(for shapes: [Shape], isRowMajor: Bool = false) throws(DetectorError) -> Plan {
    try plan(for: shapes, key: []) { () throws(ComputeError) in
      try shapes.map { (shape) throws(ComputeError) in
        isRowMajor ? try TensorLayout.rowMajor(shape) : nil
      }
    }
  }

  /// `key` tells apart plans for the same shapes.
  private func plan(
    for shapes: [Shape], key: [Int], _ layouts: () throws(ComputeError) -> [TensorLayout?]
  ) throws(DetectorError) -> Plan {
    var isKept = true
    defer { if isKept { counters.countHit() } else { counters.countMiss() } }
    do {
      return try plans.value(for: shapes.flatMap(\.dimensions) + key) { () throws(ComputeError) in
        isKept = false
        return try Plan(
          network, inputShapes: shapes, inputLayouts: layouts(), arena: arena,
          options: options.plan, winogradBudget: options.winogradBudget)
      }
    } catch {
      throw .compute(error)
    }
  }
}

extension Plan {
  /// Runs the plan on memory that may be missing where it is empty.
  @unsafe func compute(
    on sources: [UnsafeRawPointer?], observe: ((Int) -> Void)? = nil
  ) throws(DetectorError) {
    do {
      try unsafe run(on: sources.compactMap { unsafe $0 }, observe: observe)
    } catch {
      throw .compute(error)
    }
  }
}
