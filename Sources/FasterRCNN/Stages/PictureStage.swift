internal import Compute
internal import Detection
internal import Families
internal import Images
internal import Networks
internal import Tensors

/// From pictures to features and the RPN's outputs: one network, so that one kept plan is one size.
final class PictureStage {
  private let model: Model
  private let shelf: PlanShelf
  private let input = FloatBuffer()

  init(_ model: Model, options: Detector.Options, counters: PlanCounters) {
    self.model = model
    shelf = PlanShelf(model.networks.picture, options: options, counters: counters)
  }

  /// The plans that are kept.
  var plans: [Plan] { shelf.values }

  /// Drops the plans.
  func forgetPlans() { shelf.removeAll() }

  /// The size at which the networks see a picture.
  func resizing(_ size: PictureSize) throws(DetectorError) -> Resizing {
    do {
      return try model.blueprint.picture.resize.resizing(size)
    } catch {
      throw .image(error)
    }
  }

  /// The plan for so many pictures of a resized size.
  func plan(images: Int, resizedTo size: PictureSize) throws(DetectorError) -> Plan {
    let input = size.padded(to: model.blueprint.picture.paddingMultiple)
    return try shelf.plan(for: [[images, 3, input.height, input.width]])
  }

  /// Runs the network on pictures of one size.
  ///
  /// - Parameters:
  ///   - images: The pictures; traps where their sizes differ.
  ///   - resizing: The size at which the network sees them.
  ///   - run: The call's clock, and who may stop or watch it.
  /// - Returns: The features and the RPN's outputs, which are valid until the next run.
  /// - Throws: `DetectorError` where a picture has no usable shape, the engine fails, or the caller
  ///   stops the work.
  func outputs(
    of images: [Image], resizedTo resizing: Resizing, _ run: inout Run
  ) throws(DetectorError) -> PictureOutputs {
    let original = images[0].size
    let plan: Plan
    do {
      plan = try self.plan(images: images.count, resizedTo: resizing.size)
    } catch {
      // So narrow that some layer has less than its window to look at.
      let stride = model.networks.levels.map(\.stride).max() ?? 1
      let isNarrow = min(resizing.size.height, resizing.size.width) < stride
      guard case .compute = error, isNarrow else { throw error }
      throw .image(
        .unusableShape(
          width: original.width, height: original.height,
          resizedWidth: Double(resizing.size.width), resizedHeight: Double(resizing.size.height)))
    }
    run.timer.record(.plan)
    let source = try unsafe write(images, resizedTo: resizing, for: plan)
    run.timer.record(.resize)
    try run.checkCancellation()

    // The RPN's layers are the last ones: its time starts where its first one does.
    let border = plan.steps.firstIndex { $0.name.hasPrefix(Self.proposalPrefix) }
    var timer = run.timer
    try unsafe plan.compute(on: [source]) { step in
      if step + 1 == border { timer.record(.backbone) }
    }
    timer.record(.rpn)
    run.timer = timer
    run.observe?(plan, .picture, images.count)
    try run.checkCancellation()

    let levels = model.networks.levels.indices
    var maps: [FeatureMapView] = []
    for level in levels { maps.append(try FeatureMapView(plan, output: level)) }
    return PictureOutputs(
      plan, firstOutput: levels.count, maps: maps,
      geometry: geometry(of: original, resizedTo: resizing))
  }

  /// How the names of the RPN's layers begin.
  static let proposalPrefix = "rpn"

  /// Writes the network's input: resized, normalised, padded.
  private func write(
    _ images: [Image], resizedTo resizing: Resizing, for plan: Plan
  ) throws(DetectorError) -> UnsafeRawPointer? {
    guard let layout = plan.inputLayout.channelLayout else {
      throw .compute(ComputeError(operation: "input", reason: "a layout that pictures do not have"))
    }
    let single = ChannelLayout(
      channelCount: layout.channelCount, height: layout.height, width: layout.width,
      channelBlock: layout.channelBlock)
    let values = try unsafe input.room(layout.elementCount)
    for (index, image) in images.enumerated() {
      precondition(
        image.size == images[0].size, "\(image.size) in a run of \(images[0].size)")
      // Safety: the layout of N pictures is N times the layout of one.
      let part = unsafe UnsafeMutableBufferPointer(
        rebasing: values[index * single.elementCount..<(index + 1) * single.elementCount])
      unsafe model.blueprint.picture.preprocessing.write(
        image, resizedTo: resizing, layout: single, into: part)
    }
    return UnsafeRawPointer(values.baseAddress)
  }

  private func geometry(of original: PictureSize, resizedTo resizing: Resizing) -> PictureGeometry {
    let rule = model.blueprint.picture
    var frame = ImageFrame(
      height: resizing.size.height, width: resizing.size.width, originalHeight: original.height,
      originalWidth: original.width)
    if rule.usesOneScale {
      (frame.yScale, frame.xScale) = (Float(resizing.scale), Float(resizing.scale))
    }
    return PictureGeometry(
      original: original, resized: resizing.size,
      input: resizing.size.padded(to: rule.paddingMultiple), frame: frame)
  }
}

extension PictureSize {
  /// The size with both sides rounded up to a multiple.
  func padded(to multiple: Int) -> PictureSize {
    PictureSize(
      height: (height + multiple - 1) / multiple * multiple,
      width: (width + multiple - 1) / multiple * multiple)
  }
}
