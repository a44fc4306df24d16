import Detection
import Foundation
import Images
import Tensors
import Testing

@testable import FasterRCNN

/// A full-size VGG16 against what simple-faster-rcnn's own code answers with the same weights.
///
/// The checkpoint is not kept (548 MB): `scripts/check-vgg16` makes it and names it in FRCNN_VGG16.
/// Tolerances are those of the narrow families, for the same reasons.
@Suite struct VGG16Tests {
  @Test func theFullSizeNetworkAnswersAsTheReferenceDoes() throws {
    guard let path = ProcessInfo.processInfo.environment["FRCNN_VGG16"] else {
      print("skipped: FRCNN_VGG16 names no checkpoint; scripts/check-vgg16 makes one")
      return
    }
    let image = try #require(try Golden.image("vgg16_input"))
    let golden = try Golden("vgg16.golden.safetensors")
    let detector = try Detector(
      model: .open(path, options: .init(profile: "simple-faster-rcnn")))
    let result = try detector.detect(
      .image(image), parameters: .init(scoreThreshold: 0.05, includesFeatures: true))
    let features = try #require(result.features)
    try compareFeatures(features.values, golden: golden)

    let families = FamilyGoldenTests()
    try families.compareProposals(
      result, golden: golden, key: { $0 }, features: features, usesOneScale: true)
    try families.compareDetections(
      result, golden: golden, key: { $0 == "boxes_yxyx" ? "boxes" : $0 })
    try printFigures(result, golden: golden)
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
      worstMean = max(worstMean, abs(Float(sum / Double(cells)) - means[channel]))
    }
    var worst: Float = 0
    for channel in 0..<32 {
      for y in 0..<8 {
        for x in 0..<8 {
          let ours = features.values[channel * cells + y * shape[2] + x]
          worst = max(worst, abs(ours - corner[(channel * 8 + y) * 8 + x]))
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
