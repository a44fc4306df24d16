import CDetectionKernels

/// An object that the RoI head found.
public struct ClassifiedBox: Sendable, Hashable {
  /// The box in pixels of the original picture, clipped to it.
  public var box: BoundingBox

  /// The probability of the class: softmax over all classes and background.
  public var score: Float

  /// The class, counted from 0 without background.
  public var classID: Int

  /// The RoI that it was found in, an index into the RoIs given.
  public var roiIndex: Int

  /// Makes an object.
  public init(box: BoundingBox, score: Float, classID: Int, roiIndex: Int) {
    self.box = box
    self.score = score
    self.classID = classID
    self.roiIndex = roiIndex
  }
}

/// Turns the outputs of the RoI head into objects.
///
/// `suppress` and `predict` of simple-faster-rcnn and chainercv, `postprocess_detections` of
/// torchvision. For each RoI and class over the score threshold: apply the class's offsets (times
/// std, plus mean) to the RoI, clip, bring to the original picture; then non-maximum suppression
/// in each class, and the best of all classes.
///
/// An RoI with a logit that is NaN or infinite gives nothing, and neither does a class with such an
/// offset or a box that is not a number; no box of the result is ever anything but finite.
public struct ClassBoxDecoder: Sendable {
  /// What is done.
  public var settings: ClassBoxSettings

  /// Makes a decoder.
  public init(settings: ClassBoxSettings) {
    self.settings = settings
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
    if settings.isClassAgnostic {
      workspace.removeCandidates()
      for classID in 0..<logitCount - 1 where settings.classes?.contains(classID) != false {
        collect(
          classID, offsets: offsets, logitCount: logitCount, rois: rois, frame: frame,
          workspace: &workspace)
      }
      workspace.suppress(settings.nms, into: &objects)
    } else {
      for classID in 0..<logitCount - 1 where settings.classes?.contains(classID) != false {
        workspace.removeCandidates()
        collect(
          classID, offsets: offsets, logitCount: logitCount, rois: rois, frame: frame,
          workspace: &workspace)
        workspace.suppress(settings.nms, into: &objects)
      }
    }
    // Dividing by the scale may have rounded beyond the picture, so this is for both stages.
    for index in objects.indices {
      objects[index].box = clip(
        objects[index].box, height: frame.originalHeight, width: frame.originalWidth)
    }
    objects.sort { ($1.score, $0.classID, $0.roiIndex) < ($0.score, $1.classID, $1.roiIndex) }
    if let maximum = settings.maximumDetections, objects.count > maximum {
      objects.removeLast(objects.count - max(maximum, 0))
    }
  }

  /// Adds the boxes of one class over the threshold to the workspace's candidates.
  private func collect(
    _ classID: Int, offsets: Span<Float>, logitCount: Int, rois: ArraySlice<BoundingBox>,
    frame: ImageFrame, workspace: inout ClassBoxWorkspace
  ) {
    let logitColumn = settings.layout.logitColumn(ofClass: classID)
    for (roi, region) in rois.enumerated() {
      // An RoI whose logits were not finite has NaN probabilities, which this rejects.
      let score = workspace.probabilities[roi * logitCount + logitColumn]
      guard score > settings.scoreThreshold else { continue }
      let box = decodedBox(
        ofClass: classID, roi: roi, region: region, offsets: offsets, logitCount: logitCount,
        frame: frame)
      if let box {
        workspace.add(ClassifiedBox(box: box, score: score, classID: classID, roiIndex: roi))
      }
    }
  }

  /// The box of a class in an RoI as suppression compares it; `nil` where it is dropped.
  func decodedBox(
    ofClass classID: Int, roi: Int, region: BoundingBox, offsets: Span<Float>, logitCount: Int,
    frame: ImageFrame
  ) -> BoundingBox? {
    let offsetCount = settings.layout.offsetCount(logitCount: logitCount)
    let first = roi * offsetCount + settings.layout.offsetColumn(ofClass: classID)
    let stored = BoxOffset(
      offsets[first], offsets[first + 1], offsets[first + 2], offsets[first + 3],
      as: settings.offsetOrder)
    return decode(stored, region: region, frame: frame)
  }

  /// The box in the original picture, clipped where that comes before suppression.
  ///
  /// `nil` where it is dropped.
  private func decode(
    _ stored: BoxOffset, region: BoundingBox, frame: ImageFrame
  ) -> BoundingBox? {
    guard stored.isFinite else { return nil }
    let (std, mean) = (settings.offsetStd, settings.offsetMean)
    let offset = BoxOffset(
      dy: stored.dy * std.dy + mean.dy, dx: stored.dx * std.dx + mean.dx,
      dh: stored.dh * std.dh + mean.dh, dw: stored.dw * std.dw + mean.dw)
    let isClipped = settings.clippingStage == .beforeNMS
    var box: BoundingBox
    switch settings.decodingFrame {
    case .original:
      let original = region.divided(yScale: frame.yScale, xScale: frame.xScale)
      box = settings.coder.decode(offset, relativeTo: original)
      if isClipped { box = clip(box, height: frame.originalHeight, width: frame.originalWidth) }
      guard isLargeEnough(box, frame: frame) else { return nil }
    case .resized:
      box = settings.coder.decode(offset, relativeTo: region)
      if isClipped { box = clip(box, height: frame.height, width: frame.width) }
      guard isLargeEnough(box, frame: frame) else { return nil }
      box = box.divided(yScale: frame.yScale, xScale: frame.xScale)
    }
    return box.isFinite ? box : nil
  }

  /// Clips to a picture of a size; a NaN edge stays NaN.
  func clip(_ box: BoundingBox, height: Float, width: Float) -> BoundingBox {
    box.clipped(yLimit: settings.clipping.limit(height), xLimit: settings.clipping.limit(width))
  }

  private func isLargeEnough(_ box: BoundingBox, frame: ImageFrame) -> Bool {
    guard let minimum = settings.minimumSide else { return true }
    return min(box.height, box.width) + settings.coder.sides.extra
      >= minimum.bound(scale: frame.xScale)
  }
}
