internal import Detection
internal import Families

/// From what the head said to the objects of each picture.
final class ClassStage {
  private let usual: ClassBoxSettings
  private let coder: BoxCoder
  private var workspace = ClassBoxWorkspace()
  private var classified: [ClassifiedBox] = []

  init(_ profile: DetectionProfile) {
    usual = profile.classes
    coder = profile.coder
  }

  /// Finds the objects of one picture.
  ///
  /// - Throws: `DetectorError.notFinite` where the head said nothing finite of any of its proposals.
  func objects(
    _ outputs: HeadOutputs, rois: ArraySlice<BoundingBox>, frame: ImageFrame,
    _ settings: ClassBoxSettings
  ) throws(DetectorError) -> [DetectedObject] {
    let (logits, offsets) = unsafe (outputs.logits(rois.indices), outputs.offsets(rois.indices))
    // Safety: the spans end before the outputs do.
    unsafe ClassBoxDecoder(settings: settings, coder: coder).decode(
      logits: Span(_unsafeElements: logits), offsets: Span(_unsafeElements: offsets),
      logitCount: outputs.logitCount, rois: rois, frame: frame, workspace: &workspace,
      into: &classified)
    let isFinite = unsafe workspace.hasFiniteRow && offsets.contains(where: \.isFinite)
    guard rois.isEmpty || isFinite else { throw .notFinite }
    return classified.map {
      DetectedObject(
        box: $0.box, score: $0.score, classID: $0.classID, proposalIndex: $0.roiIndex)
    }
  }

  /// The model's settings with what a request wants otherwise.
  func settings(_ parameters: DetectionParameters) -> ClassBoxSettings {
    var settings = usual
    if let threshold = parameters.scoreThreshold { settings.scoreThreshold = threshold }
    if let threshold = parameters.nmsThreshold { settings.nms.iouThreshold = threshold }
    if let maximum = parameters.maximumDetections { settings.maximumDetections = maximum }
    if let classes = parameters.classes { settings.classes = classes }
    if let isClassAgnostic = parameters.isClassAgnostic {
      settings.isClassAgnostic = isClassAgnostic
    }
    return settings
  }
}
