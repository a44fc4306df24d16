internal import Compute
internal import Detection
internal import Families
internal import Networks
internal import Tensors

/// From features that somebody else's backbone made to the RPN's outputs.
final class FeatureStage {
  private let model: Model
  private let shelf: PlanShelf

  init(_ model: Model, options: Detector.Options, counters: PlanCounters) {
    self.model = model
    shelf = PlanShelf(model.networks.proposal, options: options, counters: counters)
  }

  /// The plans that are kept.
  var plans: [Plan] { shelf.values }

  /// Runs the RPN on features.
  ///
  /// - Parameters:
  ///   - features: The features of every level.
  ///   - run: The call's clock, and who may stop or watch it.
  ///   - body: Receives what the RPN says of them, which refers to the features' own memory.
  /// - Returns: What `body` returns.
  /// - Throws: `DetectorError` where the features do not fit the model, and what `body` throws.
  func withPyramid<Result>(
    of features: FeatureMap, _ run: inout Run,
    _ body: (PictureOutputs, inout Run) throws(DetectorError) -> Result
  ) throws(DetectorError) -> Result {
    let geometry = try geometry(of: features)
    let shapes = try zip(features.levels, model.networks.levels).map {
      (tensor, level) throws(DetectorError) in
      try shape(of: tensor, level: level, input: geometry.input)
    }
    let plan = try shelf.plan(for: shapes, isRowMajor: true)
    run.timer.record(.plan)
    return try withMaps(of: features, shapes: shapes) { (maps) throws(DetectorError) in
      try unsafe plan.compute(on: maps.map { unsafe UnsafeRawPointer($0.values.baseAddress) })
      run.timer.record(.rpn)
      run.observe?(plan, .features, 1)
      try run.checkCancellation()
      return try body(
        PictureOutputs(plan, firstOutput: 0, maps: maps, geometry: geometry), &run)
    }
  }

  /// Calls back with the tensors' own memory.
  private func withMaps<Result>(
    of features: FeatureMap, shapes: [Shape], from level: Int = 0, _ maps: [FeatureMapView] = [],
    _ body: ([FeatureMapView]) throws(DetectorError) -> Result
  ) throws(DetectorError) -> Result {
    guard level < features.levels.count else { return try body(maps) }
    return try unsafe features.levels[level].values.withUnsafeBufferPointer {
      (values) throws(DetectorError) -> Result in
      // Safety: the shape was checked to be the tensor's own, and the array outlives the closure.
      let map = unsafe FeatureMapView(values, layout: ChannelLayout(shapes[level]))
      return try withMaps(of: features, shapes: shapes, from: level + 1, maps + [map], body)
    }
  }

  private func geometry(of features: FeatureMap) throws(DetectorError) -> PictureGeometry {
    let levels = model.networks.levels
    guard features.levels.count == levels.count else {
      throw .features(
        "there are \(features.levels.count) feature maps; this model has \(levels.count): "
          + levels.map { "\($0.name), every \($0.stride) pixels" }.joined(separator: "; "))
    }
    let (size, original) = (features.imageSize, features.originalSize)
    guard
      [size.height, size.width, original.height, original.width].allSatisfy((1...1 << 20).contains),
      [features.yScale, features.xScale].allSatisfy({ $0 > 0 && $0.isFinite })
    else {
      throw .features("a feature map needs a positive size, image_size and scale")
    }
    var frame = ImageFrame(
      height: size.height, width: size.width, originalHeight: original.height,
      originalWidth: original.width)
    (frame.yScale, frame.xScale) = (features.yScale, features.xScale)
    return PictureGeometry(
      original: original, resized: size,
      input: size.padded(to: model.blueprint.picture.paddingMultiple), frame: frame)
  }

  /// The shape of a level's features, [1, C, H, W]; refuses what cannot be of a picture of its size.
  private func shape(
    of tensor: Tensor, level: FeatureLevel, input: PictureSize
  ) throws(DetectorError) -> Shape {
    let shape = tensor.shape.rank == 3 ? Shape([1] + tensor.shape.dimensions) : tensor.shape
    guard shape.rank == 4, shape[0] == 1, shape[1] == level.channels else {
      throw .features(
        "the features have shape \(tensor.shape); this model's are "
          + "\(level.channels) x H/\(level.stride) x W/\(level.stride)")
    }
    guard shape[2] > 0, shape[3] > 0, max(shape[2], shape[3]) <= ChannelLayout.maximumSide else {
      throw .features("a feature map needs a positive size, image_size and scale")
    }
    for (cells, side) in [(shape[2], input.height), (shape[3], input.width)] {
      // Backbones differ in how they round at the edges, by less than two cells.
      guard abs(cells - side / level.stride) <= 2 else {
        throw .features(
          "\(cells) cells of \(level.stride) pixels cannot be of a side of \(side) pixels: "
            + "image_size is the size, [height, width], of the resized picture that the features "
            + "were computed from")
      }
    }
    return shape
  }
}
