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

  static let cases = [
    "tv-resnet50-fpn.pth", "tv-resnet50-fpn-v2.pth", "tv-resnet18-fpn.pth", "d2-r50-c4.pkl",
    "d2-r50-dc5.pth", "d2-x101-fpn.pth", "mm3-r50-fpn.pth",
  ].flatMap { file in
    [PlanOptions.Precision.bfloat16, .int8].map { Case(file: file, precision: $0) }
  }

  /// Networks in whose answer two overlapping boxes have almost one score, of which suppression keeps the other
  /// one as soon as anything is rounded.
  static let nearTies: Set<String> = ["d2-x101-fpn.pth", "mm3-r50-fpn.pth"]

  /// A model with the ranges of what it reads in a picture; its weights are the model's own.
  private func calibrated(_ model: Model, _ ranges: [String: ClosedRange<Float>]) -> Model {
    Model(
      description: model.description, about: nil, networks: model.networks.calibrated(ranges),
      blueprint: model.blueprint)
  }

  /// The objects that a model finds in each of some precisions, one after the other.
  private func objects(
    _ model: Model, in image: Image, _ precisions: [PlanOptions.Precision]
  ) throws -> [DetectionResult] {
    try precisions.map { precision in
      try Detector(
        model: model, options: .init(threadCount: 2, plan: PlanOptions(precision: precision))
      ).detect(.image(image))
    }
  }

  @Test(arguments: cases.filter(\.precision.isSupported))
  func whatTheFamilyIsSureOfIsFound(_ c: Case) throws {
    let picture = "portrait_487x331"
    let image = try Golden.image(picture)
    let name = c.file.split(separator: ".")[0]
    let golden = try Golden(name + ".golden.safetensors")
    var model = try Model.open(Golden.path(c.file))
    var other = try Model.open(Golden.path(c.file))
    if c.precision == .int8 {
      let calibration = try Calibration(model: model, threadCount: 2)
      try calibration.observe(image)
      let ranges = calibration.ranges(share: 0.9999)
      // In bytes it would cost more than all other layers together.
      #expect(!ranges.keys.contains { $0.hasPrefix("rpn.") })
      (model, other) = (calibrated(model, ranges), calibrated(other, ranges))
    }
    let found = try objects(model, in: image, [.float32, c.precision])
    let result = found[1]
    #expect(result.objects != found[0].objects, "nothing was rounded")
    // One model's weights serve all precisions, whichever comes first.
    let turned = try objects(other, in: image, [c.precision, .float32])
    #expect(turned.map(\.objects) == found.reversed().map(\.objects))
    guard !Self.nearTies.contains(c.file) else { return }

    let boxes = try golden.boxes(picture + ".boxes")
    let labels = try golden.values(picture + ".labels")
    let scores = try golden.values(picture + ".scores")
    let isFirst = !["detectron2", "mmdetection"].contains {
      model.description.profile.hasPrefix($0)
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
