public import Compute

/// What was chosen for the layers of a detector on this machine.
public struct Computation: Sendable {
  /// Layers that are computed alike.
  public struct Share: Sendable, Hashable {
    /// In what they multiply.
    public let precision: PlanOptions.Precision
    /// Whether they are convolutions by Winograd's algorithm.
    public let isWinograd: Bool
  }

  /// How many layers are computed in each way, at the sizes whose plans are kept.
  public let layerCounts: [Share: Int]

  init(_ plans: [Plan]) {
    var names: [Share: Set<String>] = [:]
    for step in plans.flatMap(\.steps) where step.operationCount > 0 {
      let share = Share(precision: step.precision, isWinograd: step.isWinograd)
      names[share, default: []].insert(step.name)
    }
    layerCounts = names.mapValues(\.count)
  }
}

extension Detector {
  /// In what the networks multiply, as `--precision` says it; `fp32` where the CPU lacks the rest.
  public var precision: String { options.plan.effectivePrecision.rawValue }

  /// What was chosen for the layers, which is known once a picture has been run.
  public var computation: Computation {
    get throws(DetectorError) {
      try session.run { (session) throws(DetectorError) in
        Computation(session.plans)
      }
    }
  }
}
