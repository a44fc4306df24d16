/// What became of a class's box in an RoI.
public enum ClassBoxFate: Sendable, Hashable {
  /// It is the object of this index.
  case detected(index: Int)
  /// A logit of the RoI, an offset of the class or an edge of its box is no finite number.
  case notFinite
  /// The class is not among those that are looked for.
  case notLookedFor
  /// Its score is not above the threshold.
  case belowThreshold(Float)
  /// Its shorter side is below the least one, or nothing of it lies in the original picture.
  case tooSmall
  /// It overlaps a better object: its index in `ClassBoxTrace.objects`.
  case suppressed(byObject: Int, iou: Float)
  /// It is not among the best objects, of which so many are kept.
  case beyondMaximum(limit: Int)
}

/// ClassBoxDecoder's work on one picture, kept so that it can be asked about.
public struct ClassBoxTrace: Sendable {
  /// All objects that suppression kept, best first: the detections, and then those that were dropped
  /// afterwards.
  public let objects: [ClassifiedBox]

  /// How many of the objects are detections.
  public let detectionCount: Int

  /// The number of classes without background, K.
  public let classCount: Int

  private let decoder: ClassBoxDecoder
  private let rois: [BoundingBox]
  private let offsets: [Float]
  private let probabilities: [Float]
  private let frame: ImageFrame
  /// The boxes of `objects` as suppression compared them, which may be before clipping.
  private let comparedBoxes: [BoundingBox?]

  /// Repeats what `ClassBoxDecoder` does.
  ///
  /// - Parameters:
  ///   - logits: [R, K + 1] raw class logits.
  ///   - offsets: [R, 4 x (K + 1)], or what `ClassBoxSettings.layout` says.
  ///   - logitCount: the number of class logits of each RoI, K + 1.
  ///   - rois: the R regions in pixels of the resized picture.
  ///   - frame: the picture's sizes and scale.
  ///   - settings: what `ClassBoxDecoder` was told.
  ///   - coder: how offsets become boxes.
  public init(
    logits: [Float], offsets: [Float], logitCount: Int, rois: [BoundingBox], frame: ImageFrame,
    settings: ClassBoxSettings, coder: BoxCoder
  ) {
    let decoder = ClassBoxDecoder(settings: settings, coder: coder)
    var unbounded = decoder
    unbounded.settings.maximumDetections = nil
    unbounded.settings.dropsEmptyBoxes = false
    func decode(_ decoder: ClassBoxDecoder) -> [ClassifiedBox] {
      decoder.decode(
        logits: logits.span, offsets: offsets.span, logitCount: logitCount, rois: rois[...],
        frame: frame)
    }
    let detections = decode(decoder)
    let detected = Set(detections.map { [$0.classID, $0.roiIndex] })
    objects =
      detections + decode(unbounded).filter { !detected.contains([$0.classID, $0.roiIndex]) }
    detectionCount = detections.count
    var workspace = ClassBoxWorkspace()
    if logitCount > 0 { workspace.softmax(logits.span, count: logitCount) }
    self.decoder = decoder
    self.rois = rois
    self.offsets = offsets
    self.frame = frame
    classCount = max(logitCount - 1, 0)
    probabilities = Array(workspace.probabilities.prefix(logits.count))
    comparedBoxes = objects.map {
      try? decoder.decodedBox(
        ofClass: $0.classID, roi: $0.roiIndex, region: rois[$0.roiIndex], offsets: offsets.span,
        logitCount: logitCount, frame: frame
      ).get()
    }
  }

  /// The probability of a class in an RoI; `nil` where a logit of the RoI is not finite.
  public func score(ofClass classID: Int, inRoI roi: Int) -> Float? {
    probability(roi, column: decoder.settings.layout.logitColumn(ofClass: classID))
  }

  /// The probability that an RoI is background; `nil` where a logit of the RoI is not finite.
  public func backgroundScore(inRoI roi: Int) -> Float? {
    probability(roi, column: decoder.settings.layout.background == .first ? 0 : classCount)
  }

  /// The box of a class in an RoI, clipped, in pixels of the original picture; `nil` where it is
  /// not finite or too small.
  public func box(ofClass classID: Int, inRoI roi: Int) -> BoundingBox? {
    guard case .success(let box) = comparedBox(ofClass: classID, inRoI: roi) else { return nil }
    return decoder.originalBox(box, frame: frame)
  }

  /// What became of a class's box in an RoI.
  public func fate(ofClass classID: Int, inRoI roi: Int) -> ClassBoxFate {
    let settings = decoder.settings
    guard settings.classes?.contains(classID) != false else { return .notLookedFor }
    guard let score = score(ofClass: classID, inRoI: roi) else { return .notFinite }
    guard score > settings.scoreThreshold else { return .belowThreshold(settings.scoreThreshold) }
    let box: BoundingBox
    switch comparedBox(ofClass: classID, inRoI: roi) {
    case .success(let compared): box = compared
    case .failure(.notFinite): return .notFinite
    case .failure(.tooSmall): return .tooSmall
    }
    if let index = objects.firstIndex(where: { $0.classID == classID && $0.roiIndex == roi }) {
      if index < detectionCount { return .detected(index: index) }
      let isEmpty = objects[index].box.isEmpty(sides: decoder.coder.sides)
      if settings.dropsEmptyBoxes, isEmpty { return .tooSmall }
      return .beyondMaximum(limit: settings.maximumDetections ?? detectionCount)
    }
    for (index, object) in objects.enumerated() {
      guard settings.isClassAgnostic || object.classID == classID, object.score >= score,
        let other = comparedBoxes[index]
      else { continue }
      let iou = IntersectionOverUnion.of(other, box, sides: decoder.coder.sides)
      if iou >= settings.nms.bound { return .suppressed(byObject: index, iou: iou) }
    }
    // Suppression keeps every finite box that nothing overlaps.
    return .notFinite
  }

  private func comparedBox(
    ofClass classID: Int, inRoI roi: Int
  ) -> Result<BoundingBox, ClassBoxDecoder.DroppedBox> {
    decoder.decodedBox(
      ofClass: classID, roi: roi, region: rois[roi], offsets: offsets.span,
      logitCount: classCount + 1, frame: frame)
  }

  private func probability(_ roi: Int, column: Int) -> Float? {
    let value = probabilities[roi * (classCount + 1) + column]
    return value.isNaN ? nil : value
  }
}
