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
  private let whole: Form
  private let divided: (map: PlanShelf, form: Form)?
  private let pooled = [FloatBuffer(), FloatBuffer()]
  private let gathered = [FloatBuffer(), FloatBuffer()]

  /// What is pooled, and the head that reads it.
  private struct Form {
    let shelf: PlanShelf
    let parts: [Part]
    let rows: HeadRows

    /// One of the head's inputs.
    struct Part {
      let channels: Int
      /// The side of what is pooled, where every `step`th bin is.
      let side: Int
      let step: Int
      let finish: PooledFinish?

      /// The numbers of one RoI.
      var count: Int { channels * side * side }
    }

    init(_ network: Network, _ parts: [Part], options: Detector.Options, counters: PlanCounters) {
      shelf = PlanShelf(network, options: options, counters: counters)
      self.parts = parts
      let count = parts.reduce(0) { $0 + $1.count }
      rows = HeadRows(
        rowByteCount: count * MemoryLayout<Float>.stride, byteLimit: options.headByteLimit)
    }

    /// The plan for a number of proposals, and how many runs of it they take.
    func plan(proposals: Int) throws(DetectorError) -> (plan: Plan, runs: Int) {
      let count = rows.count(for: proposals)
      let shapes = parts.map { Shape([count, $0.channels, $0.side, $0.side]) }
      return (try shelf.plan(for: shapes), (proposals + count - 1) / count)
    }
  }

  init(
    _ networks: DetectorNetworks, _ settings: RoISettings, thread: ComputeThread,
    options: Detector.Options, counters: PlanCounters
  ) {
    self.networks = networks
    self.settings = settings
    self.thread = thread
    let size = networks.pooledSize
    let channels = networks.levels[networks.roiLevels.lowerBound].channels
    whole = Form(
      networks.head, [Form.Part(channels: channels, side: size, step: 1, finish: nil)],
      options: options, counters: counters)
    divided = networks.dividedHead.flatMap { head in
      guard settings.operator.isLinear else { return nil }
      let parts = head.parts.map { part in
        Form.Part(
          channels: part.channels, side: (size + part.step - 1) / part.step, step: part.step,
          finish: PooledFinish(biases: part.biases, isRectified: part.isRectified))
      }
      return (
        PlanShelf(head.map, options: options, counters: counters),
        Form(head.pooled, parts, options: options, counters: counters)
      )
    }
  }

  /// The plans that are kept.
  var plans: [Plan] {
    whole.shelf.values + (divided.map { $0.map.values + $0.form.shelf.values } ?? [])
  }

  /// Drops the plans.
  func forgetPlans() {
    whole.shelf.removeAll()
    divided?.map.removeAll()
    divided?.form.shelf.removeAll()
  }

  /// The head's plans for a number of proposals, and how many runs of each they take.
  ///
  /// - Parameters:
  ///   - proposals: The proposals of all pictures.
  ///   - map: The map that they are pooled from, where it is one.
  /// - Returns: one plan, or two where the head is divided: the part before the pooling first.
  /// - Throws: `DetectorError.compute` where the head cannot be compiled.
  func plans(
    proposals: Int, map: ChannelLayout?
  ) throws(DetectorError) -> [(plan: Plan, runs: Int)] {
    guard let map, let divided = dividedForm(proposals: proposals, map: map) else {
      return [try whole.plan(proposals: proposals)]
    }
    return [
      (try divided.map.plan(for: map), 1), try divided.form.plan(proposals: proposals),
    ]
  }

  /// The head in two parts, where that is less work: where the map has fewer cells than are pooled.
  private func dividedForm(
    proposals: Int, map: ChannelLayout
  ) -> (map: PlanShelf, form: Form)? {
    guard let divided, map.elementCount > 0 else { return nil }
    let cells = map.imageCount * map.height * map.width
    let parts = divided.form.parts
    let before = parts.reduce(0) { $0 + $1.channels * cells }
    let behind = parts.reduce(0) { $0 + $1.count * proposals }
    return before < behind ? divided : nil
  }

  /// Pools every proposal and runs the head.
  func judge(
    _ proposals: RegionProposals, _ pictureOutputs: PictureOutputs, _ run: inout Run
  ) throws(DetectorError) -> HeadOutputs {
    let levels = Array(networks.roiLevels)
    var form = whole
    // For each part the maps of all levels.
    var maps = [levels.map { pictureOutputs.maps[$0] }]
    if let divided = dividedForm(proposals: proposals.count, map: maps[0][0].layout) {
      let plan = try divided.map.plan(for: maps[0][0].layout)
      run.timer.record(.plan)
      try unsafe plan.compute(on: [unsafe UnsafeRawPointer(maps[0][0].values.baseAddress)])
      run.timer.record(.head)
      try run.checkCancellation()
      form = divided.form
      maps = []
      for part in form.parts.indices { maps.append([try FeatureMapView(plan, output: part)]) }
    }
    let (first, runs) = try form.plan(proposals: proposals.count)
    run.timer.record(.plan)
    var poolings = form.parts.map { part in
      PyramidPooling(
        settings,
        maps: levels.map {
          let layout = pictureOutputs.maps[$0].layout
          return (layout.height, layout.width, networks.levels[$0].stride)
        }, frame: pictureOutputs.geometry.frame, step: part.step)
    }
    var outputs = try gather(runs: runs, proposals: proposals.count, first)
    var start = 0
    while start < proposals.count {
      let (plan, _) = try form.plan(proposals: proposals.count - start)
      let end = min(start + plan.inputLayout.shape[0], proposals.count)
      let boxes = Array(proposals.boxes[start..<end])
      let images = Array(proposals.imageIndices[start..<end])
      var sources: [UnsafeRawPointer?] = unsafe []
      for (index, part) in form.parts.enumerated() {
        unsafe sources.append(
          try unsafe pool(
            boxes, images, from: maps[index], &poolings[index], finish: part.finish,
            as: plan.inputLayouts[index], in: pooled[index]))
      }
      run.timer.record(.roiPooling)
      try run.checkCancellation()
      try unsafe plan.compute(on: sources)
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

  /// The most RoIs that a thread pools at a time: enough of a map's for cells to be read again from the cache.
  private static let mostOfPart = 48

  /// Pools RoIs into one of the head's inputs as it lies, shared out over the team.
  private func pool(
    _ boxes: [BoundingBox], _ images: [Int], from maps: [FeatureMapView],
    _ pooling: inout PyramidPooling, finish: PooledFinish?, as layout: TensorLayout,
    in buffer: FloatBuffer
  ) throws(DetectorError) -> UnsafeRawPointer? {
    guard let layout = layout.channelLayout else {
      throw .compute(
        ComputeError(operation: "RoI pooling", reason: "a head that reads a layout of oneDNN's own")
      )
    }
    let values = try unsafe buffer.room(layout.elementCount)
    let used = layout.elementCount / layout.imageCount * boxes.count
    // Safety: the head's input has a row for each RoI; the ranges of the team do not overlap, and each
    // writes its own rows. Rows beyond the last RoI are computed too, and must be numbers.
    let destination = unsafe UnsafeMutableBufferPointer(rebasing: values[..<used])
    unsafe UnsafeMutableBufferPointer(rebasing: values[used...]).update(repeating: 0)
    pooling.assign(boxes.span, imageIndices: images.span)
    let assigned = pooling
    // RoIs take different times, so threads take parts as they get done, of which each has two at least.
    let share = (boxes.count + 2 * thread.threadCount - 1) / (2 * thread.threadCount)
    let count = min(max(share, 1), Self.mostOfPart)
    let parts = (boxes.count + count - 1) / count
    let next = Atomic(0)
    thread.parallel(thread.threadCount) { _ in
      while true {
        let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard part < parts else { break }
        let start = part * count
        unsafe assigned.pool(
          maps, rois: boxes.span, imageIndices: images.span,
          range: start..<min(start + count, boxes.count), into: destination,
          outputChannelBlock: layout.channelBlock, finish: finish)
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
