internal import Compute
internal import Detection
internal import Networks
internal import Tensors

/// What tests look at: the outputs and their gradients, or all gradients before the update.
enum TrainingMoment {
  case losses
  case gradients
}

/// The RoIs of a batch, with what the head is trained to say of them.
struct RoIBatch {
  var boxes: [BoundingBox] = []
  var pictures: [Int] = []
  /// 0 is background.
  var labels: [Int] = []
  /// Normalised.
  var offsets: [BoxOffset] = []

  mutating func add(
    _ boxes: [BoundingBox], _ labels: [Int], _ offsets: [BoxOffset], picture: Int
  ) {
    self.boxes += boxes
    pictures += [Int](repeating: picture, count: boxes.count)
    self.labels += labels
    self.offsets += offsets
  }
}

extension TrainingEngine {
  /// Does one step.
  ///
  /// - Parameters:
  ///   - batch: the pictures.
  ///   - samples: for each picture what would be drawn at random, where that is given.
  ///   - observe: called when the losses' gradients are there, and again when all are.
  /// - Returns: what the step did.
  /// - Throws: `TrainingError.diverged`, or where the engine fails.
  func step(
    _ batch: TrainingBatch, samples: [TrainingSample]? = nil,
    observe: ((TrainingMoment) -> Void)? = nil
  ) throws(TrainingError) -> StepReport {
    let statistics = store.statistics.map { parameter in
      parameter.read { values in values.indices.map { values[$0] } }
    }
    do {
      return try unsafe batch.values.withUnsafeBufferPointer {
        (values) throws(TrainingError) -> StepReport in
        guard let values = values.baseAddress else { throw .unusable("a picture without pixels") }
        return try unsafe compute(batch, values, samples: samples, observe: observe)
      }
    } catch {
      // A forward pass changes them, and what diverged must not stay.
      for (parameter, old) in zip(store.statistics, statistics) {
        parameter.update { values, _ in
          for index in values.indices { values[index] = old[index] }
        }
      }
      throw error
    }
  }

  @unsafe private func compute(
    _ batch: TrainingBatch, _ values: UnsafePointer<Float>, samples: [TrainingSample]?,
    observe: ((TrainingMoment) -> Void)?
  ) throws(TrainingError) -> StepReport {
    let clock = ContinuousClock()
    let start = clock.now
    let shape: Shape = [batch.pictures.count, 3, batch.height, batch.width]
    try computing { () throws(ComputeError) in
      try unsafe picture.forward(values, shape: shape, thread: thread)
    }
    var generator = SplitMix64(
      seed: SplitMix64.mixed(settings.seed &+ UInt64(iteration) &* SplitMix64.step))
    let table = anchorTable(batch)
    let (anchors, rois) = unsafe draw(batch, table, samples: samples, &generator)
    var report = StepReport(
      iteration: iteration + 1, losses: StepReport.Losses(), gradientNorm: 0,
      rate: settings.schedule.rate(at: iteration), milliseconds: StepReport.Durations(),
      counts: StepReport.Counts())
    report.counts.anchors = anchors.rows.count
    report.counts.positiveAnchors = anchors.positiveCount
    report.counts.rois = rois.labels.count
    report.counts.positiveRoIs = rois.labels.count { $0 > 0 }

    let rpn = unsafe rpnLoss(anchors, table)
    report.losses.rpnClassification = rpn.classification
    report.losses.rpnRegression = rpn.regression
    let pooled = try unsafe poolAndJudge(rois, batch)
    let judged = unsafe headLoss(rois)
    report.losses.roiClassification = judged.classification
    report.losses.roiRegression = judged.regression
    report.losses.total = rpn.total + judged.total
    guard report.losses.total.isFinite, report.losses.total <= settings.largestLoss else {
      throw try unsafe diverged(batch, loss: report.losses.total, pooled)
    }
    let forward = clock.now
    observe?(.losses)
    try unsafe backward(rois, batch)
    let backward = clock.now
    observe?(.gradients)
    report.gradientNorm = descent.finishGradients()
    guard report.gradientNorm.isFinite else {
      throw .diverged(
        iteration: iteration + 1, pictures: batch.pictures.map(\.name), layer: nil,
        loss: report.losses.total)
    }
    update(norm: report.gradientNorm, rate: report.rate)
    iteration += 1
    let end = clock.now
    report.milliseconds.forward = (forward - start).milliseconds
    report.milliseconds.backward = (backward - forward).milliseconds
    report.milliseconds.update = (end - backward).milliseconds
    return report
  }

  private func update(norm: Float, rate: Double) {
    let factor = GradientDescent.factor(clipping: norm, to: settings.maximumGradientNorm)
    descent.step(momentum: settings.momentum, gradientFactor: factor) { parameter in
      let isBias = parameter.name.hasSuffix(".bias") && !parameter.name.hasSuffix(".norm.bias")
      return GradientDescent.Rule(
        rate: Float(rate * Double(isBias ? settings.biasRateFactor : 1)),
        decay: isBias && !settings.decaysBiases ? 0 : settings.weightDecay)
    }
    if let decay = settings.averageDecay { average?.add(decay: decay) }
  }
}

extension Duration {
  fileprivate var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15
  }
}

// MARK: Targets

extension TrainingEngine {
  /// What the RPN said of one picture on one level.
  @unsafe private func outputs(
    picture number: Int, level: Int
  ) -> (offsets: UnsafeBufferPointer<Float>, logits: UnsafeBufferPointer<Float>) {
    let count = networks.levels.count
    let values = unsafe [count + level, 2 * count + level].map { index in
      let all = unsafe picture.outputValues(index)
      let length = all.count / picture.outputLayout(index).shape[0]
      return unsafe UnsafeBufferPointer(rebasing: all[number * length..<(number + 1) * length])
    }
    return unsafe (values[0], values[1])
  }

  /// Draws the anchors and RoIs that the losses are of.
  @unsafe private func draw(
    _ batch: TrainingBatch, _ table: AnchorTable, samples: [TrainingSample]?,
    _ generator: inout SplitMix64
  ) -> (AnchorSample, RoIBatch) {
    let counts = table.grids.map(\.count)
    var (anchors, rois) = (AnchorSample(), RoIBatch())
    for (number, picture) in batch.pictures.enumerated() {
      if let sample = samples?[number] {
        anchors.add(sample.anchors, picture: number, counts: counts)
        rois.add(sample.boxes, sample.labels, sample.offsets, picture: number)
        continue
      }
      let assignment = profile.anchorTargets.assign(
        picture.boxes, to: table.anchors, imageHeight: picture.frame.height,
        imageWidth: picture.frame.width)
      anchors.add(
        profile.anchorTargets.sample(assignment, using: &generator), picture: number,
        counts: counts)
      let proposals = unsafe proposals(of: picture, number: number, table)
      let targets = profile.proposalTargets()
      let sample = targets.sample(
        targets.assign(picture.boxes, labels: picture.classes, to: proposals),
        using: &generator)
      rois.add(sample.rois, sample.labels, sample.offsets, picture: number)
    }
    return (anchors, rois)
  }

  /// What the RPN proposes in one picture, from the outputs of the last forward pass.
  @unsafe func proposals(
    of picture: TrainingBatch.Picture, number: Int, _ table: AnchorTable
  ) -> [BoundingBox] {
    var creator = ProposalCreator(settings: profile.trainingProposals, coder: profile.coder)
    creator.begin(picture.frame)
    for (level, grid) in table.grids.enumerated() {
      let said = unsafe outputs(picture: number, level: level)
      // Safety: the outputs stay until the backward pass.
      unsafe creator.add(
        offsets: Span(_unsafeElements: said.offsets), scores: Span(_unsafeElements: said.logits),
        grid: grid)
    }
    var proposals = RegionProposals()
    creator.finish(into: &proposals)
    return proposals.boxes
  }

  /// Why a step cannot go on: the first layer whose result is not finite, and the pictures it was found in.
  @unsafe private func diverged(
    _ batch: TrainingBatch, loss: Float, _ pooled: UnsafeMutableBufferPointer<Float>?
  ) throws(TrainingError) -> TrainingError {
    var guilty: [String] = []
    for (number, picture) in batch.pictures.enumerated() {
      let isFinite = networks.levels.indices.allSatisfy { level in
        let said = unsafe outputs(picture: number, level: level)
        return unsafe said.offsets.allSatisfy(\.isFinite) && said.logits.allSatisfy(\.isFinite)
      }
      if !isFinite { guilty.append(picture.name) }
    }
    if guilty.isEmpty { guilty = batch.pictures.map(\.name) }
    let layer = try computing { () throws(ComputeError) in
      // The head first: the picture's network overwrites what was pooled from.
      let judged = unsafe try pooled.flatMap {
        (pooled) throws(ComputeError) in try unsafe head.firstLayerThatIsNotFinite(on: pooled)
      }
      return try picture.firstLayerThatIsNotFinite() ?? judged
    }
    return .diverged(iteration: iteration + 1, pictures: guilty, layer: layer, loss: loss)
  }
}
