import Tensors
import Testing

@testable import Networks

@Suite struct RandomVGG16Tests {
  @Test func hasTheNamesAndShapesOfVGG16() {
    let layers = Dictionary(
      uniqueKeysWithValues: RandomVGG16(classCount: 20).layers.map { ($0.name, $0.shape) })
    #expect(layers.count == 40)
    // The indices and widths of torchvision's `vgg16.features`.
    let widths = [
      0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512, 19: 512, 21: 512, 24: 512,
      26: 512, 28: 512,
    ]
    for (index, width) in widths {
      #expect(layers["backbone.features.\(index).weight"]?[0] == width)
    }
    #expect(layers["backbone.features.0.weight"] == [64, 3, 3, 3])
    #expect(layers["rpn.objectness.weight"] == [18, 512, 1, 1])
    #expect(layers["head.fc.0.weight"] == [4096, 25088])
    #expect(layers["head.boxes.weight"] == [84, 4096])
    #expect(layers["head.class.bias"] == [21])
    // VGG16's 14,714,688 convolution weights, the RPN's 2,387,510, the head's 119,545,856 for fc6
    // and fc7 and 430,185 for the two last layers.
    #expect(RandomVGG16().parameterCount == 14_714_688 + 2_387_510 + 119_545_856 + 430_185)
  }

  @Test func valuesHaveTheDeviationsOfTheNotes() throws {
    let dictionary = RandomVGG16(width: 0.125, seed: 7).stateDictionary()
    let deviations: [(String, Float)] = [
      ("rpn.conv.0.weight", 0.01), ("rpn.offsets.weight", 0.01), ("head.fc.0.weight", 0.01),
      ("head.boxes.weight", 0.001), ("head.class.weight", 0.01),
      // He-normal: the square root of 2 over the 64 inputs' 9 places each.
      ("backbone.features.28.weight", (2.0 / (64 * 9) as Float).squareRoot()),
    ]
    for (name, deviation) in deviations {
      let values = try #require(dictionary[name]).float32Values()
      let count = Float(values.count)
      let mean = values.reduce(0, +) / count
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      // Five standard errors of a sample's mean and deviation: one draw in a million misses.
      #expect(abs(mean) < 5 * deviation / count.squareRoot(), "\(name) has the mean \(mean)")
      #expect(abs(variance.squareRoot() / deviation - 1) < 5 / (2 * count).squareRoot(), "\(name)")
    }
    for name in dictionary.names where name.hasSuffix(".bias") {
      let values = try #require(dictionary[name]).float32Values()
      #expect(values.allSatisfy { $0 == 0 })
    }
  }

  @Test func equalSeedsGiveEqualWeights() throws {
    func weights(_ seed: UInt64, _ classCount: Int) -> [Float] {
      RandomVGG16(classCount: classCount, width: 0.0625, seed: seed)
        .stateDictionary()["rpn.conv.0.weight"]?.float32Values() ?? []
    }
    #expect(weights(1, 3) == weights(1, 20))
    #expect(weights(1, 3) != weights(2, 3))
    #expect(!weights(1, 3).isEmpty)
  }
}
