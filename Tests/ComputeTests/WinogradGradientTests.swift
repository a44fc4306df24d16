import CConvolutionKernels
import Tensors
import Testing

@testable import Compute

/// The gradient of a convolution's weights by Winograd's algorithm, against the definition in double precision.
struct WinogradGradientTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var images = 1
    var inputs: Int
    var outputs: Int
    var height: Int
    var width: Int

    var testDescription: String { "\(images)x\(inputs)x\(height)x\(width) to \(outputs)" }
  }

  static let cases = [
    // One block of output channels; tiles that are cut off at both edges.
    Case(inputs: 16, outputs: 16, height: 33, width: 34),
    // Two images, of which the threads' parts of the tiles are not one each, and three blocks.
    Case(images: 2, inputs: 32, outputs: 48, height: 25, width: 30),
    // So many sums that threads share the output channels, of which one has more than the other.
    Case(inputs: 192, outputs: 208, height: 32, width: 33),
  ]

  @Test(.enabled(if: Engine.winogradLanes != nil, "this CPU has no AVX2"), arguments: cases)
  func isTheSumOfProducts(_ given: Case) throws {
    var random = Random(state: 17)
    let (height, width) = (given.height, given.width)
    let area = height * width
    let source = random.values(given.images * given.inputs * area)
    let upstream = random.values(given.images * given.outputs * area)
    let weights = try stored(
      random.values(9 * given.inputs * given.outputs), [given.outputs, given.inputs, 3, 3])
    var network = Network(inputChannels: given.inputs)
    network.output(
      network.convolution(
        network.input,
        weights: LayerWeights(weights, biases: random.values(given.outputs)),
        window: .init(size: 3, padding: 1), name: "layer"))
    // Two passes, whose gradients add up.
    for times in 1...2 {
      let found = try step(
        network, [([given.images, given.inputs, height, width], source)], upstream: upstream,
        times: times, convolution: .fastest)
      let gradient = try #require(found.parameters["layer.weight"])
      let largest = try #require(gradient.map(abs).max())
      var worst = 0.0
      // Some weights: their distance has no factor in common with the numbers of channels and of cells.
      for index in stride(from: 0, to: gradient.count, by: given.inputs > 64 ? 217 : 31) {
        let (pair, cell) = index.quotientAndRemainder(dividingBy: 9)
        let (output, input) = pair.quotientAndRemainder(dividingBy: given.inputs)
        var sum = 0.0
        for image in 0..<given.images {
          let to = (image * given.outputs + output) * area
          let from = (image * given.inputs + input) * area
          for y in max(0, 1 - cell / 3)..<min(height, height + 1 - cell / 3) {
            for x in max(0, 1 - cell % 3)..<min(width, width + 1 - cell % 3) {
              sum +=
                Double(upstream[to + y * width + x])
                * Double(source[from + (y + cell / 3 - 1) * width + x + cell % 3 - 1])
            }
          }
        }
        worst = max(worst, abs(sum * Double(times) - Double(gradient[index])))
      }
      // 1e-6 of the largest number was seen.
      #expect(worst <= 1e-5 * Double(largest), "\(worst) of \(largest)")
      let biases = try #require(found.parameters["layer.bias"])
      for (output, bias) in biases.enumerated() {
        let sum = (0..<given.images).reduce(0.0) { sum, image in
          let first = (image * given.outputs + output) * area
          return sum + upstream[first..<first + area].reduce(0.0) { $0 + Double($1) }
        }
        #expect(abs(sum * Double(times) - Double(bias)) <= 1e-4, "output \(output)")
      }
    }
  }

  @Test func mapsOfFewTilesAreComputedDirectly() throws {
    let weights = LayerWeights(
      try stored([Float](repeating: 0, count: 9 * 1024), [32, 32, 3, 3]), biases: nil)
    func kernel(_ height: Int, _ width: Int) throws -> WinogradGradientKernel? {
      var network = Network(inputChannels: 32)
      _ = network.convolution(
        network.input, weights: weights, window: .init(size: 3, padding: 1), name: "layer")
      let convolution = try #require(network.layers[0].operation as? Convolution)
      let extents = [1, 32, height, width]
      return WinogradGradientKernel(
        convolution, convolution.geometry(extents, extents), lanes: 16)
    }
    #expect(try kernel(28, 28) == nil)
    #expect(try kernel(32, 32) != nil)
  }
}
