internal import Detection

/// Which classes a detector takes for which, what it passes over, and what it finds where nothing is.
///
/// In each picture the detections from a score on, the most confident first, take the free object that they
/// overlap most, whatever its class; one of the detection's own class goes before others, so that two objects
/// that lie on each other are not confused by their places alone. A detection that takes no object was found in
/// the background; an object that no detection takes was missed. Difficult objects, and what takes one, do not
/// count.
public struct ConfusionMatrix: Sendable {
  /// What is chosen.
  public struct Options: Sendable, Equatable {
    /// The overlap (IoU) from which on a detection is of an object.
    public var iouThreshold: Float
    /// The score from which on a detection counts.
    public var scoreThreshold: Float

    /// Makes a set of options.
    public init(iouThreshold: Float = 0.5, scoreThreshold: Float = 0.5) {
      self.iouThreshold = iouThreshold
      self.scoreThreshold = scoreThreshold
    }
  }

  /// What became of a picture's boxes.
  public struct Matching: Sendable, Equatable {
    /// For each detection the object that it takes.
    public var objectOfDetection: [Int?]
    /// For each object the detection that takes it.
    public var detectionOfObject: [Int?]
  }

  /// The number of classes.
  public let classCount: Int

  /// What was chosen.
  public let options: Options

  /// Counts by the class of the object, then background, and the class of the detection, then missed.
  ///
  /// The last of the last row is always 0.
  public private(set) var counts: [[Int]]

  /// Starts a matrix of so many classes.
  public init(classCount: Int, options: Options = Options()) {
    precondition(classCount > 0, "\(classCount) classes")
    self.classCount = classCount
    self.options = options
    counts = Array(repeating: Array(repeating: 0, count: classCount + 1), count: classCount + 1)
  }

  /// Takes in one picture; traps on a class that is not below the class count.
  ///
  /// - Returns: what took what; detections below the threshold take nothing.
  @discardableResult
  public mutating func add(
    detections: [ScoredBox], groundTruth: [GroundTruthObject]
  ) -> Matching {
    let matching = match(detections, groundTruth)
    for (detection, object) in zip(detections, matching.objectOfDetection)
    where detection.score >= options.scoreThreshold {
      guard let object else {
        counts[classCount][detection.classID] += 1
        continue
      }
      guard !groundTruth[object].isDifficult else { continue }
      counts[groundTruth[object].classID][detection.classID] += 1
    }
    for (object, detection) in zip(groundTruth, matching.detectionOfObject)
    where detection == nil && !object.isDifficult {
      counts[object.classID][classCount] += 1
    }
    return matching
  }

  private func match(_ detections: [ScoredBox], _ objects: [GroundTruthObject]) -> Matching {
    var matching = Matching(
      objectOfDetection: Array(repeating: nil, count: detections.count),
      detectionOfObject: Array(repeating: nil, count: objects.count))
    let counted = detections.indices.filter { detections[$0].score >= options.scoreThreshold }
    // Those of the right class first: a second, wrong detection of an object may not take it away.
    for takesOtherClasses in [false, true] {
      for index in byFallingScore(counted, { detections[$0].score })
      where matching.objectOfDetection[index] == nil {
        let detection = detections[index]
        var best: (overlap: Float, object: Int)?
        for (number, object) in objects.enumerated()
        where takesOtherClasses || object.classID == detection.classID {
          // A difficult object can be found again and again.
          guard matching.detectionOfObject[number] == nil || object.isDifficult else { continue }
          let overlap = IntersectionOverUnion.of(detection.box, object.box)
          if overlap >= options.iouThreshold, overlap > best?.overlap ?? 0 {
            best = (overlap, number)
          }
        }
        guard let best else { continue }
        matching.objectOfDetection[index] = best.object
        matching.detectionOfObject[best.object] = index
      }
    }
    return matching
  }
}
