import Detection
import Glibc
import Testing

@Suite struct ClassBoxDecoderTests {
  /// A picture of 100 x 200 pixels that was not resized.
  let frame = ImageFrame(height: 100, width: 200, originalHeight: 100, originalWidth: 200)

  let region = BoundingBox(yMin: 10, xMin: 20, yMax: 30, xMax: 60)

  @Test(
    arguments: ["simple-faster-rcnn", "chainercv", "bubbliiiing-vgg"],
    ["BloodImage_00007", "portrait_487x331", "wide_375x1100"])
  func objectsMatchWhatTheFamilyFound(family: String, picture: String) throws {
    let goldens = try Goldens("class-boxes")
    let name = "\(family).\(picture)"
    let sizes = try goldens.integers(name + ".sizes")
    var frame = ImageFrame(
      height: sizes[0], width: sizes[1], originalHeight: sizes[2], originalWidth: sizes[3])
    // These two resize by one factor and divide both axes by it.
    if family != "bubbliiiing-vgg" { frame.yScale = frame.xScale }
    let profile = try #require(DetectionProfile.family(named: family))
    let rois = try goldens.boxes(name + ".rois")
    let logits = try goldens.floats(name + ".logits")
    let offsets = try goldens.floats(name + ".offsets")
    let objects = ClassBoxDecoder(settings: profile.classes, coder: profile.coder).decode(
      logits: logits, offsets: offsets, logitCount: 6, rois: rois, frame: frame)

    let boxes = try goldens.boxes(name + ".boxes")
    let scores = try goldens.floats(name + ".scores")
    let labels = try goldens.integers(name + ".labels")
    #expect(objects.count == boxes.count)
    for classID in 0..<5 {
      let found = objects.filter { $0.classID == classID }
      let wanted = boxes.indices.filter { labels[$0] == classID }.sorted { scores[$0] > scores[$1] }
      #expect(found.count == wanted.count)
      for (object, index) in zip(found, wanted) {
        // The softmax of 6 and the division by its sum round differently in torch.
        #expect(isClose(object.score, scores[index], relative: 1e-5))
        // exp within 1e-6 of sides of up to 1,760 pixels; bubbliiiing's own are not clipped.
        let clipped = boxes[index].clipped(yLimit: Float(sizes[2]), xLimit: Float(sizes[3]))
        #expect(isClose(object.box, clipped, relative: 1e-5, absolute: 2e-3))
      }
    }
  }

  /// One RoI, two classes: logits of (0.2, 0.3, 0.5) as probabilities.
  func decode(
    _ settings: ClassBoxSettings, logits: [Float] = [0.2, 0.3, 0.5].map { log($0) },
    offsets: [Float] = [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]
  ) -> [ClassifiedBox] {
    ClassBoxDecoder(settings: settings).decode(
      logits: logits, offsets: offsets, logitCount: 3, rois: [region], frame: frame)
  }

  @Test func offsetsAreMultipliedByTheStandardDeviation() {
    let objects = decode(ClassBoxSettings())
    // 0.1 of a width of 40 to the right; 0.1 of a height of 20 down.
    #expect(objects.map(\.classID) == [1, 0])
    #expect(isClose(objects[0].score, 0.5, relative: 1e-6))
    #expect(
      isClose(
        objects[0].box, BoundingBox(yMin: 10, xMin: 24, yMax: 30, xMax: 64), relative: 1e-6))
    #expect(
      isClose(
        objects[1].box, BoundingBox(yMin: 12, xMin: 20, yMax: 32, xMax: 60), relative: 1e-6))
  }

  @Test func theThresholdIsExclusive() {
    var settings = ClassBoxSettings()
    let score = decode(settings)[0].score
    settings.scoreThreshold = score
    #expect(decode(settings).isEmpty)
    settings.scoreThreshold = score.nextDown
    #expect(decode(settings).count == 1)
  }

  @Test func classesAreFilteredAndDetectionsCounted() {
    var settings = ClassBoxSettings()
    settings.classes = [0, 7]
    #expect(decode(settings).map(\.classID) == [0])
    settings.classes = []
    #expect(decode(settings).isEmpty)
    settings.classes = nil
    settings.maximumDetections = 1
    #expect(decode(settings).map(\.classID) == [1])
    settings.maximumDetections = 0
    #expect(decode(settings).isEmpty)
  }

  @Test func classesSuppressEachOtherOnlyWhereAskedTo() {
    var settings = ClassBoxSettings()
    settings.isClassAgnostic = true
    #expect(decode(settings).map(\.classID) == [1])
  }

  @Test func theBackgroundMayBeLastAndWithoutOffsets() {
    var settings = ClassBoxSettings(layout: ClassLayout(background: .last, offsets: .perClass))
    let objects = decode(settings, offsets: [1, 0, 0, 0, 0, 1, 0, 0])
    #expect(objects.map(\.classID) == [1, 0])
    #expect(isClose(objects[0].score, 0.3, relative: 1e-6))
    #expect(isClose(objects[0].box.xMin, 24, relative: 1e-6))
    #expect(isClose(objects[1].box.yMin, 12, relative: 1e-6))
    settings.layout = ClassLayout(background: .first, offsets: .shared)
    #expect(decode(settings, offsets: [1, 0, 0, 0]).allSatisfy { $0.box.yMin == 12 })
  }

  @Test func boxesComeBackToTheOriginalPicture() {
    let half = ImageFrame(height: 100, width: 200, originalHeight: 50, originalWidth: 100)
    var settings = ClassBoxSettings(nms: NonMaximumSuppression(iouThreshold: 1))
    for frame in [DecodingFrame.original, .resized] {
      settings.decodingFrame = frame
      let objects = ClassBoxDecoder(settings: settings).decode(
        logits: [0, 1], offsets: [Float](repeating: 0, count: 8), logitCount: 2,
        rois: [BoundingBox(yMin: 20, xMin: 20, yMax: 100, xMax: 220)], frame: half)
      #expect(objects.map(\.box) == [BoundingBox(yMin: 10, xMin: 10, yMax: 50, xMax: 100)])
    }
  }

  @Test func equalScoresSortByClassThenRoI() {
    let settings = ClassBoxSettings(nms: NonMaximumSuppression(iouThreshold: 1))
    let objects = ClassBoxDecoder(settings: settings).decode(
      logits: [Float](repeating: 0, count: 6),
      offsets: [Float](repeating: 0, count: 24), logitCount: 3, rois: [region, region],
      frame: frame)
    #expect(objects.map { [$0.classID, $0.roiIndex] } == [[0, 0], [0, 1], [1, 0], [1, 1]])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteIsDropped(poison: Float) {
    let settings = ClassBoxSettings()
    #expect(decode(settings, logits: [0, poison, 0]).isEmpty)
    let offsets: [Float] = [0, 0, 0, 0, 0, 0, poison, 0, 0, 0, 0, 0]
    #expect(decode(settings, offsets: offsets).map(\.classID) == [1])
  }

  @Test(arguments: [ClippingStage.beforeNMS, .afterNMS])
  func offsetsThatOverflowGiveFiniteBoxesInsideThePictureOrNone(stage: ClippingStage) {
    var settings = ClassBoxSettings()
    settings.clippingStage = stage
    for value: Float in [500, 3e38, -3e38] {
      for part in 4..<12 {
        var offsets = [Float](repeating: 0, count: 12)
        offsets[part] = value
        for object in decode(settings, offsets: offsets) {
          #expect(object.box.isFinite && object.box.isInside(height: 100, width: 200))
        }
      }
    }
  }

  @Test func noRoIsAndNoClassesGiveNothing() {
    let none: [Float] = []
    let decoder = ClassBoxDecoder(settings: ClassBoxSettings())
    #expect(
      decoder.decode(
        logits: none, offsets: none, logitCount: 3, rois: [], frame: frame
      ).isEmpty)
    #expect(
      decoder.decode(
        logits: [1], offsets: [0, 0, 0, 0], logitCount: 1, rois: [region], frame: frame
      ).isEmpty)
  }
}

/// Why class boxes are dropped, as a trace tells it.
@Suite struct ClassBoxTraceTests {
  private let frame = ImageFrame(height: 100, width: 200, originalHeight: 100, originalWidth: 200)

  private func trace(
    _ settings: ClassBoxSettings, offset: [Float], roi: BoundingBox
  ) -> ClassBoxTrace {
    ClassBoxTrace(
      logits: [0, 5], offsets: [0, 0, 0, 0] + offset, logitCount: 2, rois: [roi], frame: frame,
      settings: settings, coder: BoxCoder())
  }

  @Test func aBoxThatIsNotFiniteIsNotCalledTooSmall() {
    let settings = ClassBoxSettings(minimumSide: MinimumSide(length: 4))
    let roi = BoundingBox(yMin: 10, xMin: 20, yMax: 30, xMax: 60)
    #expect(
      trace(settings, offset: [.nan, 0, 0, 0], roi: roi).fate(ofClass: 0, inRoI: 0) == .notFinite)
    #expect(
      trace(settings, offset: [0, 0, -30, 0], roi: roi).fate(ofClass: 0, inRoI: 0) == .tooSmall)
    #expect(
      trace(settings, offset: [0, 0, 0, 0], roi: roi).fate(ofClass: 0, inRoI: 0)
        == .detected(index: 0))
  }

  @Test func emptyBoxesAreDroppedAfterTheyWereCounted() {
    // Beside the picture: clipped to it at the end, nothing of it is left.
    let beside = BoundingBox(yMin: 10, xMin: 300, yMax: 30, xMax: 340)
    var settings = ClassBoxSettings(clippingStage: .afterNMS, maximumDetections: 1)
    func detections() -> Int {
      ClassBoxDecoder(settings: settings).decode(
        logits: [0, 5, 0, 4], offsets: [Float](repeating: 0, count: 16), logitCount: 2,
        rois: [beside, BoundingBox(yMin: 10, xMin: 20, yMax: 30, xMax: 60)], frame: frame
      ).count
    }
    #expect(detections() == 1)
    settings.dropsEmptyBoxes = true
    #expect(detections() == 0)
    let fate = trace(settings, offset: [0, 0, 0, 0], roi: beside).fate(ofClass: 0, inRoI: 0)
    #expect(fate == .tooSmall)
  }

  @Test func tiesWithTheLastOneMayBeKept() {
    var settings = ClassBoxSettings(maximumDetections: 2)
    func count(_ scores: [Float]) -> Int {
      ClassBoxDecoder(settings: settings).decode(
        logits: scores.flatMap { [0, $0] }, offsets: [Float](repeating: 0, count: 8 * scores.count),
        logitCount: 2,
        rois: scores.indices.map {
          BoundingBox(yMin: 0, xMin: Float(20 * $0), yMax: 10, xMax: Float(20 * $0 + 10))
        }, frame: frame
      ).count
    }
    #expect(count([3, 2, 2, 2, 1]) == 2)
    settings.keepsTies = true
    #expect(count([3, 2, 2, 2, 1]) == 4)
    #expect(count([3, 2, 1]) == 2)
    settings.maximumDetections = 0
    #expect(count([3, 2]) == 0)
  }
}
