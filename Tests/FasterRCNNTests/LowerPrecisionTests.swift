import Compute
import Detection
import Images
import Networks
import Testing

@testable import FasterRCNN

/// bf16 and int8 in each kind of network, against what the families' own code answers in float32.
///
/// The networks are narrow, so each rounding weighs more than in one of full size: what the reference is
/// sure of has to be found again nearby, and the answer must not be that of single precision.
struct LowerPrecisionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var file: String
    var precision: PlanOptions.Precision
    var testDescription: String { "\(file) in \(precision.rawValue)" }
  }

  // Those whose sure objects are no near ties: of two boxes of almost one score, suppression keeps either.
  static let cases = [
    "tv-resnet50-fpn.pth", "tv-resnet50-fpn-v2.pth", "tv-resnet18-fpn.pth", "d2-r50-c4.pkl",
    "d2-r50-dc5.pth",
  ].flatMap { file in
    [PlanOptions.Precision.bfloat16, .int8].map { Case(file: file, precision: $0) }
  }

  /// A model with the ranges of what it reads in a picture.
  private func calibrated(_ model: Model, on image: Image) throws -> Model {
    let calibration = try Calibration(model: model, threadCount: 2)
    try calibration.observe(image)
    return Model(
      description: model.description, about: nil,
      networks: model.networks.calibrated(calibration.ranges(share: 0.9999)),
      blueprint: model.blueprint)
  }

  @Test(arguments: cases.filter(\.precision.isSupported))
  func whatTheFamilyIsSureOfIsFound(_ c: Case) throws {
    let picture = "portrait_487x331"
    let image = try Golden.image(picture)
    let name = c.file.split(separator: ".")[0]
    let golden = try Golden(name + ".golden.safetensors")
    var model = try Model.open(Golden.path(c.file))
    let exact = try Detector(
      model: .open(Golden.path(c.file)), options: .init(threadCount: 2)
    ).detect(.image(image))
    if c.precision == .int8 { model = try calibrated(model, on: image) }
    let detector = try Detector(
      model: model, options: .init(threadCount: 2, plan: PlanOptions(precision: c.precision)))
    let result = try detector.detect(.image(image))
    #expect(result.objects != exact.objects, "nothing was rounded")

    let boxes = try golden.boxes(picture + ".boxes")
    let labels = try golden.values(picture + ".labels")
    let scores = try golden.values(picture + ".scores")
    let isFirst = !["detectron2", "mmdetection"].contains {
      detector.model.profile.hasPrefix($0)
    }
    let sure = scores.indices.filter { scores[$0] >= 0.5 }.map { index in
      let box = boxes[index]
      return ExpectedObject(
        box: BoundingBox(yMin: box.xMin, xMin: box.yMin, yMax: box.xMax, xMax: box.yMax)
          .clipped(to: result.imageSize),
        classID: Int(labels[index]) - (isFirst ? 1 : 0), score: scores[index])
    }
    let left = ExpectedObject.pair(sure, with: result.objects, distance: 8, difference: 0.25)
    #expect(
      5 * left.missing.count <= sure.count,
      "\(left.missing.count) of \(sure.count) are not found: \(left.missing)")
  }
}
