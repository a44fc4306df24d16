internal import Compute
internal import Detection
internal import Families
internal import Images
internal import Networks
internal import Tensors

/// One compute thread's memory for detection: plans of the recent sizes, arenas, workspaces.
///
/// A session is made, used and freed on its compute thread alone. Pictures of one size may share a
/// run: N of them go through the networks together.
final class Session {
  let model: Model
  let thread: ComputeThread
  let planCounters: PlanCounters
  private let clock = ContinuousClock()

  // The three networks run one after the other and read each other's outputs: an arena for each.
  let backboneArena = Arena()
  let proposalArena = Arena()
  let headArena = Arena()
  var backbonePlans: PlanCache<Plan>
  var proposalPlans: PlanCache<Plan>
  var headPlans: PlanCache<Plan>
  private var grids: PlanCache<AnchorGrid>
  private let input = FloatBuffer()
  private let pooled = FloatBuffer()

  private var proposalCreator: ProposalCreator
  var proposals = RegionProposals()
  private var classWorkspace = ClassBoxWorkspace()
  private var classified: [ClassifiedBox] = []

  let planOptions: PlanOptions
  let winogradBudget: WinogradBudget
  private let keptPlans: Int

  /// Shown each plan after it has run, with how many of its rows count.
  var observe: ((_ stage: Stage, _ plan: Plan, _ rows: Int) -> Void)?

  init(
    model: Model, thread: ComputeThread, options: Detector.Options,
    planCounters: PlanCounters = PlanCounters()
  ) {
    let keptPlans = options.keptPlans
    self.keptPlans = keptPlans
    planOptions = options.plan
    winogradBudget = options.winogradBudget
    self.planCounters = planCounters
    self.model = model
    proposalCreator = ProposalCreator(
      settings: model.blueprint.detection.proposals, coder: model.blueprint.detection.coder)
    self.thread = thread
    backbonePlans = PlanCache(capacity: keptPlans)
    proposalPlans = PlanCache(capacity: keptPlans)
    headPlans = PlanCache(capacity: keptPlans)
    grids = PlanCache(capacity: keptPlans)
  }

  /// Drops the plans; the weights stay as they are.
  func forgetPlans() {
    backbonePlans = PlanCache(capacity: keptPlans)
    proposalPlans = PlanCache(capacity: keptPlans)
    headPlans = PlanCache(capacity: keptPlans)
  }

  /// A feature map of N pictures in the engine's memory, and what it was made from.
  ///
  /// The memory is an arena's or a caller's, and holds `layout.byteCount` bytes until the next run.
  @safe struct Features {
    var values: UnsafeRawPointer
    var layout: TensorLayout
    var frames: [ImageFrame]
    var originalSizes: [PictureSize]
  }

  // MARK: Stages

  /// Detects objects in pictures that all have the same size, sharing one run.
  func detect(
    _ images: [Image], parameters: DetectionParameters, isCancelled: () -> Bool
  ) throws(DetectorError) -> [DetectionResult] {
    guard let first = images.first else { return [] }
    return try detect(
      images, resizedTo: resizing(first.size),
      parameters: parameters, isCancelled: isCancelled)
  }

  /// The size at which the networks see a picture.
  func resizing(_ size: PictureSize) throws(DetectorError) -> Resizing {
    do {
      return try model.blueprint.picture.resize.resizing(size)
    } catch {
      throw .image(error)
    }
  }

  /// Runs everything once on a grey picture: of one of 640 x 480, the strip that makes four rows of
  /// features, because all sizes want the weights in the same layouts.
  func warmUp() throws(DetectorError) {
    let usual = try resizing(PictureSize(height: 480, width: 640)).size
    let height = min(usual.height, 4 * model.networks.levels[0].stride)
    let strip = Image(
      width: usual.width, height: height,
      pixels: [UInt8](repeating: 128, count: 3 * usual.width * height))
    _ = try detect(
      [strip], resizedTo: Resizing(strip.size, scale: 1),
      parameters: DetectionParameters(), isCancelled: { false })
  }

  private func detect(
    _ images: [Image], resizedTo resizing: Resizing, parameters: DetectionParameters,
    isCancelled: () -> Bool
  ) throws(DetectorError) -> [DetectionResult] {
    let first = images[0]
    let size = resizing.size
    let picture = model.blueprint.picture
    var timer = StageTimer(clock: clock)
    let plan: Plan
    do {
      plan = try backbonePlan(images: images.count, height: size.height, width: size.width)
    } catch {
      // So narrow that some layer has less than its window to look at.
      let isNarrow = min(size.height, size.width) < model.networks.levels[0].stride
      guard case .compute = error, isNarrow else { throw error }
      throw .image(
        .unusableShape(
          width: first.width, height: first.height, resizedWidth: Double(size.width),
          resizedHeight: Double(size.height)))
    }
    timer.record(.plan)

    guard
      let block = plan.inputLayout.channelLayout?.channelBlock, block == 1 || block == 3
    else {
      throw .compute(ComputeError(operation: "input", reason: "a layout that pictures do not have"))
    }
    let layout = ChannelLayout(
      channelCount: 3, height: size.height, width: size.width, channelBlock: block)
    let count = layout.elementCount
    let values = try unsafe input.room(count * images.count)
    for (index, image) in images.enumerated() {
      precondition(
        image.size == first.size,
        "\(image.width)x\(image.height) in a run of \(first.width)x\(first.height)")
      unsafe picture.preprocessing.write(
        image, resizedTo: resizing, layout: layout,
        into: UnsafeMutableBufferPointer(rebasing: values[index * count..<(index + 1) * count]))
    }
    timer.record(.resize)
    guard !isCancelled() else { throw .cancelled }

    try unsafe run(plan, on: UnsafeRawPointer(values.baseAddress))
    timer.record(.backbone)
    observe?(.backbone, plan, images.count)
    guard !isCancelled() else { throw .cancelled }

    let scale = Float(resizing.scale)
    let frame =
      picture.usesOneScale
      ? ImageFrame(
        height: size.height, width: size.width, originalHeight: first.height,
        originalWidth: first.width, scale: scale)
      : ImageFrame(
        height: size.height, width: size.width, originalHeight: first.height,
        originalWidth: first.width)
    let features = unsafe Features(
      values: plan.output(0), layout: plan.outputLayouts[0],
      frames: [ImageFrame](repeating: frame, count: images.count),
      originalSizes: images.map(\.size))
    return try finish(features, parameters: parameters, isCancelled: isCancelled, timer: &timer)
  }

  /// Detects objects in a feature map that somebody else's backbone made.
  func detect(
    _ map: FeatureMap, parameters: DetectionParameters, isCancelled: () -> Bool
  ) throws(DetectorError) -> DetectionResult {
    var timer = StageTimer(clock: clock)
    let (tensor, imageSize, original) = (map.values, map.imageSize, map.originalSize)
    let shape = tensor.shape.rank == 3 ? Shape([1] + tensor.shape.dimensions) : tensor.shape
    guard shape.rank == 4, shape[0] == 1, shape[1] == model.networks.levels[0].channels else {
      throw .features(
        "the features have shape \(tensor.shape); this model's are "
          + "\(model.networks.levels[0].channels) x H/\(model.networks.levels[0].stride) x "
          + "W/\(model.networks.levels[0].stride)")
    }
    guard shape[2] > 0, shape[3] > 0, max(shape[2], shape[3]) <= ChannelLayout.maximumSide,
      [imageSize.height, imageSize.width, original.height, original.width].allSatisfy(
        (1...1 << 20).contains),
      [map.yScale, map.xScale].allSatisfy({ $0 > 0 && $0.isFinite })
    else {
      throw .features("a feature map needs a positive size, image_size and scale")
    }
    try check(rows: shape[2], of: imageSize.height)
    try check(rows: shape[3], of: imageSize.width)
    var frame = ImageFrame(
      height: imageSize.height, width: imageSize.width, originalHeight: original.height,
      originalWidth: original.width)
    (frame.yScale, frame.xScale) = (map.yScale, map.xScale)
    do {
      let layout = try TensorLayout.rowMajor(shape)
      return try unsafe tensor.values.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else {
          throw DetectorError.features("the features are empty")
        }
        let features = unsafe Features(
          values: base, layout: layout, frames: [frame], originalSizes: [original])
        return try finish(
          features, parameters: parameters, isCancelled: isCancelled, timer: &timer)[0]
      }
    } catch let error as DetectorError {
      throw error
    } catch let error as ComputeError {
      throw .compute(error)
    } catch {
      throw .features("\(error)")
    }
  }

  /// Refuses a feature map that cannot be of a picture of its stated size.
  ///
  /// Backbones differ in how they round at the edges, by less than two cells.
  private func check(rows: Int, of side: Int) throws(DetectorError) {
    let stride = model.networks.levels[0].stride
    guard abs(rows - side / stride) <= 2 else {
      throw .features(
        "\(rows) cells of \(stride) pixels cannot be of a side of \(side) pixels: image_size is "
          + "the size, [height, width], of the resized picture that the features were computed from"
      )
    }
  }

  /// From features to results: RPN, proposals, RoI pooling, head, class boxes.
  private func finish(
    _ features: Features, parameters: DetectionParameters, isCancelled: () -> Bool,
    timer: inout StageTimer
  ) throws(DetectorError) -> [DetectionResult] {
    let shape = features.layout.shape
    let profile = model.blueprint.detection
    let rpn = try proposalPlan(features.layout)
    timer.record(.plan)
    try unsafe run(rpn, on: features.values)
    timer.record(.rpn)
    observe?(.rpn, rpn, shape[0])
    guard !isCancelled() else { throw .cancelled }

    let grid = grids.value(for: [shape[2], shape[3]]) {
      profile.levels[0].grid(
        height: shape[2], width: shape[3], inputHeight: Int(features.frames[0].height),
        inputWidth: Int(features.frames[0].width))
    }
    let (offsets, scores) = unsafe (rpn.outputValues(0), rpn.outputValues(1))
    // A network whose outputs are NaN finds nothing, and saying "nothing found" would be a lie.
    guard unsafe scores.contains(where: \.isFinite) else { throw .notFinite }
    proposalCreator.settings = proposalSettings(parameters)
    proposals.removeAll()
    for (image, frame) in features.frames.enumerated() {
      proposalCreator.begin(frame)
      let (anchors, logits) = (grid.count, grid.count * profile.proposals.layout.channelsPerAnchor)
      unsafe proposalCreator.add(
        offsets: Span(_unsafeElements: offsets).extracting(
          image * 4 * anchors..<(image + 1) * 4 * anchors),
        scores: Span(_unsafeElements: scores).extracting(
          image * logits..<(image + 1) * logits), grid: grid)
      proposalCreator.finish(image: image, into: &proposals)
    }
    timer.record(.proposals)

    var results = results(of: features)
    for index in results.indices {
      results[index].frame = features.frames[index]
      results[index].proposalSettings = proposalCreator.settings
    }
    if parameters.includesFeatures {
      for index in results.indices { results[index].features = featureMap(features, image: index) }
    }
    if parameters.includesEvidence {
      for index in results.indices {
        let level = unsafe ProposalEvidence(
          grid: grid, offsets: Self.row(index, of: offsets, count: results.count),
          scores: Self.row(index, of: scores, count: results.count))
        results[index].evidence = DetectionEvidence(
          levels: [level], frame: features.frames[index], coder: profile.coder,
          proposalSettings: proposalCreator.settings, classBoxSettings: classBoxSettings(parameters)
        )
      }
    }
    guard proposals.count > 0, parameters.findsObjects else {
      timer.write(to: &results)
      return results
    }
    let head = try headPlan(
      images: shape[0], proposalCount: proposals.count,
      limit: proposalCreator.settings.counts.afterNMS)
    timer.record(.plan)
    let pooledCount = head.inputLayout.byteCount / MemoryLayout<Float>.stride
    let rows = try unsafe pooled.room(pooledCount)
    try unsafe pool(features, into: rows, head: head)
    timer.record(.roiPooling)
    guard !isCancelled() else { throw .cancelled }
    try unsafe run(head, on: UnsafeRawPointer(rows.baseAddress))
    timer.record(.head)
    observe?(.head, head, proposals.count)

    let decoder = ClassBoxDecoder(
      settings: classBoxSettings(parameters), coder: profile.coder)
    for index in results.indices {
      let range = proposals.range(ofImage: index)
      let (boxes, logits) = unsafe (head.outputValues(0), head.outputValues(1))
      let (columns, classes) = (head.outputLayouts[0].shape[1], head.outputLayouts[1].shape[1])
      // Safety: the head's outputs have a row for every proposal, and `range` counts proposals.
      let classLogits = unsafe UnsafeBufferPointer(
        rebasing: logits[range.lowerBound * classes..<range.upperBound * classes])
      let classOffsets = unsafe UnsafeBufferPointer(
        rebasing: boxes[range.lowerBound * columns..<range.upperBound * columns])
      unsafe results[index].evidence?.setHead(
        rois: proposals.boxes[range], logits: Array(classLogits), offsets: Array(classOffsets),
        logitCount: classes)
      unsafe decoder.decode(
        logits: Span(_unsafeElements: classLogits), offsets: Span(_unsafeElements: classOffsets),
        logitCount: classes, rois: proposals.boxes[range], frame: features.frames[index],
        workspace: &classWorkspace, into: &classified)
      results[index].objects = classified.map {
        DetectedObject(
          box: $0.box, score: $0.score, classID: $0.classID, proposalIndex: $0.roiIndex)
      }
    }
    timer.record(.postprocess)
    timer.write(to: &results)
    return results
  }

  private func classBoxSettings(_ parameters: DetectionParameters) -> ClassBoxSettings {
    var settings = model.blueprint.detection.classes
    if let threshold = parameters.scoreThreshold { settings.scoreThreshold = threshold }
    if let threshold = parameters.nmsThreshold { settings.nms.iouThreshold = threshold }
    if let maximum = parameters.maximumDetections { settings.maximumDetections = maximum }
    if let classes = parameters.classes { settings.classes = classes }
    if let isClassAgnostic = parameters.isClassAgnostic {
      settings.isClassAgnostic = isClassAgnostic
    }
    return settings
  }

  private func proposalSettings(_ parameters: DetectionParameters) -> ProposalSettings {
    var settings = model.blueprint.detection.proposals
    if let count = parameters.proposalCountBeforeNMS { settings.counts.beforeNMS = count }
    if let count = parameters.proposalCountAfterNMS { settings.counts.afterNMS = count }
    if let threshold = parameters.proposalNMSThreshold { settings.nms.iouThreshold = threshold }
    if let length = parameters.proposalMinimumSide {
      var side = settings.minimumSide ?? MinimumSide(length: length, scalesWithImage: true)
      side.length = length
      settings.minimumSide = side
    }
    return settings
  }

  /// The part of a network's output that is one picture's, copied.
  private static func row(
    _ index: Int, of values: UnsafeBufferPointer<Float>, count: Int
  ) -> [Float] {
    let size = values.count / count
    return unsafe Array(values[index * size..<(index + 1) * size])
  }
}
