import Tensors
import Testing

@testable import Compute

/// Chains that are computed strip by strip, and Winograd's kernels, against the same chain computed
/// whole and by definition.
///
/// Direct strips multiply and add the same numbers, in an order that may differ with the kernel. Winograd's
/// transforms F(4x4, 3x3) multiply by up to 8 and cancel: errors grow about tenfold (Lavin and
/// Gray, arXiv:1509.09308, section 7), which the wider tolerance allows for.
struct StripTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var images: Int
    var channels: [Int]
    var height: Int
    var width: Int
    var roundsUp: Bool
    var pools: Bool

    var testDescription: String {
      "\(images)x\(channels)x\(height)x\(width), pooling \(pools), rounding up \(roundsUp)"
    }
  }

  static let cases = [
    Case(images: 1, channels: [3, 16, 16], height: 41, width: 33, roundsUp: true, pools: true),
    Case(images: 1, channels: [3, 16, 16], height: 41, width: 33, roundsUp: false, pools: true),
    Case(
      images: 2, channels: [16, 48, 32, 32], height: 40, width: 26, roundsUp: false, pools: true),
    Case(images: 1, channels: [32, 64, 64], height: 37, width: 20, roundsUp: false, pools: false),
    Case(images: 1, channels: [5, 7, 6], height: 24, width: 19, roundsUp: true, pools: true),
  ]

  /// A layer that ran directly gets Winograd's weights for a later plan, and back again.
  @Test func winogradMayFollowDirect() throws {
    let network = try network(Self.cases[3])
    let thread = try ComputeThread(name: "test", threadCount: 2)
    var random = Random(state: 9)
    let input = random.values(32 * 37 * 20)
    let results = try thread.run {
      try [PlanOptions.ConvolutionAlgorithm.direct, .fastest, .direct].map { algorithm in
        let plan = try Plan(
          network, inputShape: [1, 32, 37, 20], inputLayout: .rowMajor([1, 32, 37, 20]),
          arena: Arena(), options: PlanOptions(convolution: algorithm))
        #expect(
          plan.steps.contains(where: \.isWinograd)
            == (algorithm == .fastest && Engine.winogradLanes != nil))
        return try unsafe input.withUnsafeBytes { bytes in
          try unsafe plan.run(on: #require(bytes.baseAddress))
          return unsafe Array(plan.outputValues(0))
        }
      }
    }
    #expect(results[0] == results[2])
    #expect(largestDifference(results[1], results[0]) < 1e-3)
  }

  /// Room for the weights of one network: another runs directly until the first is gone.
  @Test(.enabled(if: Engine.winogradLanes != nil, "this CPU has no AVX2"))
  func weightsOfANetworkThatIsGoneMakeRoom() throws {
    let thread = try ComputeThread(name: "test", threadCount: 2)
    func kernels(_ network: Network, _ budget: WinogradBudget) throws -> [String] {
      try thread.run {
        try Plan(
          network, inputShape: [1, 32, 37, 20], inputLayout: .rowMajor([1, 32, 37, 20]),
          arena: Arena(), winogradBudget: budget
        ).steps.filter(\.isWinograd).map(\.kernel)
      }
    }
    // The second layer of 64 by 64 channels finds no room beside the first of 32 by 64.
    let bytes = 36 * 4 * 64 * 64
    let budget = WinogradBudget(limit: bytes + 36 * 4 * 32 * 64)
    let second = try network(Self.cases[3])
    do {
      let first = try network(Self.cases[3])
      #expect(try kernels(first, budget).count == 2)
      #expect(try kernels(second, budget).isEmpty)
      #expect(try kernels(first, budget).count == 2)
    }
    #expect(try kernels(second, budget).count == 2)
  }

  func network(_ given: Case) throws -> Network {
    var random = Random(state: 7)
    var network = Network(inputChannels: given.channels[0])
    var value = network.input
    for (index, (inputs, outputs)) in zip(given.channels, given.channels.dropFirst()).enumerated() {
      let scale = 1 / Float(9 * inputs).squareRoot()
      let weights = random.values(9 * inputs * outputs).map { $0 * scale }
      value = network.convolution(
        value,
        weights: LayerWeights(
          try stored(weights, [outputs, inputs, 3, 3]), biases: random.values(outputs)),
        window: .init(size: 3, padding: 1), activation: .relu, name: "conv\(index)")
    }
    if given.pools {
      value = network.maxPooling(
        value, window: .init(size: 2, stride: 2, roundsUp: given.roundsUp), name: "pool")
    }
    // Behind the chain, so that its result is read by another layer too.
    let channels = given.channels[given.channels.count - 1]
    value = network.convolution(
      value,
      weights: LayerWeights(try stored(random.values(4 * channels), [4, channels, 1, 1])),
      window: .init(size: 1), name: "last")
    network.output(value, order: .channelsLast)
    return network
  }

  func run(
    _ given: Case, _ options: PlanOptions, budget: WinogradBudget = WinogradBudget(),
    threads: Int = 2, moves: Bool = false
  ) throws -> (values: [Float], steps: [Plan.Step]) {
    var random = Random(state: 3)
    let shape: Shape = [given.images, given.channels[0], given.height, given.width]
    let input = random.values(shape.dimensions.reduce(1, *))
    let network = try network(given)
    let thread = try ComputeThread(name: "test", threadCount: threads)
    return try thread.run {
      let plan = try Plan(
        network, inputShape: shape, inputLayout: .rowMajor(shape), arena: Arena(), options: options,
        winogradBudget: budget)
      if moves {
        // The input may lie elsewhere in the next run: strips have to follow it.
        let other = [Float](repeating: 0, count: input.count)
        try unsafe other.withUnsafeBytes { try unsafe plan.run(on: #require($0.baseAddress)) }
      }
      return try unsafe input.withUnsafeBytes { bytes in
        try unsafe plan.run(on: #require(bytes.baseAddress))
        return (unsafe Array(plan.outputValues(0)), plan.steps)
      }
    }
  }

  @Test(arguments: cases) func stripsComputeTheSame(_ given: Case) throws {
    let whole = try run(given, PlanOptions(convolution: .direct))
    let strips = try run(given, PlanOptions(convolution: .direct, stripByteCount: 1), moves: true)
    #expect(strips.steps.count > whole.steps.count + 4)
    #expect(strips.values.count == whole.values.count)
    #expect(largestDifference(strips.values, whole.values) <= 1e-5)
  }

  @Test(arguments: cases) func winogradComputesTheSame(_ given: Case) throws {
    let direct = try run(given, PlanOptions(convolution: .direct))
    for limit in [1, 1 << 30] {
      let fastest = try run(given, PlanOptions(stripByteCount: limit))
      #expect(largestDifference(fastest.values, direct.values) <= 1e-4)
    }
  }

  /// However the work is shared, each tile's sums are added up in one order.
  @Test func winogradGivesTheSameBitsOnAnyNumberOfThreads() throws {
    let given = Case(
      images: 3, channels: [16, 64, 160], height: 10, width: 7, roundsUp: true, pools: true)
    let one = try run(given, PlanOptions(), threads: 1).values
    for threads in [2, 3, 16] {
      #expect(try run(given, PlanOptions(), threads: threads).values == one, "\(threads) threads")
    }
    let direct = try run(given, PlanOptions(convolution: .direct)).values
    #expect(largestDifference(one, direct) <= 1e-4)
  }

  /// The smallest maps there are, whose layouts may look alike.
  @Test(arguments: [(1, 1), (1, 5), (2, 1), (3, 3)])
  func winogradTakesTinyMaps(height: Int, width: Int) throws {
    let given = Case(
      images: 1, channels: [16, 32, 64], height: height, width: width, roundsUp: true, pools: true)
    let direct = try run(given, PlanOptions(convolution: .direct)).values
    for limit in [1, 1 << 30] {
      let fastest = try run(given, PlanOptions(stripByteCount: limit)).values
      #expect(largestDifference(fastest, direct) <= 1e-4)
    }
  }

  /// Strips of a second chain read rows of the first one's result where it lies.
  @Test(arguments: [PlanOptions.ConvolutionAlgorithm.direct, .fastest])
  func chainsFollowOneAnother(algorithm: PlanOptions.ConvolutionAlgorithm) throws {
    var random = Random(state: 21)
    var network = Network(inputChannels: 16)
    var value = network.input
    for (index, outputs) in [32, 64, 64].enumerated() {
      let inputs = network.channelCount(value)
      let scale = 1 / Float(9 * inputs).squareRoot()
      value = network.convolution(
        value,
        weights: LayerWeights(
          try stored(
            random.values(9 * inputs * outputs).map { $0 * scale }, [outputs, inputs, 3, 3]),
          biases: random.values(outputs)),
        window: .init(size: 3, padding: 1), activation: .relu, name: "conv\(index)")
      guard index != 1 else { continue }
      value = network.maxPooling(
        value, window: .init(size: 2, stride: 2, roundsUp: index == 0), name: "pool\(index)")
    }
    network.output(value, order: .channelsLast)
    let shape: Shape = [2, 16, 75, 18]
    let input = random.values(shape.count)
    let thread = try ComputeThread(name: "test", threadCount: 2)
    func values(_ options: PlanOptions) throws -> (values: [Float], parts: Int) {
      try thread.run { [network] in
        let plan = try Plan(
          network, inputShape: shape, inputLayout: .rowMajor(shape), arena: Arena(),
          options: options)
        return try unsafe input.withUnsafeBytes { bytes in
          try unsafe plan.run(on: #require(bytes.baseAddress))
          return unsafe (
            Array(plan.outputValues(0)), plan.steps.count { $0.name == "conv1" }
          )
        }
      }
    }
    let whole = try values(PlanOptions(convolution: .direct, stripByteCount: 1 << 30))
    let strips = try values(PlanOptions(convolution: algorithm, stripByteCount: 1))
    #expect(whole.parts == 1 && strips.parts > 2)
    #expect(largestDifference(strips.values, whole.values) <= 1e-4)
  }

  /// A value that something else reads is there before pooling, too.
  @Test func valuesThatAreReadAreNotPooledAlong() throws {
    var random = Random(state: 22)
    var network = Network(inputChannels: 32)
    let value = network.convolution(
      network.input, weights: LayerWeights(try stored(random.values(9 * 1024), [32, 32, 3, 3])),
      window: .init(size: 3, padding: 1), name: "conv")
    let pooled = network.maxPooling(value, window: .init(size: 2, stride: 2), name: "pool")
    network.output(pooled, order: .channelsLast)
    let shape: Shape = [1, 32, 9, 10]
    let input = random.values(shape.count)
    let thread = try ComputeThread(name: "test", threadCount: 2)
    func values(_ network: Network) throws -> (outputs: [[Float]], steps: [String]) {
      try thread.run {
        let plan = try Plan(
          network, inputShape: shape, inputLayout: .rowMajor(shape), arena: Arena())
        return try unsafe input.withUnsafeBytes { bytes in
          try unsafe plan.run(on: #require(bytes.baseAddress))
          return (
            (0..<plan.outputLayouts.count).map { unsafe Array(plan.outputValues($0)) },
            plan.steps.map(\.name)
          )
        }
      }
    }
    let along = try values(network)
    #expect(along.steps.contains("pool") == (Engine.winogradLanes == nil))
    network.output(value, order: .channelsLast)
    let apart = try values(network)
    #expect(apart.steps.contains("pool"))
    #expect(apart.outputs[0] == along.outputs[0])
    let (maxima, cells) = (apart.outputs[0], apart.outputs[1])
    for index in maxima.indices {
      let (channel, x, y) = (index % 32, index / 32 % 5, index / 160)
      var largest = -Float.infinity
      for row in 2 * y..<2 * y + 2 {
        for column in 2 * x..<2 * x + 2 {
          largest = max(largest, cells[(row * 10 + column) * 32 + channel])
        }
      }
      #expect(maxima[index] == largest)
    }
  }

  @Test func winogradIsTakenWhereTheCPUHasItAndMemoryAllows() throws {
    let given = Self.cases[3]
    func isWinograd(
      _ options: PlanOptions, _ budget: WinogradBudget = WinogradBudget()
    ) throws -> Bool {
      try run(given, options, budget: budget).steps.contains(where: \.isWinograd)
    }
    #expect(try isWinograd(PlanOptions()) == (Engine.winogradLanes != nil))
    #expect(try !isWinograd(PlanOptions(), WinogradBudget(limit: 0)))
    #expect(try !isWinograd(PlanOptions(convolution: .direct)))
  }

  @Test func winogradWeightsLeaveTheFileReadableForDirectOnes() throws {
    let weights = LayerWeights(try stored(Random.many(64 * 64 * 9), [64, 64, 3, 3]))
    var network = Network(inputChannels: 64)
    let value = network.convolution(
      network.input, weights: weights, window: .init(size: 3, padding: 1), name: "conv")
    network.output(value, order: .channelsLast)
    let shape: Shape = [1, 64, 16, 16]
    let input = Random.many(shape.dimensions.reduce(1, *))
    let thread = try ComputeThread(name: "test", threadCount: 1)
    let results = try thread.run { [network] () throws -> [[Float]] in
      try [PlanOptions(), PlanOptions(convolution: .direct)].map { options -> [Float] in
        let plan = try Plan(
          network, inputShape: shape, inputLayout: .rowMajor(shape), arena: Arena(),
          options: options)
        return try unsafe input.withUnsafeBytes { bytes in
          try unsafe plan.run(on: #require(bytes.baseAddress))
          return unsafe Array(plan.outputValues(0))
        }
      }
    }
    // Sums of 576 products of numbers below 1, of a size of about 8.
    #expect(largestDifference(results[0], results[1]) <= 1e-3)
  }
}

extension Random {
  static func many(_ count: Int) -> [Float] {
    var random = Random(state: 5)
    return random.values(count)
  }
}
