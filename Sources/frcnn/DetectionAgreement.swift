import Detection
import FasterRCNN
import Images
import Observability

/// How far the detections of a faster computation are from those of an exact one.
struct DetectionAgreement {
  /// What the two are called in the table.
  let names: (reference: String, other: String)

  /// The overlap (IoU) from which on two boxes of a class are taken for the same object.
  private static let overlap: Float = 0.5

  /// Objects with higher scores are told apart from the rest: they are those that people use.
  private static let highScore: Float = 0.5

  private var referenceCount = 0
  private var keptCount = 0
  private var highCount = 0
  private var keptHighCount = 0
  private var otherCount = 0
  private var boxDifferences: [Float] = []
  private var scoreDifferences: [Float] = []

  /// Runs two detectors on pictures, with a bar that says how far it has come; pictures that cannot be read are left out.
  static func measured(
    on pictures: [PictureFile], reference: (name: String, detector: Detector),
    other: (name: String, detector: Detector)
  ) throws(Failure) -> DetectionAgreement {
    var agreement = DetectionAgreement(names: (reference.name, other.name))
    var bar = ProgressBar("comparing", total: pictures.count)
    defer { bar.finish() }
    for (index, picture) in pictures.enumerated() {
      bar.show(index)
      guard let image = picture.decodedOrLeftOut(under: bar)?.image else { continue }
      do {
        agreement.add(
          reference: try reference.detector.detect(.image(image)).objects,
          other: try other.detector.detect(.image(image)).objects)
      } catch {
        throw Failure(.brokenInput, "\(picture.name): \(error)")
      }
    }
    return agreement
  }

  private init(names: (reference: String, other: String)) {
    self.names = names
  }

  /// Counts a picture's objects; each is matched with the one of its class that it overlaps most.
  private mutating func add(reference: [DetectedObject], other: [DetectedObject]) {
    var free = Array(other.indices)
    otherCount += other.count
    for object in reference {
      referenceCount += 1
      if object.score >= Self.highScore { highCount += 1 }
      let best =
        free.filter { other[$0].classID == object.classID }
        .map { (index: $0, overlap: IntersectionOverUnion.of(object.box, other[$0].box)) }
        .max { $0.overlap < $1.overlap }
      guard let best, best.overlap >= Self.overlap else { continue }
      free.removeAll { $0 == best.index }
      keptCount += 1
      if object.score >= Self.highScore { keptHighCount += 1 }
      let match = other[best.index]
      scoreDifferences.append(abs(match.score - object.score))
      boxDifferences.append(
        max(
          abs(match.box.yMin - object.box.yMin), abs(match.box.xMin - object.box.xMin),
          abs(match.box.yMax - object.box.yMax), abs(match.box.xMax - object.box.xMax)))
    }
  }

  /// A table for people.
  var text: String {
    func mean(_ values: [Float]) -> String {
      values.isEmpty ? "-" : (Double(values.reduce(0, +)) / Double(values.count)).fixed(4)
    }
    func largest(_ values: [Float]) -> String { values.max().map { Double($0).fixed(4) } ?? "-" }
    var table = TextTable([("\(names.other) against \(names.reference)", .left), ("", .right)])
    table.add(["detections in \(names.reference)", "\(referenceCount)"])
    table.add(["of these found again", "\(keptCount)"])
    table.add(["with a score of at least \(Self.highScore)", "\(highCount)"])
    table.add(["of these found again", "\(keptHighCount)"])
    table.add(["detections in \(names.other)", "\(otherCount)"])
    table.add(["mean difference of a box's edge, pixels", mean(boxDifferences)])
    table.add(["largest", largest(boxDifferences)])
    table.add(["mean difference of a score", mean(scoreDifferences)])
    table.add(["largest", largest(scoreDifferences)])
    return table.text
  }
}
