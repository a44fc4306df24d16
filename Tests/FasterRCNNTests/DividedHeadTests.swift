import Compute
import Detection
import Families
import Networks
import Tensors
import Testing

@testable import FasterRCNN

/// Heads that begin with a residual stage, computed as they are and in two parts with the pooling between them.
///
/// Both are float32 sums of the same products in another order: one part in 10,000 of the largest output.
struct DividedHeadTests {
  private static func blueprint(_ name: String) throws -> Blueprint {
    try Model.blueprint(Golden.path(name))
  }

  /// Boxes within a picture of 144 x 192, at its edges, and beyond a map that is a cell short.
  private static let boxes = [
    BoundingBox(yMin: 10, xMin: 20, yMax: 90, xMax: 77),
    BoundingBox(yMin: 0, xMin: 0, yMax: 144, xMax: 192),
    BoundingBox(yMin: 100, xMin: 150, yMax: 144, xMax: 192),
    BoundingBox(yMin: 140, xMin: 3, yMax: 143, xMax: 8),
    BoundingBox(yMin: 130, xMin: 185, yMax: 160, xMax: 215),
  ]

  /// In the 1x1 convolution, as Detectron2's and jwyang's, or in the 3x3, as torchvision's.
  @Test(
    arguments: ["d2-r50-c4.pkl", "jw-res101.pth"],
    [
      Architecture.ResidualStride.firstConvolution, .middleConvolution,
    ])
  func saysWhatTheWholeSays(_ name: String, _ stride: Architecture.ResidualStride) throws {
    let blueprint = try Self.blueprint(name)
    var architecture = blueprint.architecture
    architecture.backbone = .resNet(stride)
    let networks = try DetectorNetworks(blueprint.state, architecture)
    let divided = try #require(networks.dividedHead)
    #expect(divided.parts.map(\.step) == [stride == .firstConvolution ? 2 : 1, 2])
    var random = SplitMix64(seed: 3)
    let channels = networks.levels[0].channels
    let features = Tensor(
      shape: [1, channels, 9, 11],
      values: (0..<channels * 99).map { _ in Float.random(in: 0..<1, using: &random) })
    func pooled(_ map: Tensor, step: Int) -> Tensor {
      let pooling = RoIPooling(
        .align(samplingRatio: nil, aligned: true), outputSize: networks.pooledSize, step: step,
        spatialScale: SpatialScale(1 / 16))
      return pooling.pool(map, rois: Self.boxes, imageIndices: Self.boxes.map { _ in 0 })
    }
    let whole = try Self.run(networks.head, [pooled(features, step: 1)])
    let parts = try Self.run(divided.map, [features])
    let inputs = zip(parts, divided.parts).map { values, part in
      let map = Tensor(shape: [1, part.channels, 9, 11], values: values)
      let sums = pooled(map, step: part.step)
      let cells = sums.shape[2] * sums.shape[3]
      return Tensor(
        shape: sums.shape,
        values: sums.values.enumerated().map { index, value in
          let sum = value + part.biases[index / cells % part.channels]
          return part.isRectified ? max(sum, 0) : sum
        })
    }
    let found = try Self.run(divided.pooled, inputs)
    #expect(found.count == 2 && whole.count == 2)
    for (found, whole) in zip(found, whole) {
      let largest = whole.map(abs).max() ?? 0
      let differences = zip(found, whole).map { abs($0 - $1) }
      #expect(found.count == whole.count && (differences.max() ?? 0) <= 1e-4 * largest)
      #expect(Set(whole).count > 10)
    }
  }

  /// What a network makes of row-major inputs, its outputs in row-major order.
  private static func run(_ network: Network, _ inputs: [Tensor]) throws -> [[Float]] {
    let thread = try ComputeThread(name: "test", threadCount: 2)
    return try thread.run {
      let layouts = try inputs.map { try TensorLayout.rowMajor($0.shape) }
      let plan = try Plan(
        network, inputShapes: inputs.map(\.shape), inputLayouts: layouts, arena: Arena(),
        options: PlanOptions(convolution: .direct))
      // Safety: the arrays live until the plan has run.
      let first = inputs[0].values
      try unsafe first.withUnsafeBytes { first in
        try unsafe inputs[inputs.count - 1].values.withUnsafeBytes { last in
          var sources = unsafe [try #require(first.baseAddress), try #require(last.baseAddress)]
          unsafe sources.removeLast(2 - inputs.count)
          try unsafe plan.run(on: sources)
        }
      }
      return plan.outputLayouts.indices.map { index in
        let values = unsafe Array(plan.outputValues(index))
        guard let layout = plan.outputLayouts[index].channelLayout else { return values }
        return (0..<layout.channelCount * layout.height * layout.width).map { place in
          let (channel, cell) = place.quotientAndRemainder(dividingBy: layout.height * layout.width)
          return values[
            layout.offset(
              image: 0, channel: channel, y: cell / layout.width, x: cell % layout.width)]
        }
      }
    }
  }

  @Test func isTakenWhereItIsLessWork() throws {
    let detector = try Detector(
      model: .open(Golden.path("d2-r50-c4.pkl")), options: .init(threadCount: 2))
    try detector.session.run { (session) throws(DetectorError) in
      // 600 cells are 3 RoIs of 14 x 14 or 12 of 7 x 7.
      let map = ChannelLayout(
        channelCount: session.model.networks.levels[0].channels, height: 20, width: 30,
        channelBlock: 16)
      let many = try session.rois.plans(proposals: 300, map: map)
      #expect(many.count == 2 && many[0].runs == 1 && many[1].plan.inputLayouts.count == 2)
      #expect(try session.rois.plans(proposals: 2, map: map).count == 1)
      #expect(try session.rois.plans(proposals: 300, map: nil).count == 1)
    }
  }

  @Test func isNotTakenWherePoolingTakesMaxima() throws {
    let detector = try Detector(
      model: .open(Golden.path("jw-res101.pth")), options: .init(threadCount: 2))
    try detector.session.run { (session) throws(DetectorError) in
      #expect(session.model.blueprint.detection.roi.operator == .pool)
      #expect(session.model.networks.dividedHead != nil)
      let map = ChannelLayout(
        channelCount: session.model.networks.levels[0].channels, height: 20, width: 30,
        channelBlock: 16)
      #expect(try session.rois.plans(proposals: 300, map: map).count == 1)
    }
  }
}
