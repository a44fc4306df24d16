import Compute
import Tensors
import Testing

@testable import Networks

/// Necks, RPN and heads against PyTorch.
struct PartTests {
  static let maps = [(4, 6), (8, 8), (16, 10)].map {
    BackboneMap(stride: $0.0, channels: $0.1, tensor: "map \($0.0)")
  }

  @Test(arguments: ["pyramid", "pyramid-bn", "pyramid-gn"])
  func aPyramidMakesPyTorchsLevelsOfOddMaps(name: String) throws {
    let fixture = try Fixture(name)
    let normalisation: Architecture.Normalisation =
      name == "pyramid-gn" ? .group(count: 2, epsilon: 1e-5) : .batch(epsilon: 1e-5)
    for hasExtraLevel in [true, false] {
      let pyramid = try FeaturePyramid(
        fixture.reader(normalisation), maps: Self.maps, hasExtraLevel: hasExtraLevel)
      var network = Network(inputs: Self.maps.map(\.channels))
      let levels = pyramid.append(to: &network, network.inputs)
      for level in levels { network.output(level, order: .channelsLast) }
      let names = ["p2", "p3", "p4"] + (hasExtraLevel ? ["p5"] : [])
      #expect(pyramid.levels.map(\.name) == names)
      #expect(pyramid.levels.map(\.stride) == Array([4, 8, 16, 32].prefix(names.count)))
      let differences = try fixture.differences(
        of: network, on: (0..<3).map { "input.\($0)" }, from: names.indices.map { "level.\($0)" })
      #expect(differences.count == names.count)
      #expect(differences.allSatisfy { $0 < Fixture.tolerance }, "\(differences)")
    }
  }

  @Test func aPyramidStandsOnTheLastOfABackbonesMaps() throws {
    let fixture = try Fixture("pyramid")
    let more = [BackboneMap(stride: 2, channels: 3, tensor: "map 2")] + Self.maps
    let pyramid = try FeaturePyramid(fixture.reader(), maps: more, hasExtraLevel: false)
    #expect(pyramid.levels.map(\.stride) == [4, 8, 16])
    let error = #expect(throws: ArchitectureError.self) {
      try FeaturePyramid(
        fixture.reader(), maps: Array(Self.maps.prefix(2)), hasExtraLevel: false)
    }
    #expect(error.map { "\($0)".contains("3 lateral") } == true)
    let repeated = Self.maps.map { BackboneMap(stride: 32, channels: $0.channels, tensor: "map") }
    let flat = try FeaturePyramid(fixture.reader(), maps: repeated, hasExtraLevel: true)
    #expect(flat.levels.map(\.name) == ["p0", "p1", "p2", "p3"])
    #expect(flat.levels.map(\.stride) == [32, 32, 32, 64])
  }

  @Test func theRPNLooksAtEveryLevelWithTheSameWeights() throws {
    let fixture = try Fixture("rpn")
    let rpn = try RegionProposalNetwork(fixture.reader(), features: 4, objectness: .single)
    #expect(rpn.anchorsPerCell == 3 && rpn.convolutions.count == 2)
    var network = Network(inputs: [4, 4])
    let outputs = rpn.append(to: &network, Array(zip(["p2", "p3"], network.inputs)))
    for output in outputs {
      network.output(output.offsets, order: .channelsLast)
      network.output(output.objectness, order: .channelsLast)
    }
    let differences = try fixture.differences(
      of: network, on: ["input.0", "input.1"],
      from: ["offsets.0", "objectness.0", "offsets.1", "objectness.1"])
    #expect(differences.count == 4 && differences.allSatisfy { $0 < Fixture.tolerance })
    let error = #expect(throws: ArchitectureError.self) {
      try RegionProposalNetwork(fixture.reader(), features: 4, objectness: .pairs)
    }
    // Three rows of objectness are no pairs.
    #expect(error.map { "\($0)".contains("rpn.objectness.weight") } == true)
  }

  /// The file, P, the rows of boxes, the layers with ReLU, and the normalisation.
  static let heads: [(String, Int, Architecture.BoxRows, Int, Architecture.Normalisation)] = [
    ("head-fc", 7, .withBackground, 2, .batch(epsilon: 1e-5)),
    ("head-fc-foreground", 7, .foreground, 2, .batch(epsilon: 1e-5)),
    ("head-conv", 7, .withBackground, 1, .batch(epsilon: 1e-5)),
    ("head-conv-gn", 7, .foreground, 1, .group(count: 2, epsilon: 1e-5)),
    ("head-residual", 14, .shared, 0, .batch(epsilon: 1e-5)),
  ]

  @Test(arguments: heads.indices)
  func aHeadAnswersAsPyTorchDoes(index: Int) throws {
    let (name, side, boxes, hiddenCount, normalisation) = Self.heads[index]
    let fixture = try Fixture(name)
    let architecture = Architecture(
      backbone: .resNet(.middleConvolution), objectness: .single, boxes: boxes)
    let head = try RoIHead(fixture.reader(normalisation), features: 4, architecture: architecture)
    #expect(head.pooledSize == side && head.classCount == 4, "\(name)")
    #expect(DetectorNetworks.hiddenHeadLayers(of: fixture.tensors).count == hiddenCount)
    let differences = try fixture.differences(
      of: head.network(residualStride: .middleConvolution), from: ["boxes", "classes"])
    #expect(differences.count == 2, "\(name)")
    #expect(differences.allSatisfy { $0 < Fixture.tolerance }, "\(name): \(differences)")
    let other: Architecture.BoxRows = boxes == .withBackground ? .foreground : .withBackground
    var wrong = architecture
    wrong.boxes = other
    let error = #expect(throws: ArchitectureError.self) {
      try RoIHead(fixture.reader(normalisation), features: 4, architecture: wrong)
    }
    #expect(error.map { "\($0)".contains("head.boxes.weight") } == true)
  }
}
