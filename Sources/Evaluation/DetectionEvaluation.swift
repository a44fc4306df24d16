public import Detection

/// An object that a person marked in a picture.
public struct GroundTruthObject: Sendable, Equatable {
  /// The box, in pixels of the picture.
  public var box: BoundingBox

  /// The class, counted from 0.
  public var classID: Int

  /// Whether the annotator called it hard to recognise: finding it is neither right nor wrong.
  public var isDifficult: Bool

  /// Makes an object.
  public init(box: BoundingBox, classID: Int, isDifficult: Bool = false) {
    self.box = box
    self.classID = classID
    self.isDifficult = isDifficult
  }
}

/// A box that a detector reported.
public struct ScoredBox: Sendable, Equatable {
  /// The box, in pixels of the picture.
  public var box: BoundingBox

  /// The class, counted from 0.
  public var classID: Int

  /// How sure the detector is; only the order matters.
  public var score: Float

  /// Makes a detection.
  public init(box: BoundingBox, classID: Int, score: Float) {
    self.box = box
    self.classID = classID
    self.score = score
  }
}

/// Detections held against ground truth by the rules of PASCAL VOC, picture by picture.
///
/// Each detection, the most confident first, takes the object of its class and picture that it
/// overlaps most (the first on ties), whether or not another detection took it before; there is no
/// second choice. Below the threshold it is wrong; on a difficult object it does not count; on an
/// object that was taken it is wrong; otherwise it is right. Scores that are equal keep the order
/// of pictures and of detections.
///
/// Source: VOCdevkit's `VOCevaldet` and chainercv 0.13 `calc_detection_voc_prec_rec`, which
/// differ from py-faster-rcnn's `voc_eval` in that an overlap of exactly the threshold suffices.
public struct DetectionEvaluation: Sendable {
  /// What is computed differently from one implementation to the next.
  public struct Options: Sendable, Equatable {
    /// The overlap (IoU) from which on a detection may be right.
    public var iouThreshold: Float

    /// How sides are measured: VOCdevkit and the implementations that follow it count the last
    /// pixel too.
    public var sides: SideConvention

    /// Makes a set of options: at first half-open boxes and a threshold of one half.
    public init(iouThreshold: Float = 0.5, sides: SideConvention = .halfOpen) {
      self.iouThreshold = iouThreshold
      self.sides = sides
    }
  }

  /// How one class came out.
  public struct ClassResult: Sendable, Equatable {
    /// The number of objects that were to be found; difficult ones are not counted.
    public let groundTruthCount: Int

    /// The number of detections, those on difficult objects among them.
    public let detectionCount: Int

    /// Precision and recall by falling score; `nil` where there was nothing to find.
    public let curve: PrecisionRecallCurve?

    /// The average precision; `nil` where there was nothing to find.
    public func averagePrecision(_ method: AveragePrecisionMethod) -> Double? {
      curve?.averagePrecision(method)
    }
  }

  /// What was chosen.
  public let options: Options

  private var verdicts: [[(score: Float, verdict: DetectionVerdict)]]
  private var groundTruthCounts: [Int]

  /// Starts an evaluation of so many classes.
  public init(classCount: Int, options: Options = Options()) {
    precondition(classCount > 0, "\(classCount) classes")
    self.options = options
    verdicts = Array(repeating: [], count: classCount)
    groundTruthCounts = Array(repeating: 0, count: classCount)
  }

  /// Takes in one picture; traps on a class that is not below the class count.
  public mutating func add(detections: [ScoredBox], groundTruth: [GroundTruthObject]) {
    let objects = Dictionary(grouping: groundTruth, by: \.classID)
    for (classID, objects) in objects {
      groundTruthCounts[classID] += objects.count { !$0.isDifficult }
    }
    for (classID, detections) in Dictionary(grouping: detections, by: \.classID) {
      verdicts[classID] += judge(detections, objects: objects[classID] ?? [])
    }
  }

  /// The results so far, one a class.
  public var classes: [ClassResult] {
    zip(verdicts, groundTruthCounts).map { verdicts, groundTruthCount in
      ClassResult(
        groundTruthCount: groundTruthCount, detectionCount: verdicts.count,
        curve: groundTruthCount == 0
          ? nil
          : PrecisionRecallCurve(
            verdicts: byFallingScore(verdicts, \.score).map(\.verdict),
            groundTruthCount: groundTruthCount))
    }
  }

  /// The mean of the classes' average precisions; `nil` where no class had anything to find.
  public func meanAveragePrecision(_ method: AveragePrecisionMethod) -> Double? {
    let values = classes.compactMap { $0.averagePrecision(method) }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// Judges the detections of one class in one picture.
  private func judge(
    _ detections: [ScoredBox], objects: [GroundTruthObject]
  ) -> [(score: Float, verdict: DetectionVerdict)] {
    var isTaken = [Bool](repeating: false, count: objects.count)
    return byFallingScore(detections, \.score).map { detection in
      var bestOverlap: Float = 0
      var best: Int?
      for (index, object) in objects.enumerated() {
        let overlap = IntersectionOverUnion.of(detection.box, object.box, sides: options.sides)
        if overlap > bestOverlap { (bestOverlap, best) = (overlap, index) }
      }
      guard let best, bestOverlap >= options.iouThreshold else {
        return (detection.score, .falsePositive)
      }
      defer { isTaken[best] = true }
      if objects[best].isDifficult { return (detection.score, .ignored) }
      return (detection.score, isTaken[best] ? .falsePositive : .truePositive)
    }
  }
}

/// The elements by falling score, equal scores in the order in which they came.
///
/// A score that is no number goes last, so that a broken model gets a bad result and not a random
/// one.
func byFallingScore<Element>(
  _ elements: [Element], _ score: (Element) -> Float
) -> [Element] {
  elements.enumerated().sorted { first, second in
    let (a, b) = (score(first.element), score(second.element))
    if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? first.offset < second.offset : b.isNaN }
    return a == b ? first.offset < second.offset : a > b
  }.map(\.element)
}
