import Compute
import Tensors
import Testing

@testable import Networks

/// A whole detector of narrow parts: how they are put together, and what is said of files that do not fit.
struct DetectorNetworksTests {
  /// A ResNet of bottlenecks with a pyramid of four levels, an RPN and a head of two layers: the fixtures'
  /// backbone, and zeros for the rest, whose numbers are tested elsewhere.
  static func pyramidState() throws -> StateDictionary {
    var state = try Fixture("resnet-bottleneck").tensors
    for name in state.names where !name.hasPrefix("backbone.") { state[name] = nil }
    for (index, channels) in [8, 12, 12, 16].enumerated() {
      add("neck.lateral.\(index)", [4, channels, 1, 1], to: &state)
      add("neck.output.\(index)", [4, 4, 3, 3], to: &state)
    }
    for (name, shape) in [
      ("rpn.conv.0", [4, 4, 3, 3]), ("rpn.objectness", [3, 4, 1, 1]),
      ("rpn.offsets", [12, 4, 1, 1]), ("head.fc.0", [6, 196]), ("head.fc.2", [5, 6]),
      ("head.class", [3, 5]), ("head.boxes", [12, 5]),
    ] as [(String, Shape)] {
      add(name, shape, to: &state)
    }
    return state
  }

  static func add(_ name: String, _ weights: Shape, to state: inout StateDictionary) {
    for (part, shape) in [("weight", weights), ("bias", [weights[0]])] {
      var generator = SplitMix64(seed: UInt64(state.count))
      let values = (0..<shape.count).map { _ in Float.random(in: -0.1...0.1, using: &generator) }
      state["\(name).\(part)"] = StoredTensor(Tensor(shape: shape, values: values))
    }
  }

  static let pyramid = Architecture(
    backbone: .resNet(.middleConvolution), neck: .pyramid(extraLevel: true), objectness: .single)

  @Test func levelsChannelsAndNamesAreToldFromTheTensors() throws {
    let networks = try DetectorNetworks(Self.pyramidState(), Self.pyramid)
    #expect(networks.levels.map(\.name) == ["p2", "p3", "p4", "p5", "p6"])
    #expect(networks.levels.map(\.stride) == [4, 8, 16, 32, 64])
    #expect(networks.levels.allSatisfy { $0.channels == 4 })
    #expect(networks.roiLevels == 0..<4)
    #expect(networks.architectureName == "ResNet-23 FPN")
    #expect(networks.anchorsPerCell == 3 && networks.classCount == 3)
    #expect(networks.pooledSize == 7)
    #expect(networks.unusedTensors.isEmpty)
    #expect(
      DetectorNetworks.hiddenHeadLayers(of: try Self.pyramidState()) == ["head.fc.0", "head.fc.2"])
    // Sixteen channels and more: the backbone's widest layers alone.
    let names = networks.lowPrecisionLayers
    #expect(Set(names).count == names.count)
    #expect(names.contains("neck.lateral.3") && !names.contains("head.boxes"))
  }

  @Test func givenFeaturesGetTheProposalsOfThePictureTheyAreOf() throws {
    let networks = try DetectorNetworks(Self.pyramidState(), Self.pyramid)
    let picture = try Fixture("resnet-bottleneck").tensor("input")
    let thread = try ComputeThread(name: "test", threadCount: 2)
    try thread.run {
      let options = PlanOptions(convolution: .direct)
      let whole = try Plan(
        networks.picture, inputShape: picture.shape, inputLayout: .rowMajor(picture.shape),
        arena: Arena(), options: options)
      let values = picture.float32Values()
      try unsafe values.withUnsafeBytes { try unsafe whole.run(on: #require($0.baseAddress)) }
      let levels = networks.levels.count
      #expect(whole.outputLayouts.count == 3 * levels)
      let given = Array(whole.outputLayouts[..<levels])
      let proposals = try Plan(
        networks.proposal, inputShapes: given.map(\.shape), inputLayouts: given, arena: Arena(),
        options: options)
      // Safety: the features stay in the first plan's arena, which nothing else runs in.
      unsafe try proposals.run(on: (0..<levels).map { unsafe whole.output($0) })
      #expect(proposals.outputLayouts.count == 2 * levels)
      for index in 0..<2 * levels {
        #expect(proposals.outputLayouts[index].shape == whole.outputLayouts[levels + index].shape)
        let (found, wanted) = unsafe (
          Array(proposals.outputValues(index)), Array(whole.outputValues(levels + index))
        )
        #expect(found == wanted, "output \(index)")
        let channels = index < levels ? 12 : 3
        #expect(proposals.outputLayouts[index].shape[1] == channels)
      }
    }
  }

  @Test func everyTensorIsNeeded() throws {
    let state = try Self.pyramidState()
    for name in state.names {
      var incomplete = state
      incomplete[name] = nil
      let error = #expect(throws: ArchitectureError.self, "\(name)") {
        try DetectorNetworks(incomplete, Self.pyramid)
      }
      #expect(error.map { "\($0)".contains("\"\(name)\"") } == true, "\(name): \(error as Any)")
    }
  }

  @Test func aLayerThatIsLeftOutIsNamed() throws {
    for (prefix, missing) in [
      ("backbone.layer4.0.", "backbone.layer4.0.conv1.weight"),
      ("backbone.layer2.", "backbone.layer2.0.conv1"),
      ("neck.lateral.1.", "neck.lateral.1.weight"), ("neck.output.3.", "neck.output.3.weight"),
      ("backbone.layer3.0.shortcut.", "backbone.layer3.0.shortcut.weight"),
      ("backbone.layer1.1.conv3.", "backbone.layer1.1.conv"), ("rpn.conv.", "rpn.conv.0.weight"),
      ("head.fc.", "head.fc.0.weight"),
    ] {
      var state = try Self.pyramidState()
      for name in state.names where name.hasPrefix(prefix) { state[name] = nil }
      let error = #expect(throws: ArchitectureError.self, "\(prefix)") {
        try DetectorNetworks(state, Self.pyramid)
      }
      #expect(error.map { "\($0)".contains(missing) } == true, "\(prefix): \(error as Any)")
    }
  }

  @Test func tensorsThatNoLayerUsesAreListed() throws {
    var state = try Self.pyramidState()
    for name in ["head.extra", "backbone.fc", "rpn.conv1", "head.layer5.0.conv1"] {
      Self.add(name, [4, 4], to: &state)
    }
    let networks = try DetectorNetworks(state, Self.pyramid)
    #expect(
      networks.unusedTensors == [
        "head.extra.weight", "head.extra.bias", "backbone.fc.weight", "backbone.fc.bias",
        "rpn.conv1.weight", "rpn.conv1.bias", "head.layer5.0.conv1.weight",
        "head.layer5.0.conv1.bias",
      ])
  }

  @Test func statisticsThatCannotBeDividedByAreNamed() throws {
    let name = "backbone.layer2.0.conv2.norm.running_var"
    func networks(_ value: Float, epsilon: Double) throws -> DetectorNetworks {
      var state = try Self.pyramidState()
      var values = try #require(state[name]).float32Values()
      values[1] = value
      state[name] = StoredTensor(Tensor(shape: [values.count], values: values))
      var architecture = Self.pyramid
      architecture.normalisation = .batch(epsilon: epsilon)
      return try DetectorNetworks(state, architecture)
    }
    _ = try networks(0, epsilon: 1e-5)
    for (value, epsilon) in [(0, 0), (-1, 0), (-1, 1e-5), (.nan, 1e-5), (.infinity, 0)]
      as [(Float, Double)]
    {
      let error = #expect(throws: ArchitectureError.self) {
        try networks(value, epsilon: epsilon)
      }
      #expect(error.map { "\($0)".contains(name) } == true, "\(value): \(error as Any)")
    }
  }

  @Test func namesOfAMillionPartsCostNoMore() throws {
    var state = try Self.pyramidState()
    Self.add(String(repeating: "a.", count: 1 << 20), [1, 1], to: &state)
    #expect(try DetectorNetworks(state, Self.pyramid).unusedTensors.count == 2)
  }

  @Test(arguments: [
    ("rpn_conv", "rpn.conv.0"), ("rpn_score", "rpn.objectness"), ("conv1", "backbone.stem"),
    ("conv1_1", "backbone.features.0"), ("conv3_2", "backbone.features.12"),
    ("conv5_3", "backbone.features.28"), ("fc6", "head.fc.0"), ("fc7", "head.fc.2"),
    ("fc6_0", "head.fc.0.0"), ("fc7_1", "head.fc.2.1"), ("res2_1a", "backbone.layer1.0.conv1"),
    ("res4_23c", "backbone.layer3.22.conv3"), ("res5_2b", "head.layer4.1.conv2"),
    ("res3_1_downsample", "backbone.layer2.0.shortcut"), ("class_score", "head.class"),
    ("conv6_1", nil), ("conv1_3", nil), ("conv0_1", nil), ("res1_1a", nil), ("res2_0a", nil),
    ("res2_1d", nil), ("fc5", nil), ("", nil), ("_", nil), ("backbone.stem", nil), ("fc6_x", nil),
  ])
  func layersOfTheFirstVersionAreFound(former: String, canonical: String?) {
    #expect(FormerLayerName.canonical(former) == canonical)
  }
}
