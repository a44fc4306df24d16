public import Evaluation
internal import Detection
public import Images

/// What a model found in pictures that it was not trained on, held against what people marked: figures,
/// and the worst errors as pictures.
public struct DetectionReview: Sendable {
  /// A mistake, as a picture.
  public struct Mistake: Sendable {
    /// The picture's name.
    public var name: String
    /// What is wrong, in a few words.
    public var words: String
    /// The place, with its box drawn.
    public var tile: PictureTile
    fileprivate var rank: Float
  }

  /// The names of the classes.
  public let labels: [String]

  /// How many pictures were looked at.
  public private(set) var pictureCount = 0

  /// Precision and recall of each class.
  public private(set) var evaluation: DetectionEvaluation

  /// Which class is taken for which.
  public private(set) var confusion: ConfusionMatrix

  /// Objects that were not found, the largest first.
  public private(set) var misses: [Mistake] = []

  /// What was found where nothing is, or was called by a wrong name, the surest first.
  public private(set) var falseAlarms: [Mistake] = []

  /// How many errors of a kind are kept as pictures.
  private let errorCount: Int

  /// Starts a review.
  ///
  /// - Parameters:
  ///   - labels: the names of the classes.
  ///   - errorCount: how many of the worst errors of each kind are kept as pictures.
  public init(labels: [String], errorCount: Int = 18) {
    self.labels = labels
    self.errorCount = errorCount
    evaluation = DetectionEvaluation(classCount: labels.count)
    confusion = ConfusionMatrix(classCount: labels.count)
  }

  /// Takes in one picture.
  ///
  /// - Parameters:
  ///   - name: the picture's name.
  ///   - image: the picture.
  ///   - detections: what the model found, unsure ones among it.
  ///   - groundTruth: what people marked.
  public mutating func add(
    name: String, image: Image, detections: [ScoredBox], groundTruth: [GroundTruthObject]
  ) {
    pictureCount += 1
    evaluation.add(detections: detections, groundTruth: groundTruth)
    let matching = confusion.add(detections: detections, groundTruth: groundTruth)
    guard errorCount > 0 else { return }
    for (index, object) in groundTruth.enumerated()
    where matching.detectionOfObject[index] == nil && !object.isDifficult {
      let rank = object.box.width * object.box.height
      keep(in: &misses, rank: rank) {
        // The best that was said of the place, though too unsure to count.
        let near = detections.filter {
          IntersectionOverUnion.of($0.box, object.box) >= confusion.options.iouThreshold
        }.max { $0.score < $1.score }
        let label = labels[object.classID]
        let words =
          near.map { near in
            "\(label), at best \(labels[near.classID]) with \(near.score.fixed(2))"
              + (near.score >= confusion.options.scoreThreshold ? ", a neighbour's box" : "")
          } ?? "\(label), nothing found there"
        return Mistake(
          name: name, words: words,
          tile: Self.tile(object.box, label, nil, object.classID, in: image), rank: rank)
      }
    }
    for (index, detection) in detections.enumerated()
    where detection.score >= confusion.options.scoreThreshold {
      let object = matching.objectOfDetection[index].map { groundTruth[$0] }
      if let object, object.isDifficult || object.classID == detection.classID { continue }
      keep(in: &falseAlarms, rank: detection.score) {
        let label = labels[detection.classID]
        let words =
          "\(label) with \(detection.score.fixed(2)), "
          + (object.map { "but it is \(labels[$0.classID])" } ?? "but nothing is marked there")
        return Mistake(
          name: name, words: words,
          tile: Self.tile(detection.box, label, detection.score, detection.classID, in: image),
          rank: detection.score)
      }
    }
  }

  /// Keeps an error if it is among the worst; the picture is made only then.
  private func keep(in errors: inout [Mistake], rank: Float, _ make: () -> Mistake) {
    if errors.count >= errorCount, let last = errors.last, last.rank >= rank { return }
    let place = errors.firstIndex { $0.rank < rank } ?? errors.endIndex
    errors.insert(make(), at: place)
    if errors.count > errorCount { errors.removeLast() }
  }

  private static func tile(
    _ box: BoundingBox, _ label: String, _ score: Float?, _ classID: Int, in image: Image
  ) -> PictureTile {
    let drawn = image.annotated(
      with: [
        Annotation(
          xMin: box.xMin, yMin: box.yMin, xMax: box.xMax, yMax: box.yMax, label: label,
          score: score, classID: classID)
      ])
    return PictureTile(around: box, in: drawn)
  }
}
