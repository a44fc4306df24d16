internal import Detection
internal import Images
internal import Networks

extension Family.Conventions {
  /// Replaces what a card states.
  mutating func apply(_ card: ModelCard) {
    if let side = card.integer(.minimumSide) { picture.resize.minimumSide = side }
    if let side = card.integer(.maximumSide) { picture.resize.maximumSide = side }
    if let value = card.text(.interpolation).flatMap(Preprocessing.Interpolation.init) {
      picture.preprocessing.interpolation = value
    }
    if let value = card.text(.channelOrder).flatMap(Preprocessing.ChannelOrder.init) {
      picture.preprocessing.channelOrder = value
    }
    if let mean = card.numbers(.mean) { picture.preprocessing.mean = SIMD3(mean) }
    if let deviation = card.numbers(.standardDeviation) {
      picture.preprocessing.standardDeviation = SIMD3(deviation)
    }
    if let value = card.text(.residualStride).flatMap(Architecture.ResidualStride.init),
      case .resNet(_, let padding, let dilates) = architecture.backbone
    {
      architecture.backbone = .resNet(
        value, stemPoolingPadding: padding, dilatesLastStage: dilates)
    }
    for index in detection.levels.indices {
      var anchors = detection.levels[index].anchors
      if let size = card.number(.anchorBaseSize) { anchors.baseSize = size }
      if let scales = card.numbers(.anchorScales) { anchors.scales = scales }
      if let ratios = card.numbers(.anchorRatios) { anchors.ratios = ratios }
      detection.levels[index].anchors = anchors
    }
    if let count = card.integer(.countBeforeNMS) { detection.proposals.counts.beforeNMS = count }
    if let count = card.integer(.countAfterNMS) { detection.proposals.counts.afterNMS = count }
    if let value = card.number(.proposalNMSThreshold) {
      detection.proposals.nms.iouThreshold = value
    }
    if let value = card.number(.scoreThreshold) { detection.classes.scoreThreshold = value }
    if let value = card.number(.nmsThreshold) { detection.classes.nms.iouThreshold = value }
    if let count = card.integer(.maximumDetections) { detection.classes.maximumDetections = count }
  }

  /// The card that makes the family's conventions equal to these.
  var card: ModelCard {
    var card = ModelCard()
    func list(_ values: [Float]) -> ConfigValue { .list(values.map { .number(Double($0)) }) }
    let (resize, preprocessing) = (picture.resize, picture.preprocessing)
    card[.minimumSide] = .integer(resize.minimumSide)
    card[.maximumSide] = resize.maximumSide.map { .integer($0) }
    card[.interpolation] = .text(preprocessing.interpolation.rawValue)
    card[.channelOrder] = .text(preprocessing.channelOrder.rawValue)
    card[.mean] = list((0..<3).map { preprocessing.mean[$0] })
    card[.standardDeviation] = list((0..<3).map { preprocessing.standardDeviation[$0] })
    if let level = detection.levels.first, detection.levels.count == 1 {
      if case .fixed(let stride) = level.stride { card[.featureStride] = .integer(stride) }
      card[.anchorBaseSize] = .number(Double(level.anchors.baseSize))
      card[.anchorScales] = list(level.anchors.scales)
      card[.anchorRatios] = list(level.anchors.ratios)
    }
    card[.countBeforeNMS] = .integer(detection.proposals.counts.beforeNMS)
    card[.countAfterNMS] = .integer(detection.proposals.counts.afterNMS)
    card[.proposalNMSThreshold] = .number(Double(detection.proposals.nms.iouThreshold))
    card[.scoreThreshold] = .number(Double(detection.classes.scoreThreshold))
    card[.nmsThreshold] = .number(Double(detection.classes.nms.iouThreshold))
    card[.maximumDetections] = detection.classes.maximumDetections.map { .integer($0) }
    return card
  }
}
