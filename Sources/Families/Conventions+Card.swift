internal import Detection
internal import Images
internal import Networks

extension Family.Conventions {
  /// Replaces what a card states.
  ///
  /// - Throws: `CardError` where lists are not as long as there are levels.
  mutating func apply(_ card: ModelCard) throws(CardError) {
    picture.apply(card)
    architecture.apply(card)
    try applyAnchors(card)
    if let count = card.integer(.countBeforeNMS) { detection.proposals.counts.beforeNMS = count }
    if let count = card.integer(.countAfterNMS) { detection.proposals.counts.afterNMS = count }
    if let value = card.number(.proposalNMSThreshold) {
      detection.proposals.nms.iouThreshold = value
    }
    if let value = card.number(.proposalScoreThreshold) {
      detection.proposals.minimumObjectness = value
    }
    detection.roi.apply(card)
    if let count = card.integer(.roiLevels) { architecture.roiLevels = 0..<count }
    if let value = card.number(.scoreThreshold) { detection.classes.scoreThreshold = value }
    if let value = card.number(.nmsThreshold) { detection.classes.nms.iouThreshold = value }
    if let count = card.integer(.maximumDetections) { detection.classes.maximumDetections = count }
    switch card.text(.restoration) {
    case "dividing": detection.classes.restoration = .dividing
    case "multiplying": detection.classes.restoration = .multiplying
    default: break
    }
    if let weights = card.values[.boxWeights]?.numbers, weights.count == 4 {
      // In the order x, y, width, height, as all who call them weights have it.
      detection.classes.offsetStd = BoxOffset(
        dy: Float(1 / weights[1]), dx: Float(1 / weights[0]), dh: Float(1 / weights[3]),
        dw: Float(1 / weights[2]))
    }
  }

  private mutating func applyAnchors(_ card: ModelCard) throws(CardError) {
    let sizes = card.values[.anchorSizes]?.rows
    // Fewer or more levels than the family has by itself: the sizes say how many.
    if let sizes, sizes.count > 1, let last = detection.levels.last {
      detection.levels = Array(
        (detection.levels + repeatElement(last, count: sizes.count)).prefix(sizes.count))
    }
    let count = detection.levels.count
    func row(_ key: ModelCard.Key, _ rows: [[Double]], _ index: Int) throws(CardError) -> [Float] {
      guard rows.count == count || rows.count == 1 else {
        throw CardError(
          reason: "\"\(key.rawValue)\" has \(rows.count) lists, and the model has \(count) levels")
      }
      return rows[rows.count == 1 ? 0 : index].map { Float($0) }
    }
    for index in detection.levels.indices {
      var level = detection.levels[index]
      if let size = card.number(.anchorBaseSize) { level.anchors.baseSize = size }
      if let scales = card.numbers(.anchorScales) { level.anchors.scales = scales }
      if let sizes {
        level.anchors.baseSize = 1
        level.anchors.scales = try row(.anchorSizes, sizes, index)
      }
      if let ratios = card.values[.anchorRatios]?.rows {
        level.anchors.ratios = try row(.anchorRatios, ratios, index)
      }
      if let offset = card.number(.anchorOffset) { level.offset = offset }
      if let strides = card.numbers(.anchorStrides) {
        guard strides.count == count else {
          throw CardError(
            reason: "\"\(ModelCard.Key.anchorStrides.rawValue)\" has \(strides.count) numbers, and "
              + "the model has \(count) levels")
        }
        level.stride = .fixed(Int(strides[index]))
      }
      detection.levels[index] = level
    }
  }

  /// The card that makes the family's conventions equal to these.
  var card: ModelCard {
    var card = ModelCard()
    picture.write(to: &card)
    architecture.write(to: &card)
    let levels = detection.levels
    func rows(_ rows: [[Float]]) -> ConfigValue { .list(rows.map { .numbers($0) }) }
    if let level = levels.first, levels.count == 1, level.anchors.baseSize != 1 {
      card[.anchorBaseSize] = .number(Double(level.anchors.baseSize))
      card[.anchorScales] = .numbers(level.anchors.scales)
      card[.anchorRatios] = .numbers(level.anchors.ratios)
    } else {
      card[.anchorSizes] = rows(levels.map(\.anchors.scales))
      card[.anchorRatios] = rows(levels.map(\.anchors.ratios))
    }
    if let offset = levels.first?.offset, offset != 0 {
      card[.anchorOffset] = .number(Double(offset))
    }
    let strides = levels.compactMap { level -> Float? in
      guard case .fixed(let stride) = level.stride else { return nil }
      return Float(stride)
    }
    if strides.count == levels.count, levels.count > 1 { card[.anchorStrides] = .numbers(strides) }
    if let stride = strides.first, levels.count == 1 {
      card[.featureStride] = .integer(Int(stride))
    }
    let (proposals, classes) = (detection.proposals, detection.classes)
    card[.countBeforeNMS] = .integer(proposals.counts.beforeNMS)
    card[.countAfterNMS] = .integer(proposals.counts.afterNMS)
    card[.proposalNMSThreshold] = .number(Double(proposals.nms.iouThreshold))
    card[.proposalScoreThreshold] = proposals.minimumObjectness.map { .number(Double($0)) }
    detection.roi.write(to: &card)
    card[.roiLevels] = architecture.roiLevels.map { .integer($0.count) }
    card[.scoreThreshold] = .number(Double(classes.scoreThreshold))
    card[.nmsThreshold] = .number(Double(classes.nms.iouThreshold))
    card[.maximumDetections] = classes.maximumDetections.map { .integer($0) }
    card[.restoration] = .text(
      classes.restoration == .dividing ? "dividing" : "multiplying")
    let deviation = classes.offsetStd
    card[.boxWeights] = .numbers(
      [deviation.dx, deviation.dy, deviation.dw, deviation.dh].map { 1 / $0 })
    return card
  }
}

extension ConfigValue {
  /// A list of numbers.
  fileprivate static func numbers(_ values: [Float]) -> ConfigValue {
    .list(values.map { .number(Double($0)) })
  }
}

extension PictureRule {
  fileprivate mutating func apply(_ card: ModelCard) {
    if let side = card.integer(.minimumSide) { resize.minimumSide = side }
    if let side = card.integer(.maximumSide) { resize.maximumSide = side }
    if let value = card.text(.rounding).flatMap(ResizeRule.Rounding.init) {
      resize.rounding = value
    }
    if let value = card.text(.interpolation).flatMap(Preprocessing.Interpolation.init) {
      preprocessing.interpolation = value
    }
    if let value = card.text(.channelOrder).flatMap(Preprocessing.ChannelOrder.init) {
      preprocessing.channelOrder = value
    }
    if let mean = card.numbers(.mean) { preprocessing.mean = SIMD3(mean) }
    if let deviation = card.numbers(.standardDeviation) {
      preprocessing.standardDeviation = SIMD3(deviation)
    }
    if let multiple = card.integer(.paddingMultiple) { paddingMultiple = multiple }
  }

  fileprivate func write(to card: inout ModelCard) {
    card[.minimumSide] = .integer(resize.minimumSide)
    card[.maximumSide] = resize.maximumSide.map { .integer($0) }
    card[.rounding] = .text(resize.rounding.rawValue)
    card[.interpolation] = .text(preprocessing.interpolation.rawValue)
    card[.channelOrder] = .text(preprocessing.channelOrder.rawValue)
    card[.mean] = .numbers((0..<3).map { preprocessing.mean[$0] })
    card[.standardDeviation] = .numbers((0..<3).map { preprocessing.standardDeviation[$0] })
    card[.paddingMultiple] = .integer(paddingMultiple)
  }
}

extension Architecture {
  fileprivate mutating func apply(_ card: ModelCard) {
    if let epsilon = card.values[.normalisationEpsilon]?.number {
      switch normalisation {
      case .batch: normalisation = .batch(epsilon: epsilon)
      case .group(let count, _): normalisation = .group(count: count, epsilon: Float(epsilon))
      }
    }
    guard case .resNet(var stride, let padding, var isDilated) = backbone else { return }
    if let value = card.text(.residualStride).flatMap(ResidualStride.init) { stride = value }
    if let dilation = card.integer(.lastStageDilation) { isDilated = dilation > 1 }
    backbone = .resNet(stride, stemPoolingPadding: padding, dilatesLastStage: isDilated)
  }

  fileprivate func write(to card: inout ModelCard) {
    switch normalisation {
    case .batch(let epsilon): card[.normalisationEpsilon] = .number(epsilon)
    case .group(_, let epsilon): card[.normalisationEpsilon] = .number(Double(epsilon))
    }
    guard case .resNet(let stride, _, let isDilated) = backbone else { return }
    card[.residualStride] = .text(stride.rawValue)
    card[.lastStageDilation] = .integer(isDilated ? 2 : 1)
  }
}

extension RoISettings {
  fileprivate mutating func apply(_ card: ModelCard) {
    if let size = card.integer(.roiSize) { self.size = size }
    var ratio: Int?
    if case .align(let own, _) = `operator` { ratio = own }
    if let stated = card.integer(.roiSamplingRatio) { ratio = stated == 0 ? nil : stated }
    switch card.text(.roiOperator) {
    case "pool": `operator` = .pool
    case "align": `operator` = .align(samplingRatio: ratio, aligned: false)
    case "align_half_pixel": `operator` = .align(samplingRatio: ratio, aligned: true)
    case "align_average": `operator` = .alignAverage
    case "crop": `operator` = .cropMaximum
    default:
      if case .align(_, let isAligned) = `operator` {
        `operator` = .align(samplingRatio: ratio, aligned: isAligned)
      }
    }
  }

  fileprivate func write(to card: inout ModelCard) {
    card[.roiSize] = .integer(size)
    switch `operator` {
    case .pool: card[.roiOperator] = .text("pool")
    case .align(let ratio, let isAligned):
      card[.roiOperator] = .text(isAligned ? "align_half_pixel" : "align")
      card[.roiSamplingRatio] = .integer(ratio ?? 0)
    case .alignAverage: card[.roiOperator] = .text("align_average")
    case .cropMaximum: card[.roiOperator] = .text("crop")
    case .truncatingAdaptiveMax: break
    }
  }
}
