import Tensors
import Testing

@testable import Compute

/// Layers whose weights are read in several parts.
struct LayerWeightsTests {
  /// 4,117 outputs of 2,100 inputs are 34.6 MB, more than one part, and no whole number of blocks.
  static let shape: Shape = [4117, 2100, 1, 1]

  /// Weights that are k + 1 in all columns of row k, which float32 holds exactly.
  static func weights(_ shape: Shape) throws -> StoredTensor {
    let rows = try stored((1...shape[0]).map { Float($0) }, [shape[0]])
    return try #require(
      StoredTensor(
        elementType: .float32, shape: shape,
        strides: [1] + shape.dimensions.dropFirst().map { _ in 0 },
        storage: rows.storage, byteOffset: 0))
  }

  /// One input is 1 and all others 0, so that each output is one weight and no sum is rounded.
  @Test(arguments: [false, true])
  func everyRowComesToItsOutput(isScaled: Bool) throws {
    let shape = Self.shape
    let scales = (0..<shape[0]).map { isScaled && $0.isMultiple(of: 2) ? Float(0.5) : 1 }
    var network = Network(inputChannels: shape[1])
    let layer = network.convolution(
      network.input,
      weights: LayerWeights(
        try Self.weights(shape), outputScales: isScaled ? scales : nil),
      window: .init(size: 1), name: "conv")
    network.output(layer, order: .channelsLast)
    var input = [Float](repeating: 0, count: shape[1])
    input[1234] = 1
    let found = try run(network, input, [1, shape[1], 1, 1])[0]
    #expect(found == (0..<shape[0]).map { Float($0 + 1) * scales[$0] })
  }

  @Test func aFullyConnectedLayerIsReadInPartsToo() throws {
    let shape = Self.shape
    var network = Network(inputChannels: shape[1])
    let layer = network.linear(
      network.input, weights: LayerWeights(try Self.weights([shape[0], shape[1]])), name: "fc")
    network.output(layer)
    var input = [Float](repeating: 0, count: shape[1])
    input[7] = 1
    let found = try run(network, input, [1, shape[1], 1, 1])[0]
    #expect(found == (0..<shape[0]).map { Float($0 + 1) })
  }
}
