import Detection
import Foundation
import Testing

@testable import Evaluation

@Suite struct DetectionEvaluationTests {
  private let truth = GroundTruthObject(box: box(0, 0, 10, 10), classID: 0)

  private func evaluate(
    _ detections: [ScoredBox], _ truth: [GroundTruthObject],
    _ options: DetectionEvaluation.Options = .init()
  ) -> DetectionEvaluation.ClassResult {
    var evaluation = DetectionEvaluation(classCount: 1, options: options)
    evaluation.add(detections: detections, groundTruth: truth)
    return evaluation.classes[0]
  }

  @Test func anOverlapOfExactlyTheThresholdIsRight() {
    // 10 x 5 inside of 10 x 10: intersection 50, union 100.
    let half = ScoredBox(box: box(0, 0, 10, 5), classID: 0, score: 1)
    #expect(evaluate([half], [truth]).averagePrecision(.allPoint) == 1)
    #expect(
      evaluate([half], [truth], .init(iouThreshold: 0.51)).averagePrecision(.allPoint) == 0)
  }

  @Test func theLastPixelCountsWhenAsked() {
    // With a pixel more each way 11 x 6 of 11 x 11: 66 of 121, above one half.
    let half = ScoredBox(box: box(0, 0, 10, 5), classID: 0, score: 1)
    let options = DetectionEvaluation.Options(iouThreshold: 0.54, sides: .inclusive)
    #expect(evaluate([half], [truth], options).averagePrecision(.allPoint) == 1)
    #expect(
      evaluate([half], [truth], .init(iouThreshold: 0.54)).averagePrecision(.allPoint) == 0)
  }

  @Test func theSecondDetectionOfAnObjectIsWrong() {
    let result = evaluate(
      [
        ScoredBox(box: box(0, 0, 10, 9), classID: 0, score: 0.9),
        ScoredBox(box: box(0, 0, 10, 10), classID: 0, score: 0.8),
      ], [truth])
    #expect(result.curve?.precision == [1, 0.5])
    #expect(result.detectionCount == 2)
  }

  @Test func thereIsNoSecondChoice() {
    // Both detections overlap the first object most; the second object stays unfound although
    // the later detection overlaps it enough.
    let second = GroundTruthObject(box: box(0, 2, 10, 12), classID: 0)
    let result = evaluate(
      [
        ScoredBox(box: box(0, 0, 10, 10), classID: 0, score: 0.9),
        ScoredBox(box: box(0, 0.5, 10, 10.5), classID: 0, score: 0.8),
      ], [truth, second])
    #expect(result.curve?.recall == [0.5, 0.5])
  }

  @Test func findingADifficultObjectIsNeitherRightNorWrong() {
    let difficult = GroundTruthObject(box: box(50, 50, 60, 60), classID: 0, isDifficult: true)
    let result = evaluate(
      [
        ScoredBox(box: box(50, 50, 60, 60), classID: 0, score: 0.9),
        ScoredBox(box: box(50, 50, 60, 60), classID: 0, score: 0.8),
        ScoredBox(box: box(0, 0, 10, 10), classID: 0, score: 0.7),
      ], [difficult, truth])
    #expect(result.groundTruthCount == 1)
    #expect(result.averagePrecision(.allPoint) == 1)
  }

  @Test func aClassWithNothingToFindHasNoAverage() {
    var evaluation = DetectionEvaluation(classCount: 2)
    evaluation.add(
      detections: [
        ScoredBox(box: box(0, 0, 10, 10), classID: 0, score: 1),
        ScoredBox(box: box(0, 0, 10, 10), classID: 1, score: 1),
      ], groundTruth: [truth])
    #expect(evaluation.classes[1].averagePrecision(.allPoint) == nil)
    #expect(evaluation.meanAveragePrecision(.allPoint) == 1)
    #expect(DetectionEvaluation(classCount: 2).meanAveragePrecision(.allPoint) == nil)
  }

  @Test func aScoreThatIsNoNumberGoesLast() {
    let result = evaluate(
      [
        ScoredBox(box: box(70, 70, 90, 90), classID: 0, score: .nan),
        ScoredBox(box: box(0, 0, 10, 10), classID: 0, score: 0.1),
      ], [truth])
    #expect(result.curve?.precision == [1, 0.5])
  }

  /// What chainercv's own code answers; scripts/fixtures/voc_metric.py says how it was cut.
  @Test func everyVariantAgreesWithChainerCV() throws {
    let fixture = try Fixture.load()
    #expect(fixture.expected.count == 8)
    for expected in fixture.expected {
      var evaluation = DetectionEvaluation(
        classCount: fixture.classCount,
        options: .init(
          iouThreshold: expected.iouThreshold,
          sides: expected.plusOne ? .inclusive : .halfOpen))
      for picture in fixture.pictures {
        evaluation.add(detections: picture.detections, groundTruth: picture.groundTruth)
      }
      let method: AveragePrecisionMethod = expected.elevenPoint ? .elevenPoint : .allPoint
      for (result, reference) in zip(evaluation.classes, expected.ap) {
        let value = result.averagePrecision(method)
        // The same double-precision terms in the same order, but for NumPy's pairwise summation.
        #expect(
          value == reference || abs((value ?? -1) - (reference ?? -1)) < 1e-12,
          "\(String(describing: value)) for \(String(describing: reference)) in \(expected)")
      }
      let mean = try #require(evaluation.meanAveragePrecision(method))
      #expect(abs(mean - expected.map) < 1e-12)
    }
  }
}

private func box(_ yMin: Float, _ xMin: Float, _ yMax: Float, _ xMax: Float) -> BoundingBox {
  BoundingBox(yMin: yMin, xMin: xMin, yMax: yMax, xMax: xMax)
}

private struct Fixture: Decodable {
  struct Picture: Decodable {
    let truth: [[Float]]
    let truthLabels: [Int]
    let difficult: [Bool]
    let boxes: [[Float]]
    let labels: [Int]
    let scores: [Float]

    var groundTruth: [GroundTruthObject] {
      truth.indices.map { index in
        GroundTruthObject(
          box: box(truth[index][0], truth[index][1], truth[index][2], truth[index][3]),
          classID: truthLabels[index], isDifficult: difficult[index])
      }
    }

    var detections: [ScoredBox] {
      boxes.indices.map { index in
        ScoredBox(
          box: box(boxes[index][0], boxes[index][1], boxes[index][2], boxes[index][3]),
          classID: labels[index], score: scores[index])
      }
    }
  }

  struct Expected: Decodable {
    let plusOne: Bool
    let elevenPoint: Bool
    let iouThreshold: Float
    let ap: [Double?]
    let map: Double
  }

  let classCount: Int
  let pictures: [Picture]
  let expected: [Expected]

  static func load() throws -> Fixture {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/voc_metric.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Fixture.self, from: Data(contentsOf: url))
  }
}
