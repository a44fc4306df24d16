internal import Compute
internal import Detection
internal import Families
internal import Networks
internal import Synchronization
internal import Tensors

/// From proposals to what the head says of them: pools their features and runs the head, chunk by
/// chunk, so that the number of proposals a request asks for does not decide how much memory it takes.
final class RoIStage {
  private let networks: DetectorNetworks
  private let settings: RoISettings
  private let thread: ComputeThread
  private let shelf: PlanShelf
  private let rows: HeadRows
  private let pooled = FloatBuffer()
  private let gathered = [FloatBuffer(), FloatBuffer()]

  init(
    _ networks: DetectorNetworks, _ settings: RoISettings, thread: ComputeThread,
    options: Detector.Options, counters: PlanCounters
  ) {
    self.networks = networks
    self.settings = settings
    self.thread = thread
    shelf = PlanShelf(networks.head, options: options, counters: counters)
    let (channels, size) = (Self.channels(networks), networks.pooledSize)
    rows = HeadRows(
      rowByteCount: channels * size * size * MemoryLayout<Float>.stride,
      byteLimit: options.headByteLimit)
  }

  private static func channels(_ networks: DetectorNetworks) -> Int {
    networks.levels[networks.roiLevels.lowerBound].channels
  }

  /// The plans that are kept.
  var plans: [Plan] { shelf.values }

  /// Drops the plans.
  func forgetPlans() { shelf.removeAll() }

  /// The head's plan for a number of proposals, and how many runs of it they take.
  func plan(proposals: Int) throws(DetectorError) -> (plan: Plan, runs: Int) {
    let (channels, size) = (Self.channels(networks), networks.pooledSize)
    let count = rows.count(for: proposals)
    return (
      try shelf.plan(for: [[count, channels, size, size]]), (proposals + count - 1) / count
    )
  }

  /// Pools every proposal and runs the head.
  func judge(
    _ proposals: RegionProposals, _ pictureOutputs: PictureOutputs, _ run: inout Run
  ) throws(DetectorError) -> HeadOutputs {
    let (first, runs) = try plan(proposals: proposals.count)
    run.timer.record(.plan)
    let levels = Array(networks.roiLevels)
    let maps = levels.map { pictureOutputs.maps[$0] }
    var pooling = PyramidPooling(
      settings,
      maps: levels.map {
        let layout = pictureOutputs.maps[$0].layout
        return (layout.height, layout.width, networks.levels[$0].stride)
      }, frame: pictureOutputs.geometry.frame)
    var outputs = try gather(runs: runs, proposals: proposals.count, first)
    var start = 0
    while start < proposals.count {
      let (plan, _) = try self.plan(proposals: proposals.count - start)
      let end = min(start + plan.inputLayout.shape[0], proposals.count)
      let boxes = Array(proposals.boxes[start..<end])
      let images = Array(proposals.imageIndices[start..<end])
      let source = try unsafe pool(boxes, images, from: maps, &pooling, for: plan)
      run.timer.record(.roiPooling)
      try run.checkCancellation()
      try unsafe plan.compute(on: [source])
      run.observe?(plan, .head, end - start)
      unsafe outputs.take(plan, rows: start..<end)
      run.timer.record(.head)
      start = end
    }
    return outputs
  }

  /// Where the outputs of all runs come together; nowhere where there is one run alone.
  private func gather(
    runs: Int, proposals: Int, _ plan: Plan
  ) throws(DetectorError) -> HeadOutputs {
    let counts = (0..<2).map { plan.outputLayouts[$0].shape[1] }
    guard runs > 1 else { return HeadOutputs(offsetCount: counts[0], logitCount: counts[1]) }
    return unsafe HeadOutputs(
      offsetCount: counts[0], logitCount: counts[1],
      offsets: try gathered[0].room(counts[0] * proposals),
      logits: try gathered[1].room(counts[1] * proposals))
  }

  /// The RoIs that a thread pools at a time: enough of a map's for cells to be read again from the cache.
  private static let partCount = 48

  /// Pools RoIs into the head's own layout, shared out over the team.
  private func pool(
    _ boxes: [BoundingBox], _ images: [Int], from maps: [FeatureMapView],
    _ pooling: inout PyramidPooling, for plan: Plan
  ) throws(DetectorError) -> UnsafeRawPointer? {
    guard let layout = plan.inputLayout.channelLayout else {
      throw .compute(
        ComputeError(operation: "RoI pooling", reason: "a head that reads a layout of oneDNN's own")
      )
    }
    let values = try unsafe pooled.room(layout.elementCount)
    let used = layout.elementCount / layout.imageCount * boxes.count
    // Safety: the head's input has a row for each RoI; the ranges of the team do not overlap, and each
    // writes its own rows. Rows beyond the last RoI are computed too, and must be numbers.
    let destination = unsafe UnsafeMutableBufferPointer(rebasing: values[..<used])
    unsafe UnsafeMutableBufferPointer(rebasing: values[used...]).update(repeating: 0)
    pooling.assign(boxes.span, imageIndices: images.span)
    let assigned = pooling
    // RoIs take different times, so threads take parts as they get done.
    let parts = (boxes.count + Self.partCount - 1) / Self.partCount
    let next = Atomic(0)
    thread.parallel(thread.threadCount) { _ in
      while true {
        let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard part < parts else { break }
        let start = part * Self.partCount
        unsafe assigned.pool(
          maps, rois: boxes.span, imageIndices: images.span,
          range: start..<min(start + Self.partCount, boxes.count), into: destination,
          outputChannelBlock: layout.channelBlock)
      }
    }
    return UnsafeRawPointer(values.baseAddress)
  }
}

/// How many rows the head runs on: steps that do not depend on what a request asks for, so that all
/// requests share a few plans, up to what bounded memory holds.
struct HeadRows {
  /// The most bytes of pooled features at a time, unless a single step needs more.
  static let byteLimit = 64 << 20

  /// The most rows of a run.
  let limit: Int

  /// - Parameters:
  ///   - rowByteCount: The bytes of one RoI's pooled features.
  ///   - byteLimit: The most bytes of them at a time.
  init(rowByteCount: Int, byteLimit: Int = Self.byteLimit) {
    let fitting = byteLimit / max(rowByteCount, 1)
    limit = max(Self.step, fitting / Self.step * Self.step)
  }

  /// A quarter of the 300 proposals that most families keep.
  private static let step = 75

  /// The step of few proposals, where one of 75 would be most of the work.
  private static let fineStep = 25

  /// The step beyond those 300.
  private static let coarseStep = 100

  /// The rows of the run that takes the first of so many proposals.
  func count(for proposals: Int) -> Int {
    let step =
      switch proposals {
      case ...Self.step: Self.fineStep
      case ...(4 * Self.step): Self.step
      default: Self.coarseStep
      }
    return min((max(proposals, 1) + step - 1) / step * step, limit)
  }
}
