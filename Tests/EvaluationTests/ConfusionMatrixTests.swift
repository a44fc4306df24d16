import Detection
import Testing

@testable import Evaluation

@Suite struct ConfusionMatrixTests {
  private func box(_ x: Float, _ width: Float = 10) -> BoundingBox {
    BoundingBox(yMin: 0, xMin: x, yMax: 10, xMax: x + width)
  }

  @Test func eachKindOfErrorHasItsCell() {
    var matrix = ConfusionMatrix(classCount: 2)
    let matching = matrix.add(
      detections: [
        ScoredBox(box: box(0), classID: 0, score: 0.9),  // right
        ScoredBox(box: box(1), classID: 0, score: 0.8),  // the same again: nothing is left there
        ScoredBox(box: box(20), classID: 0, score: 0.7),  // an object of the other class
        ScoredBox(box: box(60), classID: 1, score: 0.6),  // nothing is there
        ScoredBox(box: box(40), classID: 1, score: 0.4),  // too unsure
        ScoredBox(box: box(80), classID: 1, score: 0.9),  // on a difficult object
        ScoredBox(box: box(81), classID: 1, score: 0.8),  // on it again
      ],
      groundTruth: [
        GroundTruthObject(box: box(0), classID: 0), GroundTruthObject(box: box(20), classID: 1),
        GroundTruthObject(box: box(40), classID: 1),
        GroundTruthObject(box: box(80), classID: 0, isDifficult: true),
      ])
    #expect(matrix.counts == [[1, 0, 0], [1, 0, 1], [1, 1, 0]])
    #expect(matching.objectOfDetection == [0, nil, 1, nil, nil, 3, 3])
    #expect(matching.detectionOfObject == [0, 2, nil, 6])
  }

  @Test func theRightClassGoesBeforeASurerWrongOne() {
    var matrix = ConfusionMatrix(classCount: 2)
    matrix.add(
      detections: [
        ScoredBox(box: box(0), classID: 1, score: 0.99),
        ScoredBox(box: box(1), classID: 0, score: 0.6),
      ], groundTruth: [GroundTruthObject(box: box(0), classID: 0)])
    #expect(matrix.counts == [[1, 0, 0], [0, 0, 0], [0, 1, 0]])
  }

  @Test func anOverlapOfExactlyTheThresholdSuffices() {
    var matrix = ConfusionMatrix(classCount: 1, options: .init(iouThreshold: 0.5))
    matrix.add(
      detections: [ScoredBox(box: box(0, 5), classID: 0, score: 0.5)],
      groundTruth: [GroundTruthObject(box: box(0), classID: 0)])
    #expect(matrix.counts == [[1, 0], [0, 0]])
  }
}
