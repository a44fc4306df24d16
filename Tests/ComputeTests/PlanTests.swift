import Tensors
import Testing

@testable import Compute

/// A small deterministic generator, so that a failure can be run again.
struct Random {
  var state: UInt64

  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(state >> 40) / Float(1 << 24) * 2 - 1
  }

  mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
}

/// The largest difference between values in the same place; infinite where one is a NaN or there are
/// other counts.
func largestDifference(_ found: [Float], _ wanted: [Float]) -> Float {
  guard found.count == wanted.count else { return .infinity }
  return zip(found, wanted).reduce(0) { most, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(most, difference)
  }
}

/// A stored tensor of float32 values.
func stored(_ values: [Float], _ shape: Shape) throws -> StoredTensor {
  let bytes = values.flatMap { value in
    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }
  return try #require(
    StoredTensor(
      elementType: .float32, shape: shape, storage: ByteStorage(copying: bytes), byteOffset: 0))
}

/// Runs a network on row-major input and returns each output in the plan's own layout; convolutions
/// by definition, because Winograd's have a tolerance and tests (`WinogradTests`) of their own.
func run(_ network: Network, _ input: [Float], _ shape: Shape, threads: Int = 2) throws -> [[Float]]
{
  let thread = try ComputeThread(name: "test", threadCount: threads)
  return try thread.run {
    let plan = try Plan(
      network, inputShape: shape, inputLayout: .rowMajor(shape), arena: Arena(),
      options: PlanOptions(convolution: .direct))
    return try unsafe input.withUnsafeBytes { bytes in
      try unsafe plan.run(on: #require(bytes.baseAddress))
      return (0..<plan.outputLayouts.count).map { unsafe Array(plan.outputValues($0)) }
    }
  }
}

/// Layers against their definitions, computed in double precision by plain loops.
///
/// The tolerance is that of float32 sums of up to 27 x 8 products of numbers below 1: an absolute
/// error of a few times 2^-24 times the number of terms.
struct PlanTests {
  let tolerance: Float = 2e-5

  /// A convolution by definition, in NHWC order.
  func convolution(
    _ input: [Float], _ shape: Shape, _ weights: [Float], _ kernel: Shape, _ biases: [Float],
    _ window: Network.Window, residual: [Float]? = nil, relu: Bool
  ) -> [Float] {
    let (n, c, h, w) = (shape[0], shape[1], shape[2], shape[3])
    let (k, size) = (kernel[0], kernel[2])
    let (rows, columns) = (window.rows().count(h), window.columns().count(w))
    let padding = window.padding.top
    var result: [Float] = []
    for image in 0..<n {
      for y in 0..<rows {
        for x in 0..<columns {
          for output in 0..<k {
            var sum = Double(biases[output])
            for channel in 0..<c {
              for dy in 0..<size {
                for dx in 0..<size {
                  let row: Int = y * window.stride + dy - padding
                  let column: Int = x * window.stride + dx - padding
                  guard (0..<h).contains(row), (0..<w).contains(column) else { continue }
                  sum +=
                    Double(input[((image * c + channel) * h + row) * w + column])
                    * Double(weights[((output * c + channel) * size + dy) * size + dx])
                }
              }
            }
            if let residual { sum += Double(residual[result.count]) }
            result.append(Float(relu ? max(sum, 0) : sum))
          }
        }
      }
    }
    return result
  }

  func expectClose(_ found: [Float], _ wanted: [Float], _ comment: Comment) {
    #expect(found.count == wanted.count, comment)
    #expect(largestDifference(found, wanted) <= tolerance, comment)
  }

  @Test(arguments: [
    // channels, outputs, kernel, stride, padding, images
    [3, 16, 3, 1, 1, 1], [16, 32, 3, 1, 1, 2], [8, 18, 1, 1, 0, 1], [3, 8, 7, 2, 3, 1],
    [24, 24, 3, 2, 1, 1], [5, 7, 1, 2, 0, 2],
  ])
  func convolutionIsItsDefinition(_ c: [Int]) throws {
    let shape: Shape = [c[5], c[0], 13, 17]
    let kernel: Shape = [c[1], c[0], c[2], c[2]]
    let window = Network.Window(size: c[2], stride: c[3], padding: c[4])
    var random = Random(state: 7)
    let input = random.values(shape.count)
    let weights = random.values(kernel.count)
    let biases = random.values(c[1])
    for relu in [false, true] {
      var network = Network(inputChannels: c[0])
      let layer = network.convolution(
        network.input, weights: LayerWeights(try stored(weights, kernel), biases: biases),
        window: window, activation: relu ? .relu : .none, name: "conv")
      network.output(layer, order: .channelsLast)
      let found = try run(network, input, shape)
      let wanted = convolution(input, shape, weights, kernel, biases, window, relu: relu)
      // 7 x 7 x 3 or 9 x 24 products: see the suite's tolerance.
      expectClose(found[0], wanted, "\(c) relu \(relu)")
    }
  }

  /// Outputs that fill vectors of 8 and of 16 together, in part, and across their ends.
  @Test(
    arguments: [[12, 3], [3, 12], [18, 36], [7, 1, 20], [16, 16], [40]],
    [[1, 5, 13], [2, 8, 7]])
  func narrowLayersOfAMapAreEachTheirDefinition(_ columns: [Int], _ map: [Int]) throws {
    var random = Random(state: 11)
    let shape: Shape = [map[0], 16, map[1], map[2]]
    let input = random.values(shape.count)
    // A copy of the map that a layer has made, so that its order is known.
    let identity = (0..<16 * 16).map { Float($0 / 16 == $0 % 16 ? 1 : 0) }
    var network = Network(inputChannels: 16)
    let copy = network.convolution(
      network.input, weights: LayerWeights(try stored(identity, [16, 16, 1, 1])),
      window: .init(size: 1), name: "copy")
    var wanted: [[Float]] = []
    for count in columns {
      let weights = random.values(count * 16)
      let biases = random.values(count)
      let layer = network.convolution(
        copy, weights: LayerWeights(try stored(weights, [count, 16, 1, 1]), biases: biases),
        window: .init(size: 1), name: "narrow")
      network.output(layer, order: .channelsLast)
      wanted.append(
        convolution(
          input, shape, weights, [count, 16, 1, 1], biases, .init(size: 1), relu: false))
    }
    let found = try run(network, input, shape)
    for (number, values) in wanted.enumerated() {
      expectClose(found[number], values, "\(columns[number]) of \(columns)")
    }
  }

  @Test func outputScalesMultiplyTheWeights() throws {
    var random = Random(state: 8)
    let input = random.values(4 * 5 * 5)
    let weights = random.values(6 * 4)
    let scales = random.values(6)
    var network = Network(inputChannels: 4)
    let layer = network.convolution(
      network.input,
      weights: LayerWeights(try stored(weights, [6, 4, 1, 1]), outputScales: scales),
      window: .init(size: 1), name: "conv")
    network.output(layer, order: .channelsLast)
    let folded = weights.enumerated().map { $1 * scales[$0 / 4] }
    let wanted = convolution(
      input, [1, 4, 5, 5], folded, [6, 4, 1, 1], [Float](repeating: 0, count: 6), .init(size: 1),
      relu: false)
    expectClose(try run(network, input, [1, 4, 5, 5])[0], wanted, "scaled")
  }

  @Test(arguments: [false, true])
  func residualIsAddedBeforeTheActivation(residualIsReadAgain: Bool) throws {
    // As in a ResNet block; where the residual is an output too, it must survive the sum.
    var random = Random(state: 9)
    let shape: Shape = [2, 16, 6, 9]
    let input = random.values(shape.count)
    let first = random.values(16 * 16)
    let second = random.values(16 * 16 * 9)
    let none = [Float](repeating: 0, count: 16)
    var network = Network(inputChannels: 16)
    let identity = network.convolution(
      network.input, weights: LayerWeights(try stored(first, [16, 16, 1, 1])),
      window: .init(size: 1), activation: .relu, name: "first")
    let sum = network.convolution(
      identity, weights: LayerWeights(try stored(second, [16, 16, 3, 3])),
      window: .init(size: 3, padding: 1), activation: .relu, adding: identity, name: "second")
    network.output(sum, order: .channelsLast)
    if residualIsReadAgain { network.output(identity, order: .channelsLast) }
    let found = try run(network, input, shape)

    let wantedIdentity = convolution(
      input, shape, first, [16, 16, 1, 1], none, .init(size: 1), relu: true)
    var planar = [Float](repeating: 0, count: shape.count)
    for n in 0..<2 {
      for c in 0..<16 {
        for cell in 0..<54 {
          planar[(n * 16 + c) * 54 + cell] = wantedIdentity[(n * 54 + cell) * 16 + c]
        }
      }
    }
    let wanted = convolution(
      planar, shape, second, [16, 16, 3, 3], none, .init(size: 3, padding: 1),
      residual: wantedIdentity, relu: true)
    expectClose(found[0], wanted, "sum")
    if residualIsReadAgain { expectClose(found[1], wantedIdentity, "identity") }
  }

  @Test func maxPoolingRoundsDownOrUp() throws {
    // 5 columns by windows of 2: two of them, or three with the last one cut off.
    let input: [Float] = (0..<16).flatMap { c in (0..<15).map { Float($0 + 100 * c) } }
    for (roundsUp, cells) in [(false, [6, 8]), (true, [6, 8, 9, 11, 13, 14])] {
      var network = Network(inputChannels: 16)
      let pooled = network.maxPooling(
        network.input, window: .init(size: 2, stride: 2, roundsUp: roundsUp), name: "pool")
      network.output(pooled, order: .channelsLast)
      let found = try run(network, input, [1, 16, 3, 5])[0]
      #expect(found == cells.flatMap { cell in (0..<16).map { Float(cell + 100 * $0) } })
    }
  }

  @Test func paddingNeverWinsAMaximum() throws {
    var network = Network(inputChannels: 8)
    let pooled = network.maxPooling(
      network.input, window: .init(size: 3, stride: 2, padding: 1), name: "pool")
    network.output(pooled, order: .channelsLast)
    let found = try run(network, [Float](repeating: -2, count: 8 * 16), [1, 8, 4, 4])[0]
    #expect(found == [Float](repeating: -2, count: 8 * 4))
  }

  @Test func linearReadsMapsInChannelRowColumnOrder() throws {
    var random = Random(state: 10)
    let input = random.values(3 * 32 * 7 * 7)
    let weights = random.values(10 * 32 * 49).map { $0 / 16 }
    let biases = random.values(10)
    var network = Network(inputChannels: 32)
    let layer = network.linear(
      network.input,
      weights: LayerWeights(try stored(weights, [10, 32 * 49]), biases: biases),
      activation: .relu, name: "fc")
    network.output(layer)
    let found = try run(network, input, [3, 32, 7, 7])[0]
    let wanted = (0..<30).map { index -> Float in
      let (row, output) = (index / 10, index % 10)
      var sum = Double(biases[output])
      for i in 0..<1568 {
        sum += Double(input[row * 1568 + i]) * Double(weights[output * 1568 + i])
      }
      return Float(max(sum, 0))
    }
    expectClose(found, wanted, "linear")
  }

  @Test func globalAverageIsTheMean() throws {
    var random = Random(state: 11)
    let input = random.values(2 * 16 * 49)
    var network = Network(inputChannels: 16)
    let layer = network.globalAveragePooling(network.input, name: "mean")
    network.output(layer, order: .channelsLast)
    let found = try run(network, input, [2, 16, 7, 7])[0]
    let wanted = (0..<32).map { i in input[i * 49..<(i + 1) * 49].reduce(0, +) / 49 }
    expectClose(found, wanted, "mean")
  }

  @Test func softmaxSumsToOneAndSurvivesLargeLogits() throws {
    var network = Network(inputChannels: 3)
    network.output(network.softmax(network.input, name: "softmax"), order: .channelsLast)
    let found = try run(network, [1, 2, 3, 1000, 1000, -1000], [2, 3])[0]
    // e^k / (e + e^2 + e^3), by hand.
    expectClose(found, [0.090_030_57, 0.244_728_47, 0.665_240_96, 0.5, 0.5, 0], "softmax")
  }

  @Test func threadCountChangesNothingButRounding() throws {
    var random = Random(state: 12)
    let input = random.values(3 * 40 * 56)
    let weights = random.values(32 * 27)
    func once(_ threads: Int) throws -> [Float] {
      var network = Network(inputChannels: 3)
      let layer = network.convolution(
        network.input, weights: LayerWeights(try stored(weights, [32, 3, 3, 3])),
        window: .init(size: 3, padding: 1), name: "conv")
      network.output(layer, order: .channelsLast)
      return try run(network, input, [1, 3, 40, 56], threads: threads)[0]
    }
    expectClose(try once(1), try once(2), "threads")
  }

  @Test func plansOfManySizesShareWeightsAndArena() throws {
    var random = Random(state: 13)
    let weights = LayerWeights(try stored(random.values(32 * 27), [32, 3, 3, 3]))
    let deep = LayerWeights(try stored(random.values(32 * 32 * 9), [32, 32, 3, 3]))
    let thread = try ComputeThread(name: "test", threadCount: 2)
    let input = random.values(3 * 64 * 80)
    let (values, prepared, arena) = try thread.run {
      var network = Network(inputChannels: 3)
      let first = network.convolution(
        network.input, weights: weights, window: .init(size: 3, padding: 1), name: "a")
      let second = network.convolution(
        first, weights: deep, window: .init(size: 3, padding: 1), name: "b")
      network.output(second, order: .channelsLast)
      let arena = Arena()
      var values: [[Float]] = []
      var plans: [Plan] = []
      weak var outgrown: MemoryBlock?
      for (h, w) in [(33, 47), (64, 80), (33, 47)] {
        let plan = try Plan(
          network, inputShape: [1, 3, h, w], inputLayout: .rowMajor([1, 3, h, w]), arena: arena,
          options: PlanOptions(convolution: .direct))
        plans.append(plan)
        unsafe try input.withUnsafeBytes { try unsafe plan.run(on: #require($0.baseAddress)) }
        values.append(unsafe Array(plan.outputValues(0)))
        if plans.count == 1 { outgrown = arena.block }
      }
      #expect(outgrown == nil, "a plan keeps the memory that the arena has outgrown")
      // The first plan again, after the arena was used by others.
      unsafe try input.withUnsafeBytes { try unsafe plans[0].run(on: #require($0.baseAddress)) }
      values.append(unsafe Array(plans[0].outputValues(0)))
      return (values, deep.preparedByteCount, (arena.byteCount, plans.map(\.arenaByteCount).max()))
    }
    #expect(values[0] == values[2])
    #expect(values[0] == values[3])
    #expect(prepared == 32 * 32 * 9 * 4, "one copy of the weights")
    #expect(arena.0 == arena.1)
  }

  @Test func inputsThatAreTooSmallAreRefusedByName() throws {
    var network = Network(inputChannels: 3)
    let layer = network.convolution(
      network.input,
      weights: LayerWeights(try stored([Float](repeating: 0, count: 8 * 27), [8, 3, 3, 3])),
      window: .init(size: 3), name: "conv1_1")
    network.output(layer)
    let thread = try ComputeThread(name: "test", threadCount: 1)
    let network2 = network
    #expect {
      try thread.run { _ = try Plan(network2, inputShape: [1, 3, 2, 2], arena: Arena()) }
    } throws: { "\($0)".contains("conv1_1") && "\($0)".contains("1x3x2x2") }
  }
}
