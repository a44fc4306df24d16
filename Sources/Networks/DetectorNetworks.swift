public import Compute
public import Tensors

/// The three networks of a Faster R-CNN, their architecture read from the checkpoint's own shapes.
///
/// Tensors have the names of simple-faster-rcnn: `extractor`, `rpn.conv1`, `rpn.score`, `rpn.loc`,
/// `head.classifier`, `head.cls_loc`, `head.score`. C are feature channels, A anchors in a cell, P
/// the side of a pooled RoI, L classes with background.
public struct DetectorNetworks: Sendable {
  /// From a picture (N, 3, H, W), resized and normalised, to features (N, C, H/16, W/16).
  public private(set) var backbone: Network

  /// From features to the RPN's outputs, both with channels last: offsets of 4A, logits of 2A.
  public private(set) var proposal: Network

  /// From pooled RoIs (R, C, P, P) to class offsets (R, 4L) and class logits (R, L).
  public private(set) var head: Network

  /// What the backbone is, in words.
  public let backboneName: String

  /// C.
  public let featureChannels: Int

  /// The pixels of the network's input from one cell of the features to the next.
  public let featureStride: Int

  /// A.
  public let anchorsPerCell: Int

  /// P.
  public let pooledSize: Int

  /// L.
  public let classCount: Int

  /// The names of the layers that lower precisions may compute.
  public var lowPrecisionLayers: [String] {
    [backbone, proposal, head].flatMap(\.lowPrecisionLayers)
  }

  /// Whether any layer may be computed in int8.
  public var isCalibrated: Bool { [backbone, proposal, head].contains(where: \.isCalibrated) }

  /// The networks with the ranges that int8 needs: for a layer's name, the largest value of its input
  /// that is told from larger ones.
  public func calibrated(_ ranges: [String: Float]) -> DetectorNetworks {
    mapped { $0.calibrated(ranges) }
  }

  /// The networks with the inputs of their `lowPrecisionLayers` as further outputs.
  public var observingInputs: DetectorNetworks { mapped { $0.observingInputs } }

  /// The names of the RoI head's fully connected layers with ReLU that are one matrix each, in their
  /// order.
  public static func hiddenHeadLayers(of state: StateDictionary) -> [String] {
    RoIHead.hiddenLayers(ParameterReader(state: state)).compactMap { $0.count == 1 ? $0[0] : nil }
  }

  private func mapped(_ transform: (Network) -> Network) -> DetectorNetworks {
    var networks = self
    networks.backbone = transform(backbone)
    networks.proposal = transform(proposal)
    networks.head = transform(head)
    return networks
  }

  /// The bytes of the layers' weights in all layouts in which they are kept.
  public var preparedByteCount: Int {
    [backbone, proposal, head].reduce(0) { $0 + $1.preparedByteCount }
  }

  /// Reads the networks.
  ///
  /// - Parameters:
  ///   - state: a checkpoint's tensors under the names above.
  ///   - settings: what shapes do not tell.
  /// - Throws: `ArchitectureError` with the tensor's name, the shape found and the shape wanted.
  public init(
    _ state: StateDictionary, settings: BackboneSettings = BackboneSettings()
  ) throws(ArchitectureError) {
    let reader = ParameterReader(state: state)
    let isResNet = state["extractor.4.0.conv1.weight"] != nil
    let resNet = isResNet ? try ResNet(reader) : nil
    if let resNet {
      backbone = resNet.network(settings)
      featureChannels = resNet.featureChannels
      featureStride = resNet.featureStride
      // Layers of weights, as in the name ResNet-50: the stem, three a block, and the classifier.
      let blocks = resNet.layers.reduce(resNet.headLayer.count) { $0 + $1.count }
      backboneName = "ResNet-\(2 + 3 * blocks) C4"
    } else {
      let vgg = try VGG(reader)
      backbone = vgg.network(settings)
      featureChannels = vgg.featureChannels
      featureStride = vgg.featureStride
      backboneName = "VGG with \(vgg.layers.count) convolutions"
    }

    let rpn = try RegionProposalNetwork(reader, features: featureChannels)
    proposal = rpn.network()
    anchorsPerCell = rpn.anchorsPerCell

    let head = try RoIHead(reader, features: featureChannels, resNet: resNet)
    self.head = head.network(features: featureChannels, settings: settings)
    pooledSize = head.pooledSize
    classCount = head.classCount
  }
}
