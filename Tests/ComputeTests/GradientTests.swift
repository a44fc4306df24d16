import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Compute

/// Every operation's gradient against what PyTorch computes for it in double precision: `gradients.py` in
/// `scripts/fixtures` wrote the numbers.
struct GradientTests {
  typealias Case = OperationTests.Case

  static let cases: [Case] = OperationTests.cases.filter { $0.kind != "local_response" }

  /// Cases that the tests of the forward pass have no numbers for.
  static let furtherCases: [Case] = {
    let file = OperationTests.folder.appendingPathComponent("gradients.json")
    do {
      return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
    } catch {
      Issue.record("\(file.path): \(error)")
      return []
    }
  }()

  static let tensors = Result {
    try Checkpoint.open(
      OperationTests.folder.appendingPathComponent("gradients.safetensors").path
    ).stateDictionary
  }

  /// A tensor of a case, wherever it stands.
  func tensor(_ given: Case, _ name: String) throws -> StoredTensor {
    try #require(try optionalTensor(given, name), "\(given.name).\(name)")
  }

  /// A tensor that a case may have, as the gradient of a weight.
  func optionalTensor(_ given: Case, _ name: String) throws -> StoredTensor? {
    let name = "\(given.name).\(name)"
    return try Self.tensors.get()[name] ?? OperationTests.tensors.get()[name]
  }

  /// Sums of up to 700 products in single precision: 2e-6 of the largest number was seen.
  static let tolerance: Float = 1e-5

  @Test(arguments: cases) func isPyTorchs(_ given: Case) throws {
    try check(given, OperationTests().network(given))
  }

  @Test(arguments: furtherCases) func isPyTorchsToo(_ given: Case) throws {
    let x = try tensor(given, "input.0")
    var network = Network(inputChannels: x.shape[1])
    let value: Network.Value
    switch given.kind {
    case "linear":
      value = network.linear(
        network.input,
        weights: LayerWeights(
          try tensor(given, "weight"), biases: try tensor(given, "bias").float32Values()),
        activation: given.function, name: given.name)
    case "softmax": value = network.softmax(network.input, name: given.name)
    case "maximum":
      var window = given.window
      window.roundsUp = given.rounds_up ?? false
      value = network.maxPooling(network.input, window: window, name: given.name)
    default: value = network.activation(network.input, given.function, name: given.name)
    }
    network.output(value)
    try check(given, network)
  }

  private func check(_ given: Case, _ network: Network) throws {
    let inputs = try (0..<given.inputs).map { try tensor(given, "input.\($0)") }
    let isPlain = network.outputs[0].order == .native
    let found = try step(
      network, inputs.map { ($0.shape, $0.float32Values()) },
      upstream: reordered(tensor(given, "upstream"), isPlain: isPlain))
    let output = try reordered(tensor(given, "output"), isPlain: isPlain)
    expect(found.output, output, "output")
    for index in inputs.indices {
      guard let wanted = try optionalTensor(given, "gradient.\(index)") else { continue }
      let gradient = try #require(found.inputs[index], "no gradient of input \(index)")
      expect(gradient, wanted.float32Values(), "input \(index)")
    }
    for name in ["weight", "bias"] {
      guard let wanted = try optionalTensor(given, "gradient.\(name)") else { continue }
      let gradient = try #require(found.parameters["\(given.name).\(name)"])
      expect(gradient, wanted.float32Values(), name)
    }
  }

  private func expect(_ found: [Float], _ wanted: [Float], _ what: String) {
    let largest = max(wanted.map(abs).max() ?? 1, .leastNormalMagnitude)
    #expect(found.count == wanted.count, "\(what)")
    let difference = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
    #expect(difference <= Self.tolerance * largest, "\(what): \(difference) of \(largest)")
  }

  /// Values in the order in which a plan hands an output out.
  private func reordered(_ tensor: StoredTensor, isPlain: Bool) -> [Float] {
    let (values, shape) = (tensor.float32Values(), tensor.shape)
    guard !isPlain, shape.rank == 4 else { return values }
    let (channels, area) = (shape[1], shape[2] * shape[3])
    return values.indices.map { index in
      let (image, cell, channel) = (
        index / (channels * area), index / channels % area, index % channels
      )
      return values[(image * channels + channel) * area + cell]
    }
  }
}

/// What one step of a training plan gives.
struct TrainingStepResult: Sendable {
  var output: [Float]
  var inputs: [[Float]?]
  var parameters: [String: [Float]]
  var statistics: [String: [Float]]
  var steps: [String]
}

/// Runs a network forward and, `times` times, backward, on a thread of its own.
func step(
  _ network: Network, _ inputs: [(shape: Shape, values: [Float])], upstream: [Float],
  times: Int = 1, differentiatesInputs: Bool = true,
  convolution: PlanOptions.ConvolutionAlgorithm = .direct,
  where isTrained: @escaping @Sendable (String) -> Bool = { _ in true }
) throws -> TrainingStepResult {
  let thread = try ComputeThread(name: "test", threadCount: 2)
  return try thread.run {
    let store = try ParameterStore([network], where: isTrained)
    var options = TrainingPlan.Options()
    options.differentiatesInputs = differentiatesInputs
    options.convolution = convolution
    let plan = try TrainingPlan(
      network, inputShapes: inputs.map(\.shape), parameters: store, options: options,
      arena: Arena())
    let blocks = try inputs.map { try MemoryBlock(copying: $0.values) }
    var output: [Float] = []
    for _ in 0..<times {
      try unsafe plan.forward(
        on: blocks.map { unsafe UnsafePointer($0.address.assumingMemoryBound(to: Float.self)) })
      output = plan.withOutput(0) { values in values.indices.map { values[$0] } }
      plan.setGradient(ofOutput: 0) { gradient in
        for index in gradient.indices { gradient[index] = upstream[index] }
      }
      try plan.backward()
    }
    withExtendedLifetime(blocks) {}
    return TrainingStepResult(
      output: output,
      inputs: inputs.indices.map { index in
        plan.withInputGradient(index) { values in values.indices.map { values[$0] } }
      },
      parameters: Dictionary(
        uniqueKeysWithValues: store.parameters.map { parameter in
          parameter.unscaleGradient()
          let gradient = parameter.update { _, gradient in gradient.indices.map { gradient[$0] } }
          return (parameter.name, gradient)
        }),
      statistics: Dictionary(
        uniqueKeysWithValues: store.statistics.map { parameter in
          (parameter.name, parameter.read { values in values.indices.map { values[$0] } })
        }),
      steps: plan.steps[plan.forwardCount...].map(\.name))
  }
}
