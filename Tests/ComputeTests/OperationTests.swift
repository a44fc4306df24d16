import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Compute

/// Every operation against what PyTorch computes for it in double precision: `operations.py` in
/// `scripts/fixtures` wrote the numbers.
struct OperationTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var kind: String
    var inputs: Int
    var activation: String?
    var stride: Int?
    var padding: [Int]?
    var groups: Int?
    var dilation: Int?
    var size: Int?
    var counts_padding: Bool?
    var rounds_up: Bool?
    var epsilon: Float?
    var alpha: Float?
    var beta: Float?

    var testDescription: String { name }

    var window: Network.Window {
      let sides = padding ?? [0, 0, 0, 0]
      return Network.Window(
        size: size ?? 1, stride: stride ?? 1,
        padding: .init(top: sides[0], left: sides[1], bottom: sides[2], right: sides[3]),
        dilation: dilation ?? 1)
    }

    var function: Network.Activation {
      activation.flatMap(Network.Activation.init(rawValue:)) ?? .none
    }
  }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  static let cases: [Case] = {
    let file = folder.appendingPathComponent("operations.json")
    do {
      return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
    } catch {
      Issue.record("\(file.path): \(error)")
      return []
    }
  }()

  static let tensors = Result {
    try Checkpoint.open(folder.appendingPathComponent("operations.safetensors").path)
      .stateDictionary
  }

  func tensor(_ given: Case, _ name: String) throws -> StoredTensor {
    try #require(Self.tensors.get()["\(given.name).\(name)"], "\(given.name).\(name)")
  }

  /// A network of the one operation.
  func network(_ given: Case) throws -> Network {
    let inputs = try (0..<given.inputs).map { try tensor(given, "input.\($0)") }
    var network = Network(inputs: inputs.map { $0.shape[1] })
    let (x, function) = (network.input, given.function)
    func values(_ name: String) throws -> [Float] { try tensor(given, name).float32Values() }
    var value: Network.Value
    switch given.kind {
    case "convolution":
      value = network.convolution(
        x,
        weights: LayerWeights(try tensor(given, "weight"), biases: try values("bias")),
        window: given.window, groups: given.groups ?? 1, activation: function,
        adding: given.inputs > 1 ? network.inputs[1] : nil, name: given.name)
    case "sum":
      value = network.add(x, network.inputs[1], activation: function, name: given.name)
    case "upsample":
      value = network.upsampleNearest(x, toSizeOf: network.inputs[1], name: given.name)
    case "upsample_sum":
      let enlarged = network.upsampleNearest(x, toSizeOf: network.inputs[1], name: "enlarged")
      value = network.add(network.inputs[1], enlarged, name: given.name)
    case "average":
      value = network.averagePooling(
        x, window: given.window, countsPadding: given.counts_padding == true, name: given.name)
    case "global_average": value = network.globalAveragePooling(x, name: given.name)
    case "maximum": value = network.maxPooling(x, window: given.window, name: given.name)
    case "activation": value = network.activation(x, function, name: given.name)
    case "scale_channels":
      value = network.scaleChannels(
        x, by: network.inputs[1], activation: function, name: given.name)
    case "affine":
      value = network.affine(
        x, scale: try values("scale"), bias: try values("bias"), activation: function,
        name: given.name)
    case "group_normalisation":
      value = network.groupNormalisation(
        x, groups: try #require(given.groups), scale: try values("scale"),
        bias: try values("bias"), epsilon: try #require(given.epsilon), activation: function,
        name: given.name)
    case "local_response":
      value = network.localResponseNormalisation(
        x, size: try #require(given.size), alpha: try #require(given.alpha),
        beta: try #require(given.beta), name: given.name)
    default:
      Issue.record("no operation \(given.kind)")
      value = x
    }
    network.output(value, order: .channelsLast)
    return network
  }

  /// How the inputs lie in memory.
  enum Order: CaseIterable { case rowMajor, channelsLast, blocked }

  /// Runs a case and returns its result in the order N, C, H, W.
  func run(_ given: Case, _ order: Order, _ options: PlanOptions) throws -> [Float] {
    let network = try network(given)
    let inputs = try (0..<given.inputs).map { try tensor(given, "input.\($0)") }
    let thread = try ComputeThread(name: "test", threadCount: 2)
    return try thread.run {
      let shapes = inputs.map(\.shape)
      var layouts: [TensorLayout] = []
      var values: [[Float]] = []
      for input in inputs {
        let isVector = input.shape.rank == 2
        let layout: TensorLayout =
          switch order {
          case .channelsLast where !isVector: try .channelsLast(input.shape)
          case .blocked where !isVector: try .channelBlocked(input.shape, block: 16)
          default: try .rowMajor(input.shape)
          }
        layouts.append(layout)
        values.append(rearranged(input.float32Values(), input.shape, to: layout))
      }
      let plan = try Plan(
        network, inputShapes: shapes, inputLayouts: layouts, arena: Arena(), options: options)
      // Twice, because a result may take over its input's memory, but never that of the plan's inputs.
      let blocks = try values.map { try MemoryBlock(copying: $0) }
      for _ in 0..<2 { try unsafe plan.run(on: blocks.map { unsafe UnsafeRawPointer($0.address) }) }
      withExtendedLifetime(blocks) {}
      return planar(unsafe Array(plan.outputValues(0)), plan.outputLayouts[0].shape)
    }
  }

  /// The largest difference, relative to the largest number: sums of up to 288 products in single
  /// precision were seen within 2e-6, and Winograd's, whose transforms multiply by up to 8, within 2e-5.
  @Test(arguments: cases, Order.allCases)
  func isPyTorchs(_ given: Case, order: Order) throws {
    let wanted = try tensor(given, "output").float32Values()
    let largest = wanted.map(abs).max() ?? 1
    for algorithm in PlanOptions.ConvolutionAlgorithm.allCases {
      let found = try run(given, order, PlanOptions(convolution: algorithm))
      let tolerance: Float = algorithm == .direct ? 5e-6 : 5e-5
      #expect(largestDifference(found, wanted) <= tolerance * largest, "\(algorithm)")
    }
  }

  /// Values in N, C, H, W as they lie in a layout, with zeros for padding.
  private func rearranged(_ values: [Float], _ shape: Shape, to layout: TensorLayout) -> [Float] {
    guard shape.rank == 4, let lanes = layout.channelBlock, lanes > 1 else { return values }
    let (channels, area) = (shape[1], shape[2] * shape[3])
    var result = [Float](repeating: 0, count: layout.byteCount / 4)
    let blocks = (channels + lanes - 1) / lanes
    for (index, value) in values.enumerated() {
      let (image, channel, cell) = (
        index / (channels * area), index / area % channels, index % area
      )
      result[((image * blocks + channel / lanes) * area + cell) * lanes + channel % lanes] = value
    }
    return result
  }

  /// Values with channels last in the order N, C, H, W.
  private func planar(_ values: [Float], _ shape: Shape) -> [Float] {
    guard shape.rank == 4 else { return values }
    let (channels, area) = (shape[1], shape[2] * shape[3])
    return values.indices.map { index in
      let (image, channel, cell) = (
        index / (channels * area), index / area % channels, index % area
      )
      return values[(image * area + cell) * channels + channel]
    }
  }
}
