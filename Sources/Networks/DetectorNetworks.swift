public import Compute
public import Tensors

/// The networks of a Faster R-CNN, built from a checkpoint's tensors under canonical names.
///
/// What shapes tell is read from them; `Architecture` says the rest. docs/canonical-names.md lists the names.
/// C are feature channels, A anchors in a cell, P the side of a pooled RoI, L classes with background.
public struct DetectorNetworks: Sendable {
  /// From a picture (N, 3, H, W), resized and normalised, to the features of every level, then each
  /// level's offsets of 4A, then each level's objectness logits of A or 2A.
  ///
  /// Features are in the layout of the layer that makes them, the rest has channels last.
  public private(set) var picture: Network

  /// From the features of every level to each level's offsets, then each level's logits, as in
  /// `picture`: for features that somebody else's backbone made.
  public private(set) var proposal: Network

  /// From pooled RoIs (R, C, P, P) to class offsets and class logits (R, L).
  public private(set) var head: Network

  /// The head in two parts, for pooling that is linear; `nil` where it cannot be divided, or RoIs are pooled from
  /// several levels.
  public private(set) var dividedHead: DividedHead?

  /// What the backbone and the neck are, in words.
  public let architectureName: String

  /// What the RPN looks at, from the finest to the coarsest.
  public let levels: [FeatureLevel]

  /// The levels that RoIs are pooled from; all have the same number of channels.
  public let roiLevels: Range<Int>

  /// A.
  public let anchorsPerCell: Int

  /// P.
  public let pooledSize: Int

  /// L.
  public let classCount: Int

  /// The tensors that no layer uses, in the order of the checkpoint.
  public let unusedTensors: [String]

  /// Builds the networks.
  ///
  /// - Parameters:
  ///   - state: a checkpoint's tensors under canonical names.
  ///   - architecture: what shapes do not tell.
  ///   - learnsNormalisation: whether a batch normalisation is to learn, by the name of its tensors without
  ///     `.weight`; others are folded into the layer before them.
  ///   - dividesHead: whether `dividedHead` is wanted, which holds weights of the checkpoint's own.
  /// - Throws: `ArchitectureError` with the tensor's name, the shape found and the shape wanted.
  public init(
    _ state: StateDictionary, _ architecture: Architecture,
    learnsNormalisation: @escaping (String) -> Bool = { _ in false }, dividesHead: Bool = true
  ) throws(ArchitectureError) {
    let reader = ParameterReader(
      state, normalisation: architecture.normalisation, learnsNormalisation: learnsNormalisation)
    let backbone = try architecture.readBackbone(reader)
    var pyramid: FeaturePyramid?
    var levels: [FeatureLevel]
    switch architecture.neck {
    case .none:
      levels = backbone.maps.suffix(1).map {
        FeatureLevel(name: "features", stride: $0.stride, channels: $0.channels)
      }
      roiLevels = architecture.roiLevels ?? 0..<1
    case .pyramid(let hasExtraLevel):
      let neck = try FeaturePyramid(
        reader, maps: backbone.maps, hasExtraLevel: hasExtraLevel)
      pyramid = neck
      levels = neck.levels
      roiLevels = architecture.roiLevels ?? 0..<neck.laterals.count
    }
    guard !roiLevels.isEmpty, roiLevels.clamped(to: levels.indices) == roiLevels else {
      throw .unrecognised(
        reason: "RoIs are to be pooled from the levels \(roiLevels), but there are \(levels.count)")
    }
    self.levels = levels
    let channels = levels[roiLevels.lowerBound].channels
    let rpn = try RegionProposalNetwork(
      reader, features: channels, objectness: architecture.objectness)
    anchorsPerCell = rpn.anchorsPerCell
    let head = try RoIHead(reader, features: channels, architecture: architecture)
    pooledSize = head.pooledSize
    classCount = head.classCount
    unusedTensors = reader.unusedNames

    func addProposals(to network: inout Network, _ values: [Network.Value]) {
      let outputs = rpn.append(to: &network, Array(zip(levels.map(\.name), values)))
      for output in outputs { network.output(output.offsets, order: .channelsLast) }
      for output in outputs { network.output(output.objectness, order: .channelsLast) }
    }
    var picture = Network(inputChannels: 3)
    var values = backbone.append(to: &picture, picture.input)
    values = pyramid?.append(to: &picture, values) ?? values.suffix(1)
    for value in values { picture.output(value) }
    addProposals(to: &picture, values)
    self.picture = picture
    var proposal = Network(inputs: levels.map(\.channels))
    addProposals(to: &proposal, proposal.inputs)
    self.proposal = proposal
    self.head = head.network(residualStride: architecture.residualStride)
    dividedHead =
      dividesHead && roiLevels.count == 1
      ? head.divided(residualStride: architecture.residualStride) : nil
    architectureName = Self.name(backbone, pyramid: pyramid, head: head)
  }

  private static func name(
    _ backbone: any FeatureExtractor, pyramid: FeaturePyramid?, head: RoIHead
  ) -> String {
    if pyramid != nil { return backbone.description + " FPN" }
    guard let resNet = backbone as? ResNet else { return backbone.description }
    let stages = resNet.stages + (head.stage.map { [$0] } ?? [])
    return ResNet.name(stages) + (resNet.dilatesLastStage ? " DC" : " C")
      + "\(resNet.stages.count + 1)"
  }
}

// MARK: Precision

extension DetectorNetworks {
  /// The names of the layers that lower precisions may compute.
  public var lowPrecisionLayers: [String] { [picture, head].flatMap(\.lowPrecisionLayers) }

  /// Whether any layer may be computed in int8.
  public var isCalibrated: Bool { [picture, head].contains(where: \.isCalibrated) }

  /// The networks with the ranges that int8 needs: for a layer's name, the values of its input that are told
  /// apart.
  public func calibrated(_ ranges: [String: ClosedRange<Float>]) -> DetectorNetworks {
    mapped { $0.calibrated(ranges) }
  }

  /// The names of the layers that int8 may compute on negative values too.
  public var readsSignedBytes: Set<String> { picture.readsSignedBytes.union(head.readsSignedBytes) }

  /// The networks with the inputs of their `lowPrecisionLayers` as further outputs.
  public var observingInputs: DetectorNetworks {
    var networks = mapped { $0.observingInputs }
    // The head as a whole has all its layers.
    networks.dividedHead = nil
    return networks
  }

  /// The names of the RoI head's fully connected layers with ReLU that are one matrix each, in their
  /// order.
  public static func hiddenHeadLayers(of state: StateDictionary) -> [String] {
    FullyConnectedLayers.matrices(state).compactMap { $0.count == 1 ? $0[0] : nil }
  }

  private func mapped(_ transform: (Network) -> Network) -> DetectorNetworks {
    var networks = self
    networks.picture = transform(picture)
    networks.proposal = transform(proposal)
    networks.head = transform(head)
    if let divided = dividedHead {
      networks.dividedHead?.map = transform(divided.map)
      networks.dividedHead?.pooled = transform(divided.pooled)
    }
    return networks
  }

  /// The bytes of the layers' weights in all layouts in which they are kept.
  public var preparedByteCount: Int {
    let divided = [dividedHead?.map, dividedHead?.pooled].compactMap(\.self)
    return Network.preparedByteCount(of: [picture, proposal, head] + divided)
  }
}

extension Architecture {
  /// Where bottlenecks take their stride, also those of a head.
  var residualStride: ResidualStride {
    if case .resNet(let stride, _, _) = backbone { stride } else { .firstConvolution }
  }
}
