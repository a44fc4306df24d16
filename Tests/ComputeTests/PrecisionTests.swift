import Tensors
import Testing

@testable import Compute

/// Layers in int8 and bf16: exactly, where numbers are chosen that both can hold, and against float32
/// within what rounding allows.
struct PrecisionTests {
  /// Runs a network and returns its outputs and the plan's steps.
  func run(
    _ network: Network, _ input: [Float], _ shape: Shape, _ options: PlanOptions
  ) throws -> (outputs: [[Float]], steps: [Plan.Step]) {
    let thread = try ComputeThread(name: "test", threadCount: 2)
    return try thread.run {
      let plan = try Plan(
        network, inputShape: shape, inputLayout: .rowMajor(shape), arena: Arena(), options: options)
      return try unsafe input.withUnsafeBytes { bytes in
        try unsafe plan.run(on: #require(bytes.baseAddress))
        return (
          (0..<plan.outputLayouts.count).map { unsafe Array(plan.outputValues($0)) }, plan.steps
        )
      }
    }
  }

  static let int8 = PlanOptions(precision: .int8)

  /// Whole numbers from 0 to 255, which bytes hold exactly where the range is 255.
  func bytes(_ count: Int, _ random: inout Random) -> [Float] {
    (0..<count).map { _ in ((random.next() + 1) * 127.5).rounded(.down) }
  }

  /// Multiples of 1/64 with the largest 127/64 in each row, which int8 holds exactly.
  func weights(_ rows: Int, _ length: Int, _ random: inout Random) -> [Float] {
    (0..<rows).flatMap { _ in
      [127 / 64] + (1..<length).map { _ in (random.next() * 127).rounded() / 64 }
    }
  }

  @Test(.enabled(if: Engine.hasVNNI, "this CPU has no VNNI"))
  func int8IsExactWhereItsNumbersAre() throws {
    var random = Random(state: 1)
    let (height, width) = (9, 11)
    let input = bytes(16 * height * width, &random)
    var network = Network(inputChannels: 16)
    let layer = network.convolution(
      network.input,
      weights: LayerWeights(
        try stored(weights(24, 144, &random), [24, 16, 3, 3]),
        biases: (0..<24).map { Float($0) - 12 }),
      window: .init(size: 3, padding: 1), activation: .relu, name: "conv")
    // Results that are outputs themselves are computed in float32.
    network.output(
      network.maxPooling(layer, window: .init(size: 1), name: "same"), order: .channelsLast)
    let shape: Shape = [1, 16, height, width]
    // Bytes first: weights that were prepared as floats are not rounded afterwards.
    let found = try run(network.calibrated(["conv": 255]), input, shape, Self.int8)
    // Products and sums are below 2^24 sixty-fourths.
    let exact = try run(network, input, shape, PlanOptions(convolution: .direct))
    #expect(found.steps.filter { $0.precision == .int8 }.map(\.name) == ["conv"])
    #expect(found.outputs == exact.outputs)
  }

  @Test(.enabled(if: Engine.hasVNNI, "this CPU has no VNNI"), arguments: [false, true])
  func linearLayersOfBytesAreExact(readsMap: Bool) throws {
    var random = Random(state: 2)
    let shape: Shape = readsMap ? [3, 16, 4, 5] : [3, 320]
    let input = bytes(3 * 320, &random)
    var network = Network(inputChannels: shape[1])
    let layer = network.linear(
      network.input,
      weights: LayerWeights(
        try stored(weights(40, 320, &random), [40, 320]), biases: (0..<40).map(Float.init)),
      activation: .relu, name: "fc")
    network.output(layer)
    let found = try run(network.calibrated(["fc": 255]), input, shape, Self.int8)
    let exact = try run(network, input, shape, PlanOptions(convolution: .direct))
    #expect(found.steps.contains { $0.precision == .int8 })
    #expect(found.outputs == exact.outputs)
  }

  /// A picture's layer, a chain of bytes with pooling, a residual sum, and an output layer.
  func deepNetwork() throws -> Network {
    var random = Random(state: 3)
    var network = Network(inputChannels: 3)
    func convolution(
      _ input: Network.Value, _ outputs: Int, _ size: Int, _ activation: Network.Activation = .relu,
      adding residual: Network.Value? = nil, name: String
    ) throws -> Network.Value {
      let inputs = network.channelCount(input)
      let bound = (3 / Float(inputs * size * size)).squareRoot()
      return network.convolution(
        input,
        weights: LayerWeights(
          try stored(
            random.values(outputs * inputs * size * size).map { $0 * bound },
            [outputs, inputs, size, size]), biases: random.values(outputs).map { 0.1 * $0 }),
        window: .init(size: size, padding: size / 2), activation: activation, adding: residual,
        name: name)
    }
    var value = try convolution(network.input, 32, 3, name: "first")
    value = try convolution(value, 32, 3, name: "second")
    value = network.maxPooling(value, window: .init(size: 2, stride: 2), name: "pool")
    let before = value
    value = try convolution(value, 48, 1, name: "reduce")
    value = try convolution(value, 32, 3, .relu, adding: before, name: "sum")
    value = try convolution(value, 64, 3, name: "third")
    let flat = network.globalAveragePooling(value, name: "mean")
    let last = try convolution(value, 12, 1, .none, name: "scores")
    network.output(value)
    network.output(flat)
    network.output(last, order: .channelsLast)
    return network
  }

  static let ranges: [String: Float] = ["second": 3, "reduce": 3, "sum": 3, "third": 5]

  /// The largest difference in shares of the largest value.
  func error(_ found: [Float], _ wanted: [Float]) -> Float {
    largestDifference(found, wanted) / (wanted.map(abs).max() ?? 1)
  }

  @Test(.enabled(if: Engine.hasVNNI, "this CPU has no VNNI"), arguments: [1 << 30, 1 << 12])
  func chainsOfBytesAreCloseToFloats(stripByteCount: Int) throws {
    var random = Random(state: 4)
    let input = random.values(3 * 40 * 36)
    let network = try deepNetwork()
    let found = try run(
      network.calibrated(Self.ranges), input, [1, 3, 40, 36],
      PlanOptions(precision: .int8, convolution: .direct, stripByteCount: stripByteCount))
    let exact = try run(network, input, [1, 3, 40, 36], PlanOptions(convolution: .direct))
    #expect(
      found.steps.filter { $0.precision == .int8 }.map(\.name)
        == ["second", "reduce", "sum", "third"])
    #expect(found.steps.contains { $0.name == "first: strip" } == (stripByteCount < 1 << 20))
    // Four layers deep, each adds half a unit in 255 of its inputs and in 127 of its weights, many of
    // which cancel: 0.5 / 127 x 4 is 1.6 %.
    #expect(error(found.outputs[1], exact.outputs[1]) < 0.02)
    #expect(error(found.outputs[2], exact.outputs[2]) < 0.04)
    #expect(found.outputs != exact.outputs, "bytes that round nothing were not used")
  }

  /// Residual blocks, of which the second adds bytes to bytes of another scale; whole numbers that both
  /// can hold, so that nothing is rounded.
  @Test(.enabled(if: Engine.hasVNNI, "this CPU has no VNNI"))
  func sumsOfBlocksStayBytes() throws {
    var network = Network(inputChannels: 16)
    func convolution(
      _ input: Network.Value, _ weight: Float, adding residual: Network.Value? = nil, name: String
    ) throws -> Network.Value {
      // Each channel is multiplied by itself alone.
      let values = (0..<16 * 16).map { $0 % 17 == 0 ? weight : 0 }
      return network.convolution(
        input, weights: LayerWeights(try stored(values, [16, 16, 1, 1])), window: .init(size: 1),
        activation: .relu, adding: residual, name: name)
    }
    let start = try convolution(network.input, 1, name: "start")
    var inner = try convolution(start, 1, name: "block1.1")
    let first = try convolution(inner, 1, adding: start, name: "block1.2")
    inner = try convolution(first, 0.5, name: "block2.1")
    let second = try convolution(inner, 2, adding: first, name: "block2.2")
    let last = try convolution(second, 1, name: "last")
    network.output(last)
    // Units of 1, 2 and 4.
    let ranges: [String: Float] = [
      "start": 255, "block1.1": 255, "block1.2": 255, "block2.1": 510, "block2.2": 255,
      "last": 1020,
    ]
    var random = Random(state: 9)
    let input = bytes(16 * 6 * 7, &random).map { ($0 / 4).rounded(.down) * 2 }
    let found = try run(network.calibrated(ranges), input, [1, 16, 6, 7], Self.int8)
    #expect(found.steps.filter { $0.precision == .int8 }.count == 6)
    // What is added is bytes already, so there is nothing to convert but input and output.
    let copies = found.steps.map(\.name).filter { $0.hasSuffix("reorder") }
    #expect(copies.count <= 2, "\(copies)")
    // x, 2x, then 2x + 2 (2x / 2) = 4x.
    let wanted = input.map { 4 * $0 }
    let output = found.outputs[0]
    #expect(largestDifference(output.sorted(), wanted.sorted()) < 1e-3)
  }

  /// Halves from -50 to 77.5 are 0 to 255, less 100.
  @Test(.enabled(if: Engine.hasVNNI, "this CPU has no VNNI"), arguments: [false, true])
  func linearLayersReadNegativeBytesExactly(readsMap: Bool) throws {
    var random = Random(state: 3)
    let shape: Shape = readsMap ? [3, 16, 4, 5] : [3, 320]
    let input = bytes(3 * 320, &random).map { ($0 - 100) / 2 }
    var network = Network(inputChannels: shape[1])
    let layer = network.linear(
      network.input,
      weights: LayerWeights(
        try stored(weights(40, 320, &random), [40, 320]), biases: (0..<40).map(Float.init)),
      name: "fc")
    network.output(layer)
    let found = try run(network.calibrated(["fc": -50...77.5]), input, shape, Self.int8)
    let exact = try run(network, input, shape, PlanOptions(convolution: .direct))
    #expect(found.steps.contains { $0.precision == .int8 })
    // What zero adds is taken back from sums of some thousands.
    #expect(largestDifference(found.outputs[0], exact.outputs[0]) < 2e-3)
    #expect(input.contains { $0 < 0 })
  }

  /// A bottleneck whose 3x3 convolution takes its neighbours' bytes or bfloat16 as they lie.
  @Test(
    .enabled(
      if: Engine.hasBFloat16 && Engine.hasVNNI && !Engine.hasMatrixTiles, "another CPU"),
    arguments: [PlanOptions.Precision.bfloat16, .int8])
  func winogradReadsAndWritesWhatItsNeighboursKeep(precision: PlanOptions.Precision) throws {
    var random = Random(state: 10)
    var network = Network(inputChannels: 64)
    func convolution(
      _ input: Network.Value, _ size: Int, adding residual: Network.Value? = nil, name: String
    ) throws -> Network.Value {
      let scale = 2 / (64 * Float(size * size)).squareRoot()
      let values = random.values(64 * 64 * size * size).map { $0 * scale }
      return network.convolution(
        input,
        weights: LayerWeights(
          try stored(values, [64, 64, size, size]), biases: random.values(64)),
        window: .init(size: size, padding: size / 2), activation: .relu, adding: residual,
        name: name)
    }
    let start = try convolution(network.input, 1, name: "start")
    let middle = try convolution(start, 3, name: "middle")
    let sum = try convolution(middle, 1, adding: start, name: "sum")
    let second = try convolution(sum, 3, adding: sum, name: "second")
    network.output(try convolution(second, 1, name: "last"), order: .channelsLast)
    let ranges: [String: Float] = ["start": 1, "middle": 3, "sum": 3, "second": 5]
    let input = random.values(64 * 13 * 22).map(abs)
    let shape: Shape = [1, 64, 13, 22]
    let exact = try run(network, input, shape, PlanOptions(convolution: .direct))
    let found = try run(
      network.calibrated(ranges), input, shape, PlanOptions(precision: precision))
    #expect(found.steps.filter(\.isWinograd).map(\.name) == ["middle", "second"])
    #expect(found.steps.filter { $0.precision == .int8 }.isEmpty == (precision != .int8))
    // The input is brought into order, and what the last layer, in float32, reads.
    let copies = found.steps.map(\.name).filter { $0.hasSuffix("reorder") }
    #expect(copies.count <= 2, "\(copies)")
    #expect(error(found.outputs[0], exact.outputs[0]) < 0.06)
    #expect(found.outputs != exact.outputs)
  }

  /// Zeros around a map are no bytes of it, so a convolution reads no negative ones.
  @Test func convolutionsKeepTheirPrecisionOnNegativeRanges() throws {
    var random = Random(state: 3)
    var network = Network(inputChannels: 16)
    let layer = network.convolution(
      network.input, weights: LayerWeights(try stored(weights(24, 144, &random), [24, 16, 3, 3])),
      window: .init(size: 3, padding: 1), name: "conv")
    network.output(layer)
    #expect(!network.calibrated(["conv": -1...1]).isCalibrated)
    #expect(network.calibrated(["conv": 0...1]).isCalibrated)
  }

  @Test(.enabled(if: Engine.hasVNNI, "this CPU has no VNNI"))
  func valuesBeyondTheRangeAreCutOff() throws {
    var network = Network(inputChannels: 16)
    let ones = [Float](repeating: 1, count: 16 * 16)
    network.output(
      network.linear(
        network.input, weights: LayerWeights(try stored(ones, [16, 16])), name: "fc"))
    let input = [Float](repeating: 10, count: 16)
    let found = try run(network.calibrated(["fc": 4]), input, [1, 16], Self.int8).outputs[0]
    // 16 values of 10, of which 4 is the most that is told apart.
    #expect(found.allSatisfy { abs($0 - 64) < 1e-3 }, "\(found)")
  }

  /// oneDNN emulates bf16 on any CPU with AVX-512.
  @Test(
    .enabled(if: Engine.winogradLanes == 16, "this CPU has no AVX-512"),
    arguments: [1 << 30, 1 << 12])
  func bfloat16IsCloseToFloats(stripByteCount: Int) throws {
    var random = Random(state: 5)
    let input = random.values(3 * 40 * 36)
    let network = try deepNetwork()
    let exact = try run(network, input, [1, 3, 40, 36], PlanOptions(convolution: .direct))
    var options = PlanOptions(
      precision: .bfloat16, convolution: .direct, stripByteCount: stripByteCount)
    options.allowsEmulation = true
    let found = try run(network, input, [1, 3, 40, 36], options)
    #expect(
      found.steps.filter { $0.precision == .bfloat16 }.map(\.name)
        == ["second", "reduce", "sum", "third"])
    // Eight bits of mantissa: half a unit is 2^-9, and four layers add up to less than four of them
    // in a value and more in a sum of few.
    #expect(error(found.outputs[1], exact.outputs[1]) < 0.01)
    #expect(error(found.outputs[2], exact.outputs[2]) < 0.02)
    #expect(found.outputs != exact.outputs)
  }

  /// Where a float32 comes in, or values are multiplied often enough; in bf16 itself on a CPU that has it.
  @Test(.enabled(if: Engine.winogradLanes == 16 && !Engine.hasMatrixTiles, "another CPU"))
  func winogradTakesLayersFromBFloat16() throws {
    var random = Random(state: 5)
    let input = random.values(3 * 40 * 36)
    let network = try deepNetwork()
    let exact = try run(network, input, [1, 3, 40, 36], PlanOptions(convolution: .direct))
    var options = PlanOptions(precision: .bfloat16)
    options.allowsEmulation = true
    let found = try run(network, input, [1, 3, 40, 36], options)
    let native = Engine.hasBFloat16
    #expect(
      found.steps.filter(\.isWinograd).map(\.name) == (native ? ["second", "third"] : ["second"]))
    #expect(
      found.steps.filter { $0.precision == .bfloat16 }.map(\.name)
        == (native ? ["second"] : []) + ["reduce", "sum", "third"])
    // Products of transformed values in bf16 are off by up to three hundredths.
    #expect(error(found.outputs[1], exact.outputs[1]) < (native ? 0.03 : 0.01))
    #expect(error(found.outputs[2], exact.outputs[2]) < (native ? 0.06 : 0.02))
  }

  @Test func layersOfPicturesAndOutputsKeepTheirPrecision() throws {
    let network = try deepNetwork()
    #expect(network.lowPrecisionLayers == ["second", "reduce", "sum", "third"])
    #expect(!network.isCalibrated)
    #expect(network.calibrated(["second": 1]).isCalibrated)
    #expect(!network.calibrated(["first": 1, "scores": 1]).isCalibrated)
  }

  @Test func whatTheCPULacksIsComputedInFloats() throws {
    var random = Random(state: 6)
    let input = random.values(3 * 40 * 36)
    let network = try deepNetwork().calibrated(Self.ranges)
    for precision in [PlanOptions.Precision.bfloat16, .int8] where !precision.isSupported {
      let options = PlanOptions(precision: precision, convolution: .direct)
      #expect(options.effectivePrecision == .float32)
      let found = try run(network, input, [1, 3, 40, 36], options)
      let exact = try run(network, input, [1, 3, 40, 36], PlanOptions(convolution: .direct))
      #expect(found.outputs == exact.outputs)
    }
  }

  /// A matrix of 411 MB is not kept twice, so it is read back from what has been prepared.
  ///
  /// The extents of a square one do not tell which axis is that of the outputs.
  @Test(
    .enabled(if: Engine.hasVNNI && Engine.winogradLanes == 16, "this CPU has no AVX-512 VNNI"),
    arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
  func detectorsOfAllPrecisionsShareWeightsInAnyOrder(order: [Int]) throws {
    var random = Random(state: 8)
    let (first, second) = (random.values(320 * 40), random.values(40 * 40))
    let input = random.values(3 * 320).map(abs)
    var bfloat16 = PlanOptions(precision: .bfloat16)
    bfloat16.allowsEmulation = true
    let options = [PlanOptions(), bfloat16, Self.int8]
    func network() throws -> Network {
      var network = Network(inputChannels: 16)
      let hidden = network.linear(
        network.input, weights: LayerWeights(try stored(first, [40, 320])), activation: .relu,
        name: "map")
      network.output(
        network.linear(
          hidden, weights: LayerWeights(try stored(second, [40, 40])), name: "vector"))
      return network.calibrated(["map": 1, "vector": 16])
    }
    let shared = try network()
    for index in order {
      let alone = try run(network(), input, [3, 16, 4, 5], options[index])
      let found = try run(shared, input, [3, 16, 4, 5], options[index])
      #expect(found.outputs == alone.outputs, "\(options[index].precision) in \(order)")
      #expect(found.steps.map(\.precision) == alone.steps.map(\.precision))
    }
  }

  @Test func inputsAreObservedWhereTheyAreRead() throws {
    var random = Random(state: 7)
    let input = random.values(3 * 12 * 12)
    let network = try deepNetwork()
    let plain = try run(network, input, [1, 3, 12, 12], PlanOptions(convolution: .direct))
    let observed = try run(
      network.observingInputs, input, [1, 3, 12, 12], PlanOptions(convolution: .direct))
    #expect(observed.outputs.count == plain.outputs.count + 4)
    #expect(observed.outputs[2] == plain.outputs[2])
    // "reduce" and "third" read what pooling and the sum, both behind a ReLU, have made.
    #expect(observed.outputs[3...].allSatisfy { $0.allSatisfy { $0 >= 0 } && $0.max() ?? 0 > 0 })
  }
}

extension Network {
  /// The network with ranges from 0 on.
  func calibrated(_ ranges: [String: Float]) -> Network {
    calibrated(ranges.mapValues { 0...$0 })
  }
}
