internal import Checkpoints
internal import Detection
internal import Images
internal import Networks
internal import Tensors

extension Torchvision {
  /// `GeneralizedRCNNTransform`: normalised, then resized without antialiasing, then padded with zeros.
  private static let picture = PictureRule(
    resize: ResizeRule(minimumSide: 800, maximumSide: 1333, rounding: .down),
    preprocessing: Preprocessing(
      interpolation: .torchBilinear, mean: SIMD3(0.485, 0.456, 0.406),
      standardDeviation: SIMD3(0.229, 0.224, 0.225)),
    paddingMultiple: 32)

  private static let sizes: [Float] = [32, 64, 128, 256, 512]

  /// A detector with a feature pyramid.
  static func pyramid(
    _ evidence: Evidence, backbone: Architecture.Backbone
  ) -> Family.Conventions {
    let laterals = (0..<8).prefix { index in
      evidence.state.names.contains { $0.hasPrefix("backbone.fpn.inner_blocks.\(index).") }
    }.count
    // A MobileNet's maps have all sizes each, a ResNet's one each.
    let each: [[Float]] =
      backbone == .mobileNetV3Large
      ? [[Float]](repeating: sizes, count: laterals + 1)
      : (0...laterals).map { [sizes[min($0, sizes.count - 1)]] }
    return conventions(
      evidence, backbone: backbone, neck: .pyramid(extraLevel: true), sizes: each)
  }

  /// A detector with one map, whose anchors have all sizes, as the tutorial gives them.
  static func singleMap(
    _ evidence: Evidence, backbone: Architecture.Backbone
  ) -> Family.Conventions {
    conventions(evidence, backbone: backbone, neck: .none, sizes: [sizes])
  }

  private static func conventions(
    _ evidence: Evidence, backbone: Architecture.Backbone, neck: Architecture.Neck,
    sizes: [[Float]]
  ) -> Family.Conventions {
    let isShared = evidence.rows("roi_heads.box_predictor.bbox_pred.weight") == 4
    var detection = DetectionProfile.torchvision
    detection.levels = sizes.map { sizes in
      AnchorLevel(
        anchors: AnchorSettings(
          baseSize: 1, scales: sizes, centre: .origin, rounding: .coordinates),
        stride: .inputOverMap)
    }
    if isShared { detection.classes.layout.offsets = .shared }
    let (epsilon, reason) = normalisationEpsilon(evidence)
    return Family.Conventions(
      architecture: Architecture(
        backbone: backbone, normalisation: .batch(epsilon: epsilon), neck: neck,
        objectness: .single, boxes: isShared ? .shared : .withBackground),
      picture: picture, detection: detection,
      assumptions: reason.map { [.normalisationEpsilon: $0] } ?? [:])
  }

  /// The epsilon of batch normalisation, which is in no state dictionary, and why where it is not sure.
  ///
  /// `nn.BatchNorm2d`, told by its counter, has 1e-5, and so has `FrozenBatchNorm2d` unless the builder
  /// was asked for the COCO_V1 weights: it sets 0 then, with which those were trained. A file that was
  /// downloaded is told by the hash in its name; one that was trained on from it looks like any other.
  private static func normalisationEpsilon(
    _ evidence: Evidence
  ) -> (epsilon: Double, reason: String?) {
    if evidence.state.names.contains(where: { $0.hasSuffix(".num_batches_tracked") }) {
      return (1e-5, nil)
    }
    guard evidence.state.names.contains(where: { $0.hasSuffix(".running_var") }) else {
      return (1e-5, nil)
    }
    let hashes = ["258fb6c6", "bf2d0c1e", "fc266e95", "9f466800"]
    if let name = evidence.fileName, let hash = hashes.first(where: { name.contains("-\($0)") }) {
      return (
        0,
        "batch normalisation has the epsilon 0, because the file is named as torchvision's COCO_V1 "
          + "weights (\(hash))"
      )
    }
    return (
      1e-5,
      "batch normalisation has the epsilon 1e-5, as torchvision's loader leaves it; a model that was "
        + "trained on from the COCO_V1 weights needs 0: give --batch-norm-epsilon to choose"
    )
  }

  /// What the file says: a whole module all of it, sovit-123's pipeline its classes.
  static func card(_ evidence: Evidence) throws(FamilyError) -> ModelCard {
    var card = ModelCard()
    if let module = evidence.module {
      do {
        card = try Self.card(module)
      } catch {
        throw .settings(source: "the pickled model", reason: error.reason)
      }
    }
    // Since March 2023 `data`, before `config`. Its models all start from the COCO_V1 weights.
    for name in ["data", "config"] {
      guard let classes = evidence.attributes[name]?["CLASSES"].map(ConfigValue.init),
        let labels = classes.elements
      else { continue }
      let named = ConfigValue.list(
        labels.first == .text("__background__") ? Array(labels.dropFirst()) : labels)
      if ModelCard.Key.labels.form.accepts(named) { card[.labels] = named }
      if evidence.attributes["model_name"] != nil, card[.normalisationEpsilon] == nil,
        !evidence.state.names.contains(where: { $0.hasSuffix(".num_batches_tracked") })
      {
        card[.normalisationEpsilon] = .integer(0)
      }
      break
    }
    return card
  }
}

extension DetectionProfile {
  /// `RegionProposalNetwork`, `MultiScaleRoIAlign`, `RoIHeads.postprocess_detections`.
  fileprivate static let torchvision = DetectionProfile(
    coder: BoxCoder(order: .xyxy, maximumLogScale: BoxCoder.usualMaximumLogScale),
    proposals: ProposalSettings(
      layout: .single, ranking: .foregroundLogit, stepOrder: .rankThenFilter,
      minimumSide: MinimumSide(length: 1e-3), minimumObjectness: 0,
      nms: NonMaximumSuppression(iouThreshold: 0.7, shiftedCount: 1_000),
      counts: ProposalCounts(beforeNMS: 1_000, afterNMS: 1_000)),
    roi: RoISettings(
      operator: .align(samplingRatio: 2, aligned: false), scale: .nearestPowerOfTwo,
      levels: .byArea(
        LevelRule.AreaRule(
          side: 224, canonical: .scaleExponent(4), epsilon: 1e-6, place: .sum))),
    classes: ClassBoxSettings(
      decodingFrame: .resized, suppressionFrame: .resized, restoration: .multiplying,
      minimumSide: MinimumSide(length: 1e-2),
      nms: NonMaximumSuppression(iouThreshold: 0.5, shiftedCount: 1_000), maximumDetections: 100),
    training: TrainingTargets(
      proposalCounts: ProposalCounts(beforeNMS: 2_000, afterNMS: 2_000),
      keepsInsideAnchorsOnly: false, roiSampler: Sampler(count: 512, positiveShare: 0.25),
      roiLoss: RoILoss(sigma: 3, normalisation: .sampledCount, lambda: 1)))
}
