internal import Compute
internal import Detection
internal import Networks
internal import Tensors

extension Session {
  func backbonePlan(
    images: Int, height: Int, width: Int
  ) throws(DetectorError) -> Plan {
    try plan(in: \.backbonePlans, key: [images, height, width]) { () throws(ComputeError) in
      try Plan(
        model.networks.backbone, inputShape: [images, 3, height, width], arena: backboneArena,
        options: planOptions, winogradBudget: winogradBudget)
    }
  }

  func proposalPlan(_ layout: TensorLayout) throws(DetectorError) -> Plan {
    let shape = layout.shape
    return try plan(
      in: \.proposalPlans, key: shape.dimensions + [layout.channelLayout?.channelBlock ?? 0]
    ) {
      () throws(ComputeError) in
      try Plan(
        model.networks.proposal, inputShape: shape, inputLayout: layout, arena: proposalArena,
        options: planOptions, winogradBudget: winogradBudget)
    }
  }

  /// The head for as many rows as there are proposals, rounded up to quarters of the most there can
  /// be: fewer proposals cost less, and there are four plans and not three hundred.
  func headPlan(images: Int, proposalCount: Int, limit: Int) throws(DetectorError) -> Plan {
    let most = images * limit
    let quarter = max(1, (most + 3) / 4)
    let rows = (proposalCount + quarter - 1) / quarter * quarter
    let size = model.networks.pooledSize
    return try plan(in: \.headPlans, key: [rows]) { () throws(ComputeError) in
      try Plan(
        model.networks.head, inputShape: [rows, model.networks.levels[0].channels, size, size],
        arena: headArena, options: planOptions, winogradBudget: winogradBudget)
    }
  }

  func plan(
    in cache: ReferenceWritableKeyPath<Session, PlanCache<Plan>>, key: [Int],
    make: () throws(ComputeError) -> Plan
  ) throws(DetectorError) -> Plan {
    var isKept = true
    defer { if isKept { planCounters.countHit() } else { planCounters.countMiss() } }
    do {
      return try self[keyPath: cache].value(for: key) { () throws(ComputeError) in
        isKept = false
        return try make()
      }
    } catch {
      throw .compute(error)
    }
  }

  func run(_ plan: Plan, on source: UnsafeRawPointer?) throws(DetectorError) {
    guard let source = unsafe source else { return }
    do {
      try unsafe plan.run(on: source)
    } catch {
      throw .compute(error)
    }
  }
}
