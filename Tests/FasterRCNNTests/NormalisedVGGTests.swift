import Checkpoints
import Detection
import Foundation
import Tensors
import Testing

@testable import FasterRCNN

/// C61: torchvision's `vgg16_bn` under simple-faster-rcnn's names, whose batch normalisation is folded into its
/// convolutions.
@Suite struct NormalisedVGGTests {
  /// Where `features` of torchvision's `vgg16` and `vgg16_bn` have their convolutions; the normalisation comes
  /// behind each.
  private static let plain = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
  private static let normalised = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]

  private static func tensor(_ values: [Float], _ shape: Shape) -> StoredTensor? {
    StoredTensor(
      elementType: .float32, shape: shape,
      storage: ByteStorage(copying: unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }),
      byteOffset: 0)
  }

  /// The same network with normalisation, whose convolutions undo what that does.
  private static func normalise(_ state: inout StateDictionary) throws {
    var random = SplitMix64(seed: 61)
    let original = state
    for index in plain {
      for part in ["weight", "bias"] { state["extractor.\(index).\(part)"] = nil }
    }
    for (from, to) in zip(plain, normalised) {
      let weight = try #require(original["extractor.\(from).weight"])
      let bias = try #require(original["extractor.\(from).bias"]).float32Values()
      let (count, size) = (weight.shape[0], weight.shape.count / weight.shape[0])
      func draw(_ range: ClosedRange<Float>) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &random) }
      }
      let (gamma, beta) = (draw(0.5...2), draw(-1...1))
      let (mean, variance) = (draw(-1...1), draw(0.25...4))
      // y = (w x + b - mean) / sqrt(variance + 1e-5) * gamma + beta
      let scales = zip(gamma, variance).map { $0 / ($1 + 1e-5).squareRoot() }
      let weights = weight.float32Values().enumerated().map { $1 / scales[$0 / size] }
      let biases = (0..<count).map { (bias[$0] - beta[$0]) / scales[$0] + mean[$0] }
      state["extractor.\(to).weight"] = tensor(weights, weight.shape)
      state["extractor.\(to).bias"] = tensor(biases, [count])
      for (name, values) in [
        ("weight", gamma), ("bias", beta), ("running_mean", mean), ("running_var", variance),
      ] {
        state["extractor.\(to + 1).\(name)"] = tensor(values, [count])
      }
    }
  }

  @Test func itsAnswersAreThoseOfTheNetworkWithout() throws {
    let image = try Golden.image("portrait_487x331")
    let plain = try Detector(model: MismatchTests.open()).detect(.image(image))
    let folded = try Detector(model: MismatchTests.open(changed: Self.normalise))
      .detect(.image(image))
    #expect(!plain.objects.isEmpty)
    #expect(folded.objects.count == plain.objects.count)
    for (a, b) in zip(folded.objects, plain.objects) {
      #expect(a.classID == b.classID)
      // Rounding twice in each of thirteen layers.
      #expect(abs(a.score - b.score) < 1e-4)
      #expect(abs(a.box.xMin - b.box.xMin) < 0.05 && abs(a.box.yMax - b.box.yMax) < 0.05)
    }
  }
}
