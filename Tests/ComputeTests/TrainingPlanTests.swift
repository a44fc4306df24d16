import Tensors
import Testing

@testable import Compute

struct TrainingPlanTests {
  /// A convolution's or matrix's weights with small numbers that no two of which are alike.
  private func weights(_ shape: Shape, seed: Int) throws -> LayerWeights {
    let values = (0..<shape.count).map { Float(($0 * 37 + seed * 11) % 101 - 50) / 200 }
    return LayerWeights(
      try stored(values, shape),
      biases: (0..<shape[0]).map { Float(($0 + seed) % 7 - 3) / 20 })
  }

  private func numbers(_ count: Int, seed: Int) -> [Float] {
    (0..<count).map { Float(($0 * 53 + seed * 17) % 89 - 44) / 44 }
  }

  /// A block with a residual, pooling and a fully connected layer behind a frozen convolution.
  private func network() throws -> Network {
    var network = Network(inputChannels: 3)
    let stem = try network.convolution(
      network.input, weights: weights([16, 3, 3, 3], seed: 1), window: .init(size: 3, padding: 1),
      activation: .relu, name: "stem")
    let first = try network.convolution(
      stem, weights: weights([16, 16, 3, 3], seed: 2), window: .init(size: 3, padding: 1),
      activation: .silu, name: "first")
    let sum = try network.convolution(
      first, weights: weights([16, 16, 1, 1], seed: 3), window: .init(size: 1),
      activation: .relu, adding: first, name: "second")
    let pooled = network.averagePooling(sum, window: .init(size: 2, stride: 2), name: "pool")
    let result = try network.linear(
      pooled, weights: weights([5, 16 * 3 * 4], seed: 4), name: "head")
    network.output(result)
    return network
  }

  private let shape: Shape = [2, 3, 6, 8]

  @Test func gradientIsTheLossesSlope() throws {
    let upstream = numbers(10, seed: 5)
    let input = numbers(shape.count, seed: 6)
    let found = try step(network(), [(shape, input)], upstream: upstream)
    let gradient = try #require(found.inputs[0])
    func loss(_ values: [Float]) throws -> Double {
      let output = try step(network(), [(shape, values)], upstream: upstream).output
      return zip(output, upstream).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }
    // The loss is about 1, so single precision leaves 1e-7 / 2^-7 of a difference; ReLU's kinks lie farther.
    let largest = Double(gradient.map(abs).max() ?? 0)
    for index in stride(from: 0, to: shape.count, by: 23) {
      var (above, below) = (input, input)
      above[index] += 1 / 128
      below[index] -= 1 / 128
      let slope = try (loss(above) - loss(below)) * 64
      #expect(abs(slope - Double(gradient[index])) < 0.02 * largest, "input \(index)")
    }
  }

  @Test func gradientsAddUp() throws {
    let upstream = numbers(10, seed: 5)
    let inputs = [(shape: shape, values: numbers(shape.count, seed: 6))]
    let once = try step(network(), inputs, upstream: upstream)
    let twice = try step(network(), inputs, upstream: upstream, times: 2)
    for (name, gradient) in once.parameters {
      #expect(twice.parameters[name] == gradient.map { 2 * $0 }, "\(name)")
    }
    // The inputs' is that of the last pass.
    #expect(twice.inputs == once.inputs)
  }

  @Test func nothingIsComputedBelowWhatLearns() throws {
    let found = try step(
      network(), [(shape, numbers(shape.count, seed: 6))], upstream: numbers(10, seed: 5),
      differentiatesInputs: false, where: { $0 == "second" || $0 == "head" })
    #expect(
      Set(found.parameters.keys) == ["second.weight", "second.bias", "head.weight", "head.bias"])
    #expect(found.steps.contains { $0.hasPrefix("second: weights") })
    #expect(!found.steps.contains { $0.hasPrefix("second: source") })
    #expect(!found.steps.contains { $0.hasPrefix("first") || $0.hasPrefix("stem") })
    #expect(found.inputs == [nil])
  }

  @Test func sharedWeightsGetTheSumOfTheirGradients() throws {
    let shared = try weights([16, 16, 3, 3], seed: 7)
    let shape: Shape = [1, 16, 5, 4]
    func network(_ inputs: Int) -> Network {
      var network = Network(inputs: [Int](repeating: 16, count: inputs))
      let results = network.inputs.map { input in
        network.convolution(
          input, weights: shared, window: .init(size: 3, padding: 1), name: "shared")
      }
      network.output(results.dropFirst().reduce(results[0]) { network.add($0, $1, name: "sum") })
      return network
    }
    let upstream = numbers(shape.count, seed: 8)
    let values = [numbers(shape.count, seed: 9), numbers(shape.count, seed: 10)]
    let alone = try values.map { try step(network(1), [(shape, $0)], upstream: upstream) }
    let both = try step(network(2), values.map { (shape, $0) }, upstream: upstream)
    for name in ["shared.weight", "shared.bias"] {
      let (first, second) = try (
        #require(alone[0].parameters[name]), #require(alone[1].parameters[name])
      )
      let sum = try #require(both.parameters[name])
      // Each of the two is rounded before they are added, here and there: a place of 1.
      for (found, wanted) in zip(sum, zip(first, second).map { $0 + $1 }) {
        #expect(abs(found - wanted) < 2e-5, "\(name)")
      }
    }
  }

  @Test func stepsAgainstTheGradientLowerALoss() throws {
    let thread = try ComputeThread(name: "test", threadCount: 2)
    let (network, shape) = (try network(), shape)
    let (input, target) = (numbers(shape.count, seed: 6), numbers(10, seed: 11))
    let losses = try thread.run {
      let store = try ParameterStore([network])
      let plan = try TrainingPlan(
        network, inputShapes: [shape], parameters: store, arena: Arena())
      let block = try MemoryBlock(copying: input)
      var losses: [Float] = []
      for _ in 0..<20 {
        try unsafe plan.forward(
          on: [UnsafePointer(block.address.assumingMemoryBound(to: Float.self))])
        let output = plan.withOutput(0) { values in values.indices.map { values[$0] } }
        losses.append(zip(output, target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
        plan.setGradient(ofOutput: 0) { gradient in
          for index in gradient.indices { gradient[index] = 2 * (output[index] - target[index]) }
        }
        store.clearGradients()
        try plan.backward()
        for parameter in store.parameters {
          parameter.update { values, gradient in
            for index in values.indices { values[index] -= 0.01 * gradient[index] }
          }
        }
      }
      withExtendedLifetime(block) {}
      return losses
    }
    #expect(zip(losses, losses.dropFirst()).allSatisfy { $0 > $1 }, "\(losses)")
    #expect(losses[19] < losses[0] / 4, "\(losses)")
  }

  @Test func whatHasNoGradientIsNamed() throws {
    var network = Network(inputChannels: 4)
    network.output(network.softmax(network.input, name: "over-maps"))
    let (refused, input) = (network, (shape: Shape([1, 4, 5, 5]), values: numbers(100, seed: 1)))
    let error = #expect(throws: ComputeError.self) {
      _ = try step(refused, [input], upstream: [])
    }
    #expect(error?.operation == "over-maps")
  }

  @Test func networkInWhichNothingLearnsIsRefused() throws {
    let error = #expect(throws: ComputeError.self) {
      _ = try step(
        network(), [(shape, numbers(shape.count, seed: 6))], upstream: [],
        differentiatesInputs: false, where: { _ in false })
    }
    #expect(error?.reason == "no output depends on a parameter")
  }
}
