import Detection
import Evaluation
import Foundation
import Testing

/// Against COCO's own code (`scripts/fixtures/coco_metric.py`), on drawn boxes.
@Suite struct COCOEvaluationTests {
  private struct Golden: Decodable {
    struct Annotation: Decodable {
      var image_id: Int
      var category_id: Int
      var bbox: [Float]
      var area: Float
      var iscrowd: Int
    }
    struct Detection: Decodable {
      var image_id: Int
      var category_id: Int
      var bbox: [Float]
      var score: Float
    }
    struct Figures: Decodable {
      var ap, ap50, ap75, ap_small, ap_medium, ap_large: Double
      var ar100, ar_small, ar_medium, ar_large: Double
      var ap_of_class: [Double]
    }
    var annotations: [Annotation]
    var detections: [Detection]
    var figures: Figures
  }

  private func box(_ values: [Float]) -> BoundingBox {
    BoundingBox(
      yMin: values[1], xMin: values[0], yMax: values[1] + values[3], xMax: values[0] + values[2])
  }

  @Test func figuresAreThoseOfCOCO() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/coco_metric.json")
    let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: path))
    var evaluation = COCOEvaluation(classCount: 3)
    for picture in 0..<12 {
      evaluation.add(
        detections: golden.detections.filter { $0.image_id == picture }.map {
          ScoredBox(box: box($0.bbox), classID: $0.category_id, score: $0.score)
        },
        objects: golden.annotations.filter { $0.image_id == picture }.map {
          COCOEvaluation.Object(
            box: box($0.bbox), classID: $0.category_id, isCrowd: $0.iscrowd == 1, area: $0.area)
        })
    }
    let figures = golden.figures
    // Right edges are rounded to float here and kept as widths there: overlaps differ by 1e-6, and none
    // of the drawn ones is as near to a threshold.
    func expect(_ value: Double?, _ wanted: Double, _ name: String) {
      #expect(
        abs((value ?? -1) - wanted) < 1e-9, "\(name): \(String(describing: value)), \(wanted)")
    }
    expect(evaluation.meanAveragePrecision(), figures.ap, "AP")
    expect(evaluation.meanAveragePrecision(threshold: 0), figures.ap50, "AP50")
    expect(evaluation.meanAveragePrecision(threshold: 5), figures.ap75, "AP75")
    expect(evaluation.meanAveragePrecision(size: .small), figures.ap_small, "AP small")
    expect(evaluation.meanAveragePrecision(size: .medium), figures.ap_medium, "AP medium")
    expect(evaluation.meanAveragePrecision(size: .large), figures.ap_large, "AP large")
    expect(evaluation.meanAverageRecall(), figures.ar100, "AR100")
    expect(evaluation.meanAverageRecall(size: .small), figures.ar_small, "AR small")
    expect(evaluation.meanAverageRecall(size: .medium), figures.ar_medium, "AR medium")
    expect(evaluation.meanAverageRecall(size: .large), figures.ar_large, "AR large")
    for (classID, wanted) in figures.ap_of_class.enumerated() {
      expect(evaluation.averagePrecision(classID: classID), wanted, "AP of \(classID)")
    }
  }

  @Test func withoutObjectsThereIsNoFigure() {
    var evaluation = COCOEvaluation(classCount: 1)
    evaluation.add(
      detections: [
        ScoredBox(box: BoundingBox(yMin: 0, xMin: 0, yMax: 9, xMax: 9), classID: 0, score: 1)
      ], objects: [])
    #expect(evaluation.meanAveragePrecision() == nil)
    #expect(evaluation.meanAverageRecall() == nil)
  }
}
