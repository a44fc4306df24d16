internal import Compute
internal import Detection
internal import Families
internal import Images
internal import Networks
internal import Tensors

/// One compute thread's memory for detection: the stages, each with its own plans and buffers.
///
/// A session is used and freed on its compute thread alone. Pictures of one size may share a run: N of
/// them go through the networks together.
final class Session {
  let model: Model
  let pictures: PictureStage
  let features: FeatureStage
  let proposals: ProposalStage
  let rois: RoIStage
  private let classes: ClassStage

  init(
    model: Model, thread: ComputeThread, options: Detector.Options,
    planCounters: PlanCounters = PlanCounters()
  ) {
    self.model = model
    let profile = model.blueprint.detection
    pictures = PictureStage(model, options: options, counters: planCounters)
    features = FeatureStage(model, options: options, counters: planCounters)
    proposals = ProposalStage(profile, options: options)
    rois = RoIStage(
      model.networks, profile.roi, thread: thread, options: options, counters: planCounters)
    classes = ClassStage(profile)
  }

  /// All plans that are kept.
  var plans: [Plan] { pictures.plans + features.plans + rois.plans }

  /// Detects objects in pictures that all have the same size, sharing one run.
  func detect(
    _ images: [Image], parameters: DetectionParameters, _ run: Run
  ) throws(DetectorError) -> [DetectionResult] {
    guard let first = images.first else { return [] }
    return try detect(
      images, resizedTo: pictures.resizing(first.size), parameters: parameters, run)
  }

  private func detect(
    _ images: [Image], resizedTo resizing: Resizing, parameters: DetectionParameters, _ run: Run
  ) throws(DetectorError) -> [DetectionResult] {
    var run = run
    let pictureOutputs = try pictures.outputs(of: images, resizedTo: resizing, &run)
    return try finish(pictureOutputs, parameters: parameters, &run)
  }

  /// Detects objects in the features that somebody else's backbone made.
  func detect(
    _ features: FeatureMap, parameters: DetectionParameters, _ run: Run
  ) throws(DetectorError) -> DetectionResult {
    var run = run
    return try self.features.withPyramid(of: features, &run) {
      (pictureOutputs, run) throws(DetectorError) in
      try finish(pictureOutputs, parameters: parameters, &run)[0]
    }
  }

  /// Runs everything once on a grey picture: of one of 640 x 480, the strip that makes four rows of
  /// the coarsest features, because all sizes want the weights in the same layouts.
  func warmUp() throws(DetectorError) {
    let usual = try pictures.resizing(PictureSize(height: 480, width: 640)).size
    let stride = model.networks.levels.map(\.stride).max() ?? 1
    let height = min(usual.height, 4 * stride)
    let strip = Image(
      width: usual.width, height: height,
      pixels: [UInt8](repeating: 128, count: 3 * usual.width * height))
    _ = try detect(
      [strip], resizedTo: Resizing(strip.size, scale: 1), parameters: DetectionParameters(),
      Run(isCancelled: { false }))
  }

  /// From the RPN's outputs to results: proposals, head, objects.
  private func finish(
    _ pictureOutputs: PictureOutputs, parameters: DetectionParameters, _ run: inout Run
  ) throws(DetectorError) -> [DetectionResult] {
    let proposalSettings = proposals.settings(parameters)
    let classBoxSettings = classes.settings(parameters)
    try proposals.propose(pictureOutputs, proposalSettings)
    run.timer.record(.proposals)
    let found = proposals.proposals
    let frame = pictureOutputs.geometry.frame
    var results = (0..<pictureOutputs.imageCount).map { image in
      var result = DetectionResult(
        found, image: image, frame: frame, imageSize: pictureOutputs.geometry.original)
      result.proposalSettings = proposalSettings
      if parameters.includesFeatures { result.features = pictureOutputs.features(ofImage: image) }
      if parameters.includesEvidence {
        result.evidence = DetectionEvidence(
          levels: proposals.evidence(pictureOutputs, image: image), frame: frame,
          coder: model.blueprint.detection.coder, proposalSettings: proposalSettings,
          classBoxSettings: classBoxSettings)
      }
      return result
    }
    if found.count > 0, parameters.findsObjects {
      let outputs = try rois.judge(found, pictureOutputs, &run)
      for image in results.indices {
        let range = found.range(ofImage: image)
        unsafe results[image].evidence?.setHead(
          rois: found.boxes[range], logits: Array(outputs.logits(range)),
          offsets: Array(outputs.offsets(range)), logitCount: outputs.logitCount)
        results[image].objects = try classes.objects(
          outputs, rois: found.boxes[range], frame: frame, classBoxSettings)
      }
      run.timer.record(.postprocess)
    }
    run.timer.write(to: &results)
    return results
  }
}

extension DetectionResult {
  /// The proposals of one picture, taken back to its own pixels.
  fileprivate init(
    _ proposals: RegionProposals, image: Int, frame: ImageFrame, imageSize: PictureSize
  ) {
    self.init(
      proposals: proposals.range(ofImage: image).map { row in
        let box = proposals.boxes[row]
        return Proposal(
          box: BoundingBox(
            yMin: min(box.yMin / frame.yScale, frame.originalHeight),
            xMin: min(box.xMin / frame.xScale, frame.originalWidth),
            yMax: min(box.yMax / frame.yScale, frame.originalHeight),
            xMax: min(box.xMax / frame.xScale, frame.originalWidth)),
          objectness: proposals.objectness[row])
      }, objects: [], imageSize: imageSize)
    self.frame = frame
  }
}
