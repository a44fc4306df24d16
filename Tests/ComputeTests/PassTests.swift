import Tensors
import Testing

@testable import Compute

/// The passes of a plan, each by itself: none of these asks for a kernel.
struct PassTests {
  func weights(_ shape: Shape) throws -> LayerWeights {
    LayerWeights(try stored([Float](repeating: 0, count: shape.count), shape))
  }

  /// A convolution that keeps the extents.
  func add(
    _ network: inout Network, _ input: Network.Value, _ outputs: Int, size: Int = 3,
    activation: Network.Activation = .relu, adding: Network.Value? = nil, name: String
  ) throws -> Network.Value {
    network.convolution(
      input, weights: try weights([outputs, network.channelCount(input), size, size]),
      window: .init(size: size, padding: size / 2), activation: activation, adding: adding,
      name: name)
  }

  // MARK: Fusion

  @Test func aConvolutionTakesItsSumAndActivation() throws {
    var network = Network(inputChannels: 16)
    let first = try add(&network, network.input, 32, activation: .none, name: "first")
    let second = try add(&network, network.input, 32, activation: .none, name: "second")
    let sum = network.add(first, second, name: "sum")
    network.output(network.activation(sum, .relu, name: "relu"))
    let fused = Fusion(network).network
    #expect(fused.layers.map(\.name) == ["first", "second"])
    let convolution = try #require(fused.layers[1].operation as? Convolution)
    #expect(convolution.addend == fused.result(ofLayer: 0))
    #expect(convolution.activation == .relu)
    #expect(fused.outputs.map(\.value) == [fused.result(ofLayer: 1)])
  }

  @Test func whatIsReadElsewhereIsNotMerged() throws {
    var network = Network(inputChannels: 16)
    let first = try add(&network, network.input, 16, activation: .none, name: "first")
    let sum = network.add(first, network.input, name: "sum")
    let relu = network.activation(sum, .relu, name: "relu")
    network.output(first)
    network.output(sum)
    network.output(relu)
    #expect(Fusion(network).network.layers.map(\.name) == ["first", "sum", "relu"])
  }

  @Test func aSumEnlargesItsSecondMap() throws {
    var network = Network(inputs: [16, 16])
    let lateral = try add(&network, network.inputs[0], 16, activation: .none, name: "lateral")
    let enlarged = network.upsampleNearest(network.inputs[1], toSizeOf: lateral, name: "enlarged")
    network.output(network.add(enlarged, lateral, name: "sum"))
    let fused = Fusion(network).network
    #expect(fused.layers.map(\.name) == ["lateral", "sum"])
    let sum = try #require(fused.layers[1].operation as? Sum)
    #expect(sum.enlargesSecond)
    #expect(sum.inputs == [fused.result(ofLayer: 0), fused.inputs[1]])
  }

  // MARK: Extents

  @Test func extentsFollowPaddingStrideAndDilation() throws {
    var network = Network(inputChannels: 8)
    let value = network.convolution(
      network.input, weights: try weights([4, 8, 3, 5]),
      window: .init(size: 3, stride: 2, padding: .init(top: 1, left: 0, bottom: 2, right: 3)),
      name: "a")
    let dilated = network.convolution(
      value, weights: try weights([4, 1, 3, 3]), window: .init(size: 3, padding: 2, dilation: 2),
      groups: 4, name: "b")
    let extents = try Extents(network, inputs: [[2, 8, 10, 11]])
    // (10 + 1 + 2 - 3) / 2 + 1 rows and (11 + 3 - 5) / 2 + 1 columns.
    #expect(extents[value] == [2, 4, 6, 5])
    #expect(extents[dilated] == [2, 4, 6, 5])
  }

  @Test func valuesThatDoNotFitAreRefusedByName() throws {
    var network = Network(inputs: [4, 4])
    let sum = network.add(network.inputs[0], network.inputs[1], name: "merge2")
    network.output(sum)
    #expect {
      _ = try Extents(network, inputs: [[1, 4, 5, 5], [1, 4, 5, 6]])
    } throws: { "\($0)".contains("merge2") && "\($0)".contains("1x4x5x6") }
  }

  // MARK: Kernels

  static let vectors = KernelChoice.Processor(
    winogradLanes: 16, hasBFloat16: true, hasMatrixTiles: false)

  @Test func winogradTakesWhatItSuitsAndMayKeep() throws {
    var network = Network(inputChannels: 16)
    let first = try add(&network, network.input, 32, name: "first")
    let sum = try add(&network, first, 32, adding: first, name: "sum")
    let pointwise = try add(&network, sum, 32, size: 1, name: "pointwise")
    let swish = try add(&network, pointwise, 32, activation: .hardSwish, name: "swish")
    network.output(network.maxPooling(swish, window: .init(size: 2, stride: 2), name: "pool"))
    let all = KernelChoice(network, options: PlanOptions(), processor: Self.vectors) { _, _ in
      true
    }
    #expect(all.winogradLayers == [0, 1])
    var left = 36 * 4 * 16 * 32
    let one = KernelChoice(network, options: PlanOptions(), processor: Self.vectors) { _, bytes in
      guard bytes <= left else { return false }
      left -= bytes
      return true
    }
    #expect(one.winogradLayers == [0])
    let direct = KernelChoice(
      network, options: PlanOptions(convolution: .direct), processor: Self.vectors
    ) { _, _ in true }
    #expect(direct.winogradLayers.isEmpty)
  }

  @Test func aPoolingIsComputedAlongWhereNothingElseReads() throws {
    var network = Network(inputChannels: 32)
    let value = try add(&network, network.input, 32, name: "conv")
    network.output(network.maxPooling(value, window: .init(size: 2, stride: 2), name: "pool"))
    var choice = KernelChoice(network, options: PlanOptions(), processor: Self.vectors) { _, _ in
      true
    }
    #expect(choice.pooling(behind: 0) == 1)
    network.output(value)
    choice = KernelChoice(network, options: PlanOptions(), processor: Self.vectors) { _, _ in
      true
    }
    #expect(choice.pooling(behind: 0) == nil)
  }

  // MARK: Strips

  @Test func stripsCoverTheResultAndReadWhatTheyNeed() throws {
    var network = Network(inputChannels: 16)
    var value = try add(&network, network.input, 16, name: "a")
    value = try add(&network, value, 16, name: "b")
    network.output(network.maxPooling(value, window: .init(size: 2, stride: 2), name: "pool"))
    let extents = try Extents(network, inputs: [[1, 16, 41, 30]])
    let choice = KernelChoice(
      network, options: PlanOptions(convolution: .direct), processor: Self.vectors
    ) { _, _ in true }
    // A kernel works on its source and its result.
    let cuts = try StripCuts(network, extents, choice, limit: 1 << 16) { _, geometry, _ in
      4 * (geometry.input.reduce(1, *) + geometry.output.reduce(1, *))
    }
    let strips = try #require(cuts.strips[0])
    #expect(strips.layers == 0..<3 && strips.count > 2)
    var covered: Set<Int> = []
    for strip in 0..<strips.count {
      let ranges = strips.ranges(ofStrip: strip)
      covered.formUnion(ranges[3])
      // Two rows of the map a pooled row, and one more on each side for each convolution.
      #expect(ranges[2] == 2 * ranges[3].lowerBound..<2 * ranges[3].upperBound)
      #expect(
        ranges[0]
          == max(ranges[2].lowerBound - 2, 0)..<min(ranges[2].upperBound + 2, 41))
    }
    #expect(covered == Set(0..<20))
    let whole = try StripCuts(network, extents, choice, limit: 1 << 30) { _, _, _ in 1 }
    #expect(whole.strips.isEmpty)
  }

  // MARK: Placement

  /// Tensors that are needed together lie apart; one that takes over another's bytes lies there.
  @Test func tensorsThatAreNeededTogetherLieApart() throws {
    var schedule = Schedule()
    let memories = try (0..<4).map { _ in try Memory(.rowMajor([1, 1024])) }
    struct Nothing: NativeStep { func run() {} }
    func add(_ source: Memory?, _ destination: Memory, over root: Memory? = nil) {
      schedule.add(
        Schedule.Step(
          report: Plan.Step(
            name: "", kernel: "", precision: .float32, isWinograd: false, operationCount: 0,
            outputShape: [1, 1024]), work: .native(Nothing())),
        reading: source.map { [$0] } ?? [], writing: destination, over: root)
    }
    add(nil, memories[0])
    add(memories[0], memories[1])
    add(memories[1], memories[2], over: memories[1])
    add(memories[2], memories[3])
    let placement = Placement(schedule)
    #expect(placement.byteCount == 2 * 4096)
    #expect(placement.residents[1] == placement.residents[2])
    #expect(placement.residents[0] != placement.residents[1])
    #expect(placement.residents[3] == placement.residents[0])
  }
}
