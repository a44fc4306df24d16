import Detection

// What the notes 000 to 003 say, as settings; `docs/notes-errata.md` tells where they err.

extension AnchorTargetCreator {
  /// bubbliiiing: all anchors, the first best anchor reassigned.
  static let note000 = AnchorTargetCreator(
    matcher: Matcher(
      positiveThreshold: 0.7, negativeOverlaps: 0..<0.3, bestBoxes: .firstReassigned),
    keepsInsideAnchorsOnly: false)

  /// simple-faster-rcnn: anchors inside the picture, best anchors with ties.
  static let note001 = AnchorTargetCreator()

  /// The settings of note 001.
  static let note002 = note001
}

extension ProposalTargetCreator {
  /// bubbliiiing: half of the sample may be objects.
  static let note000 = ProposalTargetCreator(
    sampler: Sampler(count: 128, positiveShare: 0.5, shareRounding: .toNearestOrEven))

  /// simple-faster-rcnn: a quarter of the sample may be objects.
  static let note001 = ProposalTargetCreator()

  /// Ground truth is not appended, offsets are not normalised, labels start at 1.
  static let note002 = ProposalTargetCreator(
    sampler: Sampler(count: 128, positiveShare: 0.25), appendsGroundTruth: false, firstLabel: 1,
    offsetDeviation: BoxOffset(dy: 1, dx: 1, dh: 1, dw: 1))
}

extension RPNLoss {
  /// bubbliiiing.
  static let note000 = RPNLoss(sigma: 1, normalisation: .positiveCount, lambda: 1)

  /// simple-faster-rcnn; chainercv and py-faster-rcnn do the same.
  static let note001 = RPNLoss(sigma: 3, normalisation: .sampledCount, lambda: 1)

  /// As the note means it; its code adds `lambda` times the *classification* loss.
  static let note002 = RPNLoss(sigma: 1, normalisation: .positiveCount, lambda: 10)

  /// The paper's lambda of 10, and the number of cells of the feature map as N_reg.
  static func note003(cellCount: Int) -> RPNLoss {
    RPNLoss(sigma: 1, normalisation: .fixed(cellCount), lambda: 10)
  }
}

extension RoILoss {
  /// bubbliiiing.
  static let note000 = RoILoss(normalisation: .positiveCount, lambda: 1)

  /// simple-faster-rcnn: the divisor is the number of RoIs.
  static let note001 = RoILoss(normalisation: .sampledCount, lambda: 1)

  /// As the note means it: objects only, divided by their own number.
  static let note002 = RoILoss(normalisation: .positiveCount, lambda: 10)

  /// As its code computes it: background too, divided by the number of positive *anchors*.
  static func note002AsWritten(positiveAnchorCount: Int) -> RoILoss {
    RoILoss(
      normalisation: .fixed(positiveAnchorCount), lambda: 10, countsBackgroundOffsets: true)
  }
}
