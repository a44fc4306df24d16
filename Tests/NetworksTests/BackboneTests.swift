import Compute
import Tensors
import Testing

@testable import Networks

/// Each backbone against PyTorch on a picture of 75 x 107, so that every halving meets an odd side.
struct BackboneTests {
  @Test(arguments: ["vgg", "vgg-bn"])
  func aVGGMakesPyTorchsMapHoweverItsPoolingRounds(name: String) throws {
    let fixture = try Fixture(name)
    for (output, poolingRoundsUp, poolsAtEnd, stride) in [
      ("down", false, false, 16), ("up", true, false, 16), ("pooled", false, true, 32),
    ] {
      let vgg = try VGG(
        fixture.reader(), poolingRoundsUp: poolingRoundsUp, poolsAtEnd: poolsAtEnd)
      #expect(vgg.maps.map(\.stride) == [stride])
      #expect(vgg.maps.map(\.channels) == [8])
      #expect(vgg.description == "VGG with 7 convolutions")
      let differences = try fixture.differences(of: Fixture.network(vgg), from: [output])
      #expect(differences[0] < Fixture.tolerance, "\(output)")
    }
  }

  @Test func normalisationOfAVGGMayStandWithItsConvolution() throws {
    let fixture = try Fixture("vgg-bn")
    var moved = StateDictionary()
    for name in fixture.tensors.names {
      let parts = name.split(separator: ".")
      guard parts.count == 5, parts[3] == "norm", let index = Int(parts[2]) else {
        moved[name] = fixture.tensors[name]
        continue
      }
      moved["backbone.features.\(index + 1)." + parts[4...].joined(separator: ".")] =
        fixture.tensors[name]
    }
    #expect(moved.names.contains("backbone.features.1.running_var"))
    let reader = ParameterReader(moved, normalisation: .batch(epsilon: 1e-5))
    let vgg = try VGG(reader, poolingRoundsUp: false, poolsAtEnd: false)
    let differences = try fixture.differences(of: Fixture.network(vgg), from: ["down"])
    #expect(differences[0] < Fixture.tolerance)
  }

  @Test func theNetworkOfZeilerAndFergusMakesPyTorchsMap() throws {
    let fixture = try Fixture("zf")
    let network = try ZeilerFergus(fixture.reader())
    #expect(network.maps.map(\.stride) == [16])
    let differences = try fixture.differences(of: Fixture.network(network), from: ["map"])
    #expect(differences[0] < Fixture.tolerance)
  }

  static func resNet(
    _ fixture: Fixture, _ stride: Architecture.ResidualStride = .middleConvolution,
    padding: Int = 1, dilates: Bool = false,
    normalisation: Architecture.Normalisation = .batch(epsilon: 1e-5)
  ) throws -> ResNet {
    try ResNet(
      fixture.reader(normalisation), residualStride: stride, stemPoolingPadding: padding,
      dilatesLastStage: dilates)
  }

  @Test(arguments: [
    ("resnet-basic", "ResNet-14", [4, 6, 6, 8]),
    ("resnet-bottleneck", "ResNet-23", [8, 12, 12, 16]),
    ("resnext", "ResNeXt-17 4x2d", [16, 16, 16, 16]),
  ])
  func aResNetMakesPyTorchsMaps(name: String, called: String, channels: [Int]) throws {
    let fixture = try Fixture(name)
    let network = try Self.resNet(fixture)
    #expect(network.description == called)
    #expect(network.maps.map(\.stride) == [4, 8, 16, 32])
    #expect(network.maps.map(\.channels) == channels)
    let differences = try fixture.differences(
      of: Fixture.network(network), from: (0..<4).map { "map.\($0)" })
    #expect(differences.count == 4 && differences.allSatisfy { $0 < Fixture.tolerance })
  }

  @Test func groupNormalisationIsComputedFromTheMap() throws {
    let fixture = try Fixture("resnet-group-norm")
    let network = try Self.resNet(fixture, normalisation: .group(count: 2, epsilon: 1e-5))
    let differences = try fixture.differences(
      of: Fixture.network(network), from: (0..<4).map { "map.\($0)" })
    #expect(differences.count == 4 && differences.allSatisfy { $0 < Fixture.tolerance })
    #expect(throws: ArchitectureError.self) {
      try Self.resNet(fixture, normalisation: .group(count: 3, epsilon: 1e-5))
    }
  }

  @Test func theStrideMayBeInTheFirstConvolutionAndTheStemUnpadded() throws {
    let fixture = try Fixture("resnet-bottleneck")
    let network = try Self.resNet(fixture, .firstConvolution, padding: 0)
    let differences = try fixture.differences(
      of: Fixture.network(network), from: (0..<4).map { "first.\($0)" })
    #expect(differences.count == 4 && differences.allSatisfy { $0 < Fixture.tolerance })
  }

  @Test func aDilatedLastStageKeepsTheExtents() throws {
    let fixture = try Fixture("resnet-bottleneck")
    let network = try Self.resNet(fixture, .firstConvolution, dilates: true)
    #expect(network.maps.map(\.stride) == [4, 8, 16, 16])
    let differences = try fixture.differences(
      of: Fixture.network(network), from: [nil, nil, nil, "dilated"])
    #expect(differences[3] < Fixture.tolerance)
  }

  @Test func mobileNetV2MakesPyTorchsMap() throws {
    let fixture = try Fixture("mobilenet-v2")
    let network = try MobileNetV2(fixture.reader(.batch(epsilon: 1e-3)))
    #expect(network.maps.map(\.stride) == [32])
    let differences = try fixture.differences(of: Fixture.network(network), from: ["map.0"])
    // PyTorch's own float32 is 4e-5 off here: where nothing cuts a block's sums off, small deviations of
    // the statistics multiply the errors.
    #expect(differences[0] < 3e-4)
  }

  @Test func mobileNetV3MakesPyTorchsMaps() throws {
    let fixture = try Fixture("mobilenet-v3")
    let network = try MobileNetV3(fixture.reader(.batch(epsilon: 1e-3)))
    #expect(network.maps.map(\.stride) == [4, 8, 16, 32, 32])
    let differences = try fixture.differences(
      of: Fixture.network(network), from: (0..<5).map { "map.\($0)" })
    #expect(differences.count == 5 && differences.allSatisfy { $0 < Fixture.tolerance })
  }

  @Test func anotherEpsilonOfNormalisationShows() throws {
    let fixture = try Fixture("resnet-bottleneck")
    let network = try Self.resNet(fixture, normalisation: .batch(epsilon: 1e-3))
    let differences = try fixture.differences(
      of: Fixture.network(network), from: (0..<4).map { "map.\($0)" })
    #expect(differences[3] > 100 * Fixture.tolerance)
  }
}
