public import Compute
internal import Detection
internal import Families
internal import Images
internal import Networks
public import Tensors

/// What the kernels of a model do for pictures of one size, layer by layer, measured.
public struct PlanReport: Sendable {
  /// One layer, all its strips together, or a change of layout.
  public struct Row: Sendable {
    /// The network that it belongs to.
    public let stage: Stage
    /// The layer's name, as `backbone.features.10`.
    public let name: String
    /// The names of the kernels that compute it, as oneDNN calls them.
    public let kernels: [String]
    /// In what it multiplies.
    public let precision: PlanOptions.Precision
    /// In how many parts it is computed.
    public let partCount: Int
    /// Multiplications and additions as a direct computation of what the steps write needs them;
    /// rows that two strips share count twice.
    public let operationCount: Int
    /// The best of the runs.
    public let duration: Duration
  }

  /// The layers in the order in which they run.
  public let rows: [Row]

  /// Operations a second that a matrix product of 2048 cubed reached just before, in each precision
  /// that occurs.
  public let peakRates: [PlanOptions.Precision: Double]

  /// How long it took to compile the plans of the size.
  public let buildDuration: Duration

  /// The bytes of the activations and scratch memory of each network's plan; those of backbone and RPN,
  /// which are one network, stand under the backbone.
  public let arenaByteCounts: [Stage: Int]

  /// The bytes of all weights in the layouts of the kernels.
  public let weightByteCount: Int
}

extension Detector {
  /// Runs the networks on an empty picture and measures each layer.
  ///
  /// - Parameters:
  ///   - size: the picture's size before it is resized.
  ///   - runs: how often; the best time of each layer counts.
  /// - Returns: the layers of backbone, RPN and head, the head with as many proposals as the model
  ///   keeps at most, or as many of them as it takes at a time.
  /// - Throws: `DetectorError` where a picture of the size cannot be worked on.
  public func planReport(for size: PictureSize, runs: Int = 5) throws(DetectorError) -> PlanReport {
    try session.run { (session) throws(DetectorError) in
      try session.planReport(for: size, runs: runs)
    }
  }
}

extension Session {
  func planReport(for size: PictureSize, runs: Int) throws(DetectorError) -> PlanReport {
    let resized = try pictures.resizing(size).size
    let clock = ContinuousClock()
    func makePlans() throws(DetectorError) -> [(Stage, Plan)] {
      let picture = try pictures.plan(images: 1, resizedTo: resized)
      let count = model.blueprint.detection.proposals.counts.afterNMS
      let heads = try rois.plans(proposals: count, map: roiMap(of: picture))
      return [(.backbone, picture)] + heads.map { (.head, $0.plan) }
    }
    // The first time puts weights in order as well, which no later plan pays for.
    _ = try makePlans()
    pictures.forgetPlans()
    rois.forgetPlans()
    let start = clock.now
    let plans = try makePlans()
    let buildDuration = clock.now - start
    var peaks: [PlanOptions.Precision: Double] = [:]
    for precision in Set(plans.flatMap { $0.1.steps.map(\.precision) }) {
      do {
        peaks[precision] = try PeakRate.of(precision)
      } catch {
        throw .compute(error)
      }
    }
    var rows: [PlanReport.Row] = []
    for (stage, plan) in plans { rows += try self.rows(of: plan, stage: stage, runs: runs) }
    return PlanReport(
      rows: rows, peakRates: peaks, buildDuration: buildDuration,
      arenaByteCounts: Dictionary(plans.map { ($0.0, $0.1.arenaByteCount) }, uniquingKeysWith: +),
      weightByteCount: model.networks.preparedByteCount)
  }

  private func rows(
    of plan: Plan, stage: Stage, runs: Int
  ) throws(DetectorError) -> [PlanReport.Row] {
    // All inputs may be the same zeros.
    let count = plan.inputLayouts.map(\.byteCount).max() ?? 0
    let input = FloatBuffer()
    let values = try unsafe input.room(count / MemoryLayout<Float>.stride)
    unsafe values.initialize(repeating: 0)
    var best = [Duration](repeating: .seconds(1 << 20), count: plan.steps.count)
    let clock = ContinuousClock()
    guard let source = UnsafeRawPointer(values.baseAddress) else { return [] }
    for _ in 0...max(runs, 1) {
      var last = clock.now
      do {
        try unsafe plan.run(on: plan.inputLayouts.map { _ in unsafe source }) { step in
          let now = clock.now
          best[step] = min(best[step], now - last)
          last = now
        }
      } catch {
        throw .compute(error)
      }
    }
    var order: [String] = []
    var rows: [String: (kernels: [String], parts: Int, operations: Int, duration: Duration)] = [:]
    var precisions: [String: PlanOptions.Precision] = [:]
    var stages: [String: Stage] = [:]
    for (index, step) in plan.steps.enumerated() {
      if rows[step.name] == nil { order.append(step.name) }
      var row = rows[step.name] ?? ([], 0, 0, .zero)
      if !row.kernels.contains(step.kernel) { row.kernels.append(step.kernel) }
      row.parts += 1
      precisions[step.name] = step.precision
      if stage != .head { stages[step.name] = step.stage }
      row.operations += step.operationCount
      row.duration += best[index]
      rows[step.name] = row
    }
    return order.compactMap { name in
      rows[name].map {
        PlanReport.Row(
          stage: stages[name] ?? stage, name: name, kernels: $0.kernels,
          precision: precisions[name] ?? .float32, partCount: $0.parts,
          operationCount: $0.operations, duration: $0.duration)
      }
    }
  }
}
