import Detection
import Foundation
import Images
import Tensors
import Testing

@testable import Compute
@testable import FasterRCNN

/// The path of the checkpoint, where there is one.
private let vgg16Checkpoint = ProcessInfo.processInfo.environment["FRCNN_VGG16"]

/// A full-size VGG16 against what simple-faster-rcnn's own code answers with the same weights.
///
/// The checkpoint is not kept (548 MB): `scripts/check-vgg16` makes it and names it in FRCNN_VGG16.
/// Tolerances are those of the narrow families, for the same reasons.
@Suite(
  .enabled(
    if: vgg16Checkpoint != nil, "FRCNN_VGG16 names no checkpoint; scripts/check-vgg16 makes one"))
struct VGG16Tests {
  @Test func theFullSizeNetworkAnswersAsTheReferenceDoes() throws {
    let path = try #require(vgg16Checkpoint)
    let image = try Golden.image("vgg16_input")
    let golden = try Golden("vgg16.golden.safetensors")
    let detector = try Detector(
      model: .open(path, options: .init(profile: "simple-faster-rcnn")))
    let result = try detector.detect(
      .image(image), parameters: .init(scoreThreshold: 0.05, includesFeatures: true))
    let features = try #require(result.features)
    try compareFeatures(#require(features.levels.first), golden: golden)

    let families = FamilyGoldenTests()
    try families.compareProposals(
      result, golden: golden, key: { $0 }, features: features, usesOneScale: true)
    try families.compareDetections(
      result, golden: golden, key: { $0 == "boxes_yxyx" ? "boxes" : $0 })
    try printFigures(result, golden: golden)
  }

  /// In bf16, which CPUs without it emulate here: detections are found again with an IoU of more than 0.9
  /// and a score within 0.02, which is what eight bits of mantissa are good for.
  ///
  /// With `fastest`, convolutions are computed by Winograd's algorithm in float32 and the head alone in
  /// bf16: every detection is there before suppression, and all but a few behind it, where of two boxes
  /// with almost the same score the other one was kept. With `direct`, as on CPUs with AMX, the weights
  /// being random, a part of the 300 proposals is chosen otherwise, and what was found in them is not
  /// found again.
  @Test(
    .enabled(
      if: Engine.winogradLanes == 16 && !Engine.hasMatrixTiles,
      "bf16 is emulated with AVX-512, and AMX takes the convolutions as well"),
    arguments: [
      (PlanOptions.ConvolutionAlgorithm.fastest, 1, 159), (.fastest, 0.3, 155), (.direct, 1, 130),
    ])
  func bfloat16FindsTheSameObjects(
    convolution: PlanOptions.ConvolutionAlgorithm, nmsThreshold: Float, least: Int
  ) throws {
    let path = try #require(vgg16Checkpoint)
    let image = try Golden.image("vgg16_input")
    let golden = try Golden("vgg16.golden.safetensors")
    var plan = PlanOptions(precision: .bfloat16, convolution: convolution)
    plan.allowsEmulation = true
    let detector = try Detector(
      model: .open(path, options: .init(profile: "simple-faster-rcnn")),
      options: .init(plan: plan))
    // What scored just above the reference's threshold of 0.05 may score below it.
    let result = try detector.detect(
      .image(image),
      parameters: .init(
        scoreThreshold: 0.03, nmsThreshold: nmsThreshold, maximumDetections: 10_000))
    let boxes = try golden.boxes("boxes").map { $0.clipped(to: result.imageSize) }
    let labels = try golden.values("labels").map { Int($0) }
    let scores = try golden.values("scores")
    let found = boxes.indices.filter { index in
      result.objects.contains { object in
        guard object.classID == labels[index] else { return false }
        let difference: Float = abs(object.score - scores[index])
        return difference < 0.02 && overlap(object.box, boxes[index]) > 0.9
      }
    }
    print(
      "bf16, \(convolution) convolutions, suppression above \(nmsThreshold): "
        + "\(found.count) of \(boxes.count) detections")
    #expect(boxes.count == 159 && found.count >= least)
  }

  private func overlap(_ left: BoundingBox, _ right: BoundingBox) -> Float {
    let height = min(left.yMax, right.yMax) - max(left.yMin, right.yMin)
    let width = min(left.xMax, right.xMax) - max(left.xMin, right.xMin)
    let common = max(height, 0) * max(width, 0)
    func area(_ box: BoundingBox) -> Float { (box.yMax - box.yMin) * (box.xMax - box.xMin) }
    return common / (area(left) + area(right) - common)
  }

  /// The golden has the mean of each channel, and 8 x 8 cells in the corner of the first 32.
  private func compareFeatures(_ features: Tensor, golden: Golden) throws {
    let shape = features.shape
    let means = try golden.values("feature_mean_per_channel")
    let corner = try golden.values("features_corner")
    #expect(shape == [512, 37, 50])
    let largest = features.values.map(abs).max() ?? 0
    let cells = shape[1] * shape[2]
    var worstMean: Float = 0
    for channel in 0..<shape[0] {
      let sum = features.values[channel * cells..<(channel + 1) * cells]
        .reduce(0.0) { $0 + Double($1) }
      let difference = abs(Float(sum / Double(cells)) - means[channel])
      worstMean = difference.isNaN ? .infinity : max(worstMean, difference)
    }
    var worst: Float = 0
    for channel in 0..<32 {
      for y in 0..<8 {
        for x in 0..<8 {
          let ours = features.values[channel * cells + y * shape[2] + x]
          let difference = abs(ours - corner[(channel * 8 + y) * 8 + x])
          worst = difference.isNaN ? .infinity : max(worst, difference)
        }
      }
    }
    print("features: largest \(largest), worst difference \(worst), of a mean \(worstMean)")
    #expect(worst <= 1e-3 * largest)
    #expect(worstMean <= 1e-3 * largest)
  }

  /// What the comparisons found, for whoever runs the script.
  private func printFigures(_ result: DetectionResult, golden: Golden) throws {
    func worst(_ wanted: [BoundingBox], _ found: [BoundingBox]) -> Float {
      wanted.map { box in found.map { $0.distance(to: box) }.min() ?? .infinity }.max() ?? 0
    }
    let proposals = try golden.boxes("rois")
    let objects = try golden.boxes("boxes").map { $0.clipped(to: result.imageSize) }
    print(
      "proposals: \(proposals.count) wanted, \(result.proposals.count) found, worst difference "
        + "\(worst(proposals, result.proposals.map(\.box))) px")
    print(
      "detections: \(objects.count) wanted, \(result.objects.count) found, worst difference "
        + "\(worst(objects, result.objects.map(\.box))) px")
  }
}
