internal import Compute
internal import Detection
internal import Networks
internal import Tensors

// Losses are computed of what was sampled alone, and their gradients written to where it was read.

/// One network's two losses.
struct LossPair {
  var classification: Float = 0
  var regression: Float = 0
  /// Weighted as the family does.
  var total: Float = 0
}

extension TrainingEngine {
  /// The RPN's losses; sets the gradients of its outputs.
  @unsafe func rpnLoss(_ sample: AnchorSample, _ table: AnchorTable) -> LossPair {
    let levels = networks.levels.count
    let order = profile.coder.order
    let places = table.grids.map {
      AnchorPlaces(
        layout: profile.proposals.layout, anchorsPerCell: $0.anchorsPerCell, count: $0.count)
    }
    let (offsetValues, logitValues) = unsafe (
      (0..<levels).map { unsafe picture.outputValues(levels + $0) },
      (0..<levels).map { unsafe picture.outputValues(2 * levels + $0) }
    )
    var (offsets, logits) = ([BoxOffset](), [Float]())
    for row in sample.rows {
      let first = places[row.level].offsets(row)
      let values = unsafe offsetValues[row.level]
      offsets.append(
        unsafe BoxOffset(
          values[first], values[first + 1], values[first + 2], values[first + 3], as: order))
      for place in places[row.level].logits(row) {
        logits.append(unsafe logitValues[row.level][place])
      }
    }
    let targets = AnchorAssignment(
      labels: sample.rows.map(\.label), groundTruthIndices: sample.rows.map { _ in nil },
      offsets: sample.rows.map(\.offset))
    let loss =
      profile.proposals.layout == .single
      ? profile.training.anchorLoss(logits: logits, offsets: offsets, targets: targets)
      : profile.training.anchorLoss(
        scores: Tensor(shape: [sample.rows.count, 2], values: logits), offsets: offsets,
        targets: targets)

    let gradients = unsafe (0..<levels).map { level in
      unsafe (
        picture.gradientValues(levels + level), picture.gradientValues(2 * levels + level)
      )
    }
    for level in 0..<levels {
      unsafe gradients[level].0?.update(repeating: 0)
      unsafe gradients[level].1?.update(repeating: 0)
    }
    var next = 0
    for (row, offset) in zip(sample.rows, loss.offsetGradient) {
      let first = places[row.level].offsets(row)
      let (offsets, logits) = unsafe gradients[row.level]
      if let offsets = unsafe offsets {
        let stored = offset.stored(as: order)
        unsafe offsets[first] = stored.0
        unsafe offsets[first + 1] = stored.1
        unsafe offsets[first + 2] = stored.2
        unsafe offsets[first + 3] = stored.3
      }
      for place in places[row.level].logits(row) {
        unsafe logits?[place] = loss.scoreGradient[next]
        next += 1
      }
    }
    return LossPair(
      classification: loss.classification, regression: loss.regression, total: loss.total)
  }

  /// The maps that RoIs are pooled from.
  @unsafe private var pooledMaps: [FeatureMapView] {
    networks.roiLevels.map { level in
      guard let layout = picture.outputLayout(level).channelLayout else {
        preconditionFailure(
          "features of \(networks.levels[level].name) in a layout of oneDNN's own")
      }
      return unsafe FeatureMapView(picture.outputValues(level), layout: layout)
    }
  }

  /// The frame that scales of a batch are found from: torchvision's `MultiScaleRoIAlign` takes the largest
  /// sides of its pictures.
  private func frame(_ batch: TrainingBatch) -> ImageFrame {
    var frame = batch.pictures[0].frame
    for picture in batch.pictures {
      frame.height = max(frame.height, picture.frame.height)
      frame.width = max(frame.width, picture.frame.width)
    }
    return frame
  }

  private func pooling(_ rois: RoIBatch, _ maps: [FeatureMapView], _ batch: TrainingBatch)
    -> PyramidPooling
  {
    var pooling = PyramidPooling(
      profile.roi,
      maps: zip(networks.roiLevels, maps).map { level, map in
        (map.layout.height, map.layout.width, networks.levels[level].stride)
      }, frame: frame(batch))
    pooling.assign(rois.boxes.span, imageIndices: rois.pictures.span)
    return pooling
  }

  /// Pools the RoIs and runs the head on them.
  ///
  /// - Returns: the pooled features; `nil` where there are no RoIs.
  @unsafe func poolAndJudge(
    _ rois: RoIBatch, _ batch: TrainingBatch
  ) throws(TrainingError) -> UnsafeMutableBufferPointer<Float>? {
    guard !rois.boxes.isEmpty else { return nil }
    let maps = unsafe pooledMaps
    let pooling = pooling(rois, maps, batch)
    let differentiates = networks.roiLevels.contains {
      unsafe picture.gradientValues($0) != nil
    }
    return try unsafe computing { () throws(ComputeError) in
      let pooled = try unsafe head.begin(
        count: rois.boxes.count, differentiatesInputs: differentiates)
      thread.parallel(rois.boxes.count) { range in
        // Safety: the ranges of the team do not overlap, and each writes its own rows.
        unsafe pooling.pool(
          maps, rois: rois.boxes.span, imageIndices: rois.pictures.span, range: range, into: pooled,
          outputChannelBlock: 1)
      }
      try unsafe head.forward(on: pooled)
      return unsafe pooled
    }
  }

  /// The head's losses; sets the gradients of its outputs.
  @unsafe func headLoss(_ rois: RoIBatch) -> LossPair {
    guard !rois.labels.isEmpty, let plan = head.plan else { return LossPair() }
    let layout = profile.classes.layout
    let (boxes, logits) = unsafe (plan.outputValues(0), plan.outputValues(1))
    let (count, classes) = (rois.labels.count, networks.classCount)
    let boxColumns = boxes.count / count
    let columns = rois.labels.map { label in
      if label > 0 { return layout.logitColumn(ofClass: label - 1) }
      return layout.background == .first ? 0 : classes - 1
    }
    let crossEntropy = CrossEntropyLoss(
      logits: Tensor(shape: [count, classes], values: unsafe Array(logits)), labels: columns)
    let (offsetGradient, logitGradient) = unsafe (
      plan.gradientValues(ofOutput: 0), plan.gradientValues(ofOutput: 1)
    )
    unsafe offsetGradient?.update(repeating: 0)
    for (index, value) in crossEntropy.gradient.enumerated() {
      unsafe logitGradient?[index] = value
    }
    let loss = profile.training.roiLoss
    let order = profile.coder.order
    let divisor = loss.normalisation.divisor(
      sampledCount: count, positiveCount: rois.labels.count { $0 > 0 })
    let hasBackgroundRow = layout.offsets == .perLogit && layout.background == .first
    var sum = 0.0
    for (row, label) in rois.labels.enumerated()
    where label > 0 || (loss.countsBackgroundOffsets && hasBackgroundRow) {
      let first = row * boxColumns + (label > 0 ? layout.offsetColumn(ofClass: label - 1) : 0)
      let found = unsafe BoxOffset(
        boxes[first], boxes[first + 1], boxes[first + 2], boxes[first + 3], as: order)
      sum += Double(loss.smoothL1.value(found, rois.offsets[row]))
      let gradient = loss.smoothL1.derivative(
        found, rois.offsets[row], factor: loss.lambda / divisor
      ).stored(as: order)
      if let offsetGradient = unsafe offsetGradient {
        unsafe offsetGradient[first] = gradient.0
        unsafe offsetGradient[first + 1] = gradient.1
        unsafe offsetGradient[first + 2] = gradient.2
        unsafe offsetGradient[first + 3] = gradient.3
      }
    }
    let regression = Float(sum / Double(divisor))
    return LossPair(
      classification: crossEntropy.value, regression: regression,
      total: crossEntropy.value + loss.lambda * regression)
  }

  /// Runs all backward passes: head, pooling, picture.
  @unsafe func backward(_ rois: RoIBatch, _ batch: TrainingBatch) throws(TrainingError) {
    for level in networks.levels.indices {
      guard let gradient = unsafe picture.gradientValues(level) else { continue }
      let start = gradient.baseAddress
      thread.parallel(gradient.count) { range in
        // Safety: the range lies within the gradient.
        unsafe start?.advanced(by: range.lowerBound).update(repeating: 0, count: range.count)
      }
    }
    if rois.boxes.isEmpty {
      // Nothing was said of RoIs, and the gradients of the step before must not count again.
      for parameter in store.parameters where parameter.name.hasPrefix("head.") {
        parameter.clearGradient()
      }
    } else if let plan = head.plan {
      try computing { () throws(ComputeError) in try plan.backward() }
      if let upstream = unsafe plan.inputGradientValues(0) { unsafe pass(upstream, rois, batch) }
    }
    try computing { () throws(ComputeError) in try picture.backward() }
  }

  @unsafe private func pass(
    _ upstream: UnsafeBufferPointer<Float>, _ rois: RoIBatch, _ batch: TrainingBatch
  ) {
    let maps = unsafe pooledMaps
    var gradients: [UnsafeMutableBufferPointer<Float>] = unsafe []
    for level in networks.roiLevels {
      // Where one level's features learn all do: they come from the same layers or from later ones.
      guard let gradient = unsafe picture.gradientValues(level) else { return }
      unsafe gradients.append(gradient)
    }
    let thread = thread
    unsafe pooling(rois, maps, batch).addGradient(
      of: upstream, maps, rois: rois.boxes, imageIndices: rois.pictures, to: gradients
    ) { count, body in thread.parallel(count, body) }
  }
}
