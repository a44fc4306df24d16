/// Turns the outputs of the RoI head into objects.
///
/// `suppress` and `predict` of simple-faster-rcnn and chainercv, `postprocess_detections` of
/// torchvision. For each RoI and class over the score threshold: apply the class's offsets (times
/// std, plus mean) to the RoI and clip; then non-maximum suppression in each class, the best of all
/// classes, and back to the original picture.
///
/// An RoI with a logit that is NaN or infinite gives nothing, and neither does a class with such an
/// offset or a box that is not a number; no box of the result is ever anything but finite.
public struct ClassBoxDecoder: Sendable {
  /// What is done.
  public var settings: ClassBoxSettings

  /// How offsets become boxes.
  public var coder: BoxCoder

  /// Makes a decoder.
  public init(settings: ClassBoxSettings, coder: BoxCoder = BoxCoder()) {
    self.settings = settings
    self.coder = coder
  }

  /// The objects of one picture: by score from the highest, ties by class, then by RoI.
  public func decode(
    logits: Span<Float>, offsets: Span<Float>, logitCount: Int, rois: ArraySlice<BoundingBox>,
    frame: ImageFrame
  ) -> [ClassifiedBox] {
    var workspace = ClassBoxWorkspace()
    var objects: [ClassifiedBox] = []
    decode(
      logits: logits, offsets: offsets, logitCount: logitCount, rois: rois, frame: frame,
      workspace: &workspace, into: &objects)
    return objects
  }

  /// The objects of one picture, written over `objects`.
  ///
  /// Traps where the counts of logits or offsets do not fit the RoIs.
  ///
  /// - Parameters:
  ///   - logits: [R, K + 1] raw class logits.
  ///   - offsets: [R, 4 x (K + 1)], or what `ClassBoxSettings.layout` says.
  ///   - logitCount: the number of class logits of each RoI, K + 1.
  ///   - rois: the R regions in pixels of the resized picture; `roiIndex` counts from 0 whatever
  ///     the indices of the slice.
  ///   - frame: the picture's sizes and scale.
  ///   - workspace: memory that is kept from call to call.
  ///   - objects: the result.
  public func decode(
    logits: Span<Float>, offsets: Span<Float>, logitCount: Int, rois: ArraySlice<BoundingBox>,
    frame: ImageFrame, workspace: inout ClassBoxWorkspace, into objects: inout [ClassifiedBox]
  ) {
    let offsetCount = settings.layout.offsetCount(logitCount: logitCount)
    precondition(
      logits.count == rois.count * logitCount,
      "\(logits.count) logits do not fit \(rois.count) RoIs of \(logitCount)")
    precondition(
      offsets.count == rois.count * offsetCount,
      "\(offsets.count) offsets do not fit \(rois.count) RoIs of \(offsetCount)")
    objects.removeAll(keepingCapacity: true)
    guard logitCount > 1 else { return }
    workspace.softmax(logits, count: logitCount)
    workspace.removeCandidates(classCount: logitCount - 1)
    for (roi, region) in rois.enumerated() {
      for classID in 0..<logitCount - 1 {
        // An RoI whose logits were not finite has NaN probabilities, which this rejects.
        let column = settings.layout.logitColumn(ofClass: classID)
        let score = workspace.probabilities[roi * logitCount + column]
        guard score > settings.scoreThreshold, settings.classes?.contains(classID) != false else {
          continue
        }
        let box = decodedBox(
          ofClass: classID, roi: roi, region: region, offsets: offsets, logitCount: logitCount,
          frame: frame)
        if case .success(let box) = box {
          workspace.add(ClassifiedBox(box: box, score: score, classID: classID, roiIndex: roi))
        }
      }
    }
    workspace.suppress(settings, sides: coder.sides, into: &objects)
    objects.sort { ($1.score, $0.classID, $0.roiIndex) < ($0.score, $1.classID, $1.roiIndex) }
    if let maximum = settings.maximumDetections, objects.count > maximum {
      let kept = max(maximum, 0)
      let last = settings.keepsTies && kept > 0 ? objects[kept - 1].score : .infinity
      let end = objects[kept...].firstIndex { $0.score < last } ?? objects.count
      objects.removeLast(objects.count - end)
    }
    for index in objects.indices {
      objects[index].box = originalBox(objects[index].box, frame: frame)
    }
    if settings.dropsEmptyBoxes { objects.removeAll { $0.box.isEmpty(sides: coder.sides) } }
  }

  /// The box of a class in an RoI as suppression compares it, or why it is dropped.
  func decodedBox(
    ofClass classID: Int, roi: Int, region: BoundingBox, offsets: Span<Float>, logitCount: Int,
    frame: ImageFrame
  ) -> Result<BoundingBox, DroppedBox> {
    let offsetCount = settings.layout.offsetCount(logitCount: logitCount)
    let first = roi * offsetCount + settings.layout.offsetColumn(ofClass: classID)
    let stored = BoxOffset(
      offsets[first], offsets[first + 1], offsets[first + 2], offsets[first + 3], as: coder.order)
    guard stored.isFinite else { return .failure(.notFinite) }
    let (std, mean) = (settings.offsetStd, settings.offsetMean)
    let offset = BoxOffset(
      dy: stored.dy * std.dy + mean.dy, dx: stored.dx * std.dx + mean.dx,
      dh: stored.dh * std.dh + mean.dh, dw: stored.dw * std.dw + mean.dw)
    let isOriginal = settings.decodingFrame == .original
    var box = coder.decode(
      offset,
      relativeTo: isOriginal
        ? region.divided(yScale: frame.yScale, xScale: frame.xScale) : region)
    if settings.clippingStage == .beforeNMS {
      box = clip(
        box, height: isOriginal ? frame.originalHeight : frame.height,
        width: isOriginal ? frame.originalWidth : frame.width)
    }
    if let minimum = settings.minimumSide?.bound(scale: frame.xScale) {
      let side = min(box.height, box.width) + coder.sides.extra
      guard side >= minimum else { return .failure(side.isNaN ? .notFinite : .tooSmall) }
    }
    if !isOriginal, settings.suppressionFrame == .original { box = restored(box, frame: frame) }
    return box.isFinite ? .success(box) : .failure(.notFinite)
  }

  /// Why a class has no box in an RoI.
  enum DroppedBox: Error {
    case notFinite, tooSmall
  }

  /// A box as suppression compared it, in pixels of the original picture and clipped to its edges.
  func originalBox(_ box: BoundingBox, frame: ImageFrame) -> BoundingBox {
    let isResized = settings.decodingFrame == .resized && settings.suppressionFrame == .resized
    let original = isResized ? restored(box, frame: frame) : box
    // Whatever was clipped before: going back may have rounded beyond the picture.
    return original.clipped(
      yLimit: max(frame.originalHeight, 0), xLimit: max(frame.originalWidth, 0))
  }

  private func restored(_ box: BoundingBox, frame: ImageFrame) -> BoundingBox {
    switch settings.restoration {
    case .dividing: box.divided(yScale: frame.yScale, xScale: frame.xScale)
    case .multiplying:
      box.multiplied(
        y: frame.originalHeight / frame.height, x: frame.originalWidth / frame.width)
    }
  }

  /// Clips to a picture of a size; a NaN edge stays NaN.
  private func clip(_ box: BoundingBox, height: Float, width: Float) -> BoundingBox {
    box.clipped(yLimit: coder.sides.limit(height), xLimit: coder.sides.limit(width))
  }
}
