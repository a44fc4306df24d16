import Detection
import Images
import Tensors
import Testing

@testable import FasterRCNN

/// Checkpoints in the families' own names, and what the families' own code answers for pictures.
///
/// Tolerances: float32 sums in another order differ by about 1e-6 of the largest value a layer, so
/// features agree within 1e-3 of the largest feature; boxes of some hundred pixels decoded from them
/// within 0.05 px (proposals) and 0.1 px (detections, which add a second regression).
struct FamilyGoldenTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var file: String
    var golden: String
    var profile: String?
    var picture: String
    var testDescription: String { "\(file) on \(picture)" }
  }

  static let cases = [
    // The same tensors as safetensors, zip and legacy stream; flat files are told their profile.
    ("simple-faster-rcnn.safetensors", "simple-faster-rcnn.golden.safetensors", nil),
    ("simple-faster-rcnn.pth", "simple-faster-rcnn.golden.safetensors", nil),
    (
      "simple-faster-rcnn-legacy.pth", "simple-faster-rcnn.golden.safetensors",
      "simple-faster-rcnn"
    ),
    ("bubbliiiing-vgg.pth", "bubbliiiing-vgg.golden.safetensors", nil),
    ("bubbliiiing-resnet50.pth", "bubbliiiing-resnet50.golden.safetensors", nil),
    ("chainercv.npz", "chainercv.golden.npz", nil),
  ]

  static func cases(_ pictures: [String]) -> [Case] {
    cases.flatMap { (file: String, golden: String, profile: String?) in
      pictures.map { Case(file: file, golden: golden, profile: profile, picture: $0) }
    }
  }

  @Test(arguments: cases(["portrait_487x331", "wide_375x1100"]))
  func familyAnswersAreMet(_ c: Case) throws { try expectAnswer(c) }

  @Test(Golden.needsBloodCells, arguments: cases(["BloodImage_00007"]))
  func familyAnswersAreMetOnAPhotograph(_ c: Case) throws { try expectAnswer(c) }

  private func expectAnswer(_ c: Case) throws {
    let image = try Golden.image(c.picture)
    let golden = try Golden(c.golden)
    func key(_ name: String) -> String { c.picture + "." + name }
    // The families' own threshold of 0.05, for all.
    let detector = try Detector(
      model: .open(Golden.path(c.file), options: .init(profile: c.profile)))
    let result = try detector.detect(
      .image(image), parameters: .init(scoreThreshold: 0.05, includesFeatures: true))

    let features = try #require(result.features)
    let wanted = try golden.values(key("features"))
    let map = try #require(features.levels.first)
    #expect(features.levels.count == 1 && golden.state[key("features")]?.shape == map.shape)
    let largest = wanted.map(abs).max() ?? 0
    let worst = zip(map.values, wanted).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst <= 1e-3 * largest, "features differ by \(worst) of \(largest)")

    try compareProposals(
      result, golden: golden, key: key, features: features,
      usesOneScale: !detector.model.profile.hasPrefix("bubbliiiing"))
    try compareDetections(result, golden: golden, key: key)
  }

  /// Distinct proposals in order; a pair whose scores differ by less than 1e-4 may stand swapped.
  func compareProposals(
    _ result: DetectionResult, golden: Golden, key: (String) -> String, features: FeatureMap,
    usesOneScale: Bool
  ) throws {
    var wanted: [BoundingBox] = []
    for box in try golden.proposals(key("rois")) where !wanted.contains(box) { wanted.append(box) }
    // Goldens are in pixels of the resized picture, ours in those of the original one. The families
    // of note 001 have one scale, bubbliiiing one for each axis.
    let scale = (y: features.yScale, x: features.xScale)
    #expect(!usesOneScale || scale.y == scale.x)
    // The network's input is rounded to whole pixels, so its last row or column may lie beyond the
    // picture by a part of a pixel; ours are clipped to the picture.
    let (yLimit, xLimit) = (
      Float(result.imageSize.height) * scale.y, Float(result.imageSize.width) * scale.x
    )
    for index in wanted.indices {
      wanted[index].yMax = min(wanted[index].yMax, yLimit)
      wanted[index].xMax = min(wanted[index].xMax, xLimit)
    }
    let scaled = result.proposals.map(\.box).map {
      BoundingBox(
        yMin: $0.yMin * scale.y, xMin: $0.xMin * scale.x, yMax: $0.yMax * scale.y,
        xMax: $0.xMax * scale.x)
    }
    #expect(scaled.count == wanted.count)
    for (rank, box) in wanted.enumerated() {
      let nearest = scaled.indices.min {
        scaled[$0].distance(to: box) < scaled[$1].distance(to: box)
      }
      let index = try #require(nearest)
      #expect(scaled[index].distance(to: box) <= 0.05, "proposal \(rank)")
      if index != rank, index < result.proposals.count, rank < result.proposals.count {
        let difference = abs(
          result.proposals[index].objectness - result.proposals[rank].objectness)
        #expect(difference <= 1e-4, "proposal \(rank) stands at \(index)")
      }
    }
  }

  func compareDetections(
    _ result: DetectionResult, golden: Golden, key: (String) -> String
  ) throws {
    let boxes = try golden.boxes(key("boxes_yxyx")).map { $0.clipped(to: result.imageSize) }
    let labels = try golden.values(key("labels")).map { Int($0) }
    let scores = try golden.values(key("scores"))
    let wanted = boxes.indices.map {
      ExpectedObject(box: boxes[$0], classID: labels[$0], score: scores[$0])
    }
    let left = ExpectedObject.pair(
      wanted, with: result.objects, distance: 0.1, difference: 1e-3)
    // Detections near the threshold may fall on either side of it.
    #expect(left.missing.filter { $0.score >= 0.052 } == [])
    #expect(left.surplus.filter { $0.score >= 0.052 } == [])
  }

  @Test func featuresGivenBackGiveTheSameAnswer() throws {
    let image = try Golden.image("portrait_487x331")
    let detector = try Detector(model: .open(Golden.path("simple-faster-rcnn.safetensors")))
    let whole = try detector.detect(.image(image), parameters: .init(includesFeatures: true))
    let features = try #require(whole.features)
    let half = try detector.detect(.features(features))
    #expect(half.imageSize == whole.imageSize)
    #expect(half.objects == whole.objects)
    #expect(half.proposals == whole.proposals)
  }
}
