import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Compute

/// Layers as they are in a training, against PyTorch in double precision: `learning_layers.py` in
/// `scripts/fixtures` wrote the numbers.
struct LearningLayerTests {
  static let tensors = Result {
    try Checkpoint.open(
      OperationTests.folder.appendingPathComponent("learning-layers.safetensors").path
    ).stateDictionary
  }

  private func tensor(_ name: String) throws -> StoredTensor {
    try #require(Self.tensors.get()[name], "\(name)")
  }

  private func values(_ name: String) throws -> [Float] { try tensor(name).float32Values() }

  private func expect(_ found: [Float]?, _ name: String, within tolerance: Float = 1e-5) throws {
    let (found, wanted) = (try #require(found, "\(name)"), try values(name))
    #expect(found.count == wanted.count, "\(name)")
    let largest = wanted.map(abs).max() ?? 1
    let difference = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
    #expect(difference <= tolerance * largest, "\(name): \(difference) of \(largest)")
  }

  @Test(arguments: [PlanOptions.ConvolutionAlgorithm.direct, .fastest])
  func convolutionIsPyTorchs(_ algorithm: PlanOptions.ConvolutionAlgorithm) throws {
    var network = Network(inputChannels: 32)
    let value = network.convolution(
      network.input,
      weights: LayerWeights(
        try tensor("convolution.weight"), biases: try values("convolution.bias")),
      window: .init(size: 3, padding: 1), activation: .relu, name: "layer")
    network.output(value)
    let x = try tensor("convolution.x")
    let found = try step(
      network, [(x.shape, x.float32Values())], upstream: values("convolution.upstream"),
      convolution: algorithm)
    // Winograd's transforms cost about a digit.
    let tolerance: Float = algorithm == .direct ? 1e-5 : 1e-4
    try expect(found.output, "convolution.output", within: tolerance)
    try expect(found.inputs[0], "convolution.gradient.x", within: tolerance)
    try expect(found.parameters["layer.weight"], "convolution.gradient.weight", within: tolerance)
    try expect(found.parameters["layer.bias"], "convolution.gradient.bias", within: tolerance)
    let transforms = found.steps.count { $0.hasSuffix(": transform") }
    #expect(transforms == (algorithm == .fastest && Engine.winogradLanes != nil ? 1 : 0))
  }

  @Test(arguments: ["batch_norm", "batch_norm_odd"])
  func batchNormalisationLearns(_ name: String) throws {
    let x = try tensor(name + ".x")
    let factors = NormalisationFactors(
      name: "norm", scale: try values(name + ".weight"), bias: try values(name + ".bias"),
      mean: try values(name + ".running_mean"), variance: try values(name + ".running_var"),
      epsilon: 1e-5)
    var network = Network(inputChannels: x.shape[1])
    network.output(
      network.batchNormalisation(
        network.input, factors: factors, activation: .relu, name: "norm"))
    let found = try step(
      network, [(x.shape, x.float32Values())], upstream: values(name + ".upstream"))
    try expect(found.output, name + ".output")
    try expect(found.inputs[0], name + ".gradient.x")
    try expect(found.parameters["norm.weight"], name + ".gradient.weight")
    try expect(found.parameters["norm.bias"], name + ".gradient.bias")
    try expect(found.statistics["norm.running_mean"], name + ".after.running_mean")
    try expect(found.statistics["norm.running_var"], name + ".after.running_var")
  }

  @Test(arguments: [5, 32]) func localResponseIsPyTorchs(_ channels: Int) throws {
    let name = "local_response_\(channels)"
    let x = try tensor(name + ".x")
    // Something has to learn: a factor of 1 for each channel does not change the numbers.
    let ones = (0..<channels * channels).map { Float($0 % (channels + 1) == 0 ? 1 : 0) }
    var learning = Network(inputChannels: channels)
    let copied = learning.convolution(
      learning.input, weights: LayerWeights(try stored(ones, [channels, channels, 1, 1])),
      window: .init(size: 1), name: "one")
    learning.output(
      learning.localResponseNormalisation(copied, size: 3, alpha: 0.3, beta: 0.75, name: "layer"))
    let found = try step(
      learning, [(x.shape, x.float32Values())], upstream: values(name + ".upstream"))
    try expect(found.output, name + ".output")
    try expect(found.inputs[0], name + ".gradient.x")
  }

  @Test func weightsBehindFrozenNormalisationLearnAsTheFileHasThem() throws {
    let (gamma, variance) = (try values("frozen.gamma"), try values("frozen.running_var"))
    let (beta, mean) = (try values("frozen.beta"), try values("frozen.running_mean"))
    let scales = zip(gamma, variance).map { Float(Double($0) / (Double($1) + 1e-5).squareRoot()) }
    let shifts = beta.indices.map { beta[$0] - mean[$0] * scales[$0] }
    let x = try tensor("frozen.x")
    var network = Network(inputChannels: 8)
    network.output(
      network.convolution(
        network.input,
        weights: LayerWeights(
          try tensor("frozen.weight"), biases: shifts, outputScales: scales, name: "named"),
        window: .init(size: 3, padding: 1), name: "layer"))
    let found = try step(
      network, [(x.shape, x.float32Values())], upstream: values("frozen.upstream"))
    try expect(found.output, "frozen.output")
    try expect(found.inputs[0], "frozen.gradient.x")
    try expect(found.parameters["named.weight"], "frozen.gradient.weight")
    // What normalisation made of biases that the file does not have is nothing to learn.
    #expect(found.parameters.count == 1)
  }

  @Test func descentIsPyTorchs() throws {
    let start = try values("descent.start")
    let (gradients, after) = (try values("descent.gradients"), try values("descent.after"))
    let thread = try ComputeThread(name: "test", threadCount: 2)
    let found = try thread.run {
      var network = Network(inputChannels: 1)
      network.output(
        network.linear(
          network.input, weights: LayerWeights(try stored(start, [40, 1])), name: "fc"))
      let store = try ParameterStore([network])
      let descent = try GradientDescent(store)
      var found: [[Float]] = []
      for step in 0..<6 {
        let gradient = Array(gradients[step * 40..<(step + 1) * 40])
        for (index, value) in gradient.enumerated() {
          // Safety: there are 40 numbers, as the parameter has.
          unsafe descent.parameters[0].gradientValues[index] = value
        }
        let norm = descent.finishGradients()
        let wanted = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(Double(norm) - wanted) < 1e-5 * wanted)
        descent.step(momentum: 0.9) { _ in .init(rate: 0.02, decay: 5e-4) }
        found.append(
          descent.parameters[0].read { values in values.indices.map { values[$0] } })
      }
      return found
    }
    for (step, values) in found.enumerated() {
      for (value, wanted) in zip(values, after[step * 40..<(step + 1) * 40]) {
        #expect(abs(value - wanted) < 5e-6, "step \(step)")
      }
    }
  }

  @Test func aNetworkIsDividedWhereItsLowestLearningLayerIs() throws {
    func layer(_ name: String) throws -> LayerWeights {
      LayerWeights(
        try stored([Float](repeating: 0.1, count: 16), [4, 4, 1, 1]), biases: [0, 0, 0, 0],
        name: name)
    }
    var network = Network(inputChannels: 4)
    let window = Network.Window(size: 1)
    let a = network.convolution(
      network.input, weights: try layer("a"), window: window, name: "a")
    let b = network.convolution(a, weights: try layer("b"), window: window, name: "b")
    let c = network.convolution(
      b, weights: try layer("c"), window: window, adding: a, name: "c")
    network.output(c)
    network.output(a)
    let divided = network.divided { $0 == "b" }
    let (frozen, learning) = (try #require(divided.frozen), try #require(divided.learning))
    #expect(frozen.layers.map(\.name) == ["a"])
    #expect(learning.layers.map(\.name) == ["b", "c"])
    #expect(divided.sources == [.frozen(0)])
    #expect(learning.outputs.count == 2)
    #expect(network.divided { _ in false }.learning == nil)
    let all = network.divided { _ in true }
    #expect(all.frozen == nil && all.sources == [.input(0)])
  }
}
