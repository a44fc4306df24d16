import Detection
import Tensors
import Testing

/// Losses of the RPN and of the head: values, gradients, and how the notes normalise them.
struct LossTests {
  private let goldens: Goldens
  private let scores: Tensor
  private let predictions: [BoxOffset]
  private let targets: AnchorAssignment

  init() throws {
    goldens = try Goldens()
    scores = try goldens.tensor("loss.scores")
    predictions = Self.offsets(try goldens.floats("loss.pred"))
    let labels = try goldens.integers("loss.labels").map { MatchLabel(rawValue: $0) ?? .ignored }
    targets = AnchorAssignment(
      labels: labels, groundTruthIndices: labels.map { _ in nil },
      offsets: Self.offsets(try goldens.floats("loss.target")))
  }

  private static func offsets(_ values: [Float]) -> [BoxOffset] {
    stride(from: 0, to: values.count, by: 4).map {
      BoxOffset(dy: values[$0], dx: values[$0 + 1], dh: values[$0 + 2], dw: values[$0 + 3])
    }
  }

  private static func floats(_ offsets: [BoxOffset]) -> [Float] {
    offsets.flatMap { [$0.dy, $0.dx, $0.dh, $0.dw] }
  }

  @Test(arguments: [Float(1), 3])
  func smoothL1OverTheObjectsDividedByTheSampledCountMeetsTheGolden(
    _ sigma: Float
  ) throws {
    let loss = RPNLoss(sigma: sigma, normalisation: .sampledCount, lambda: 1)(
      scores: scores, offsets: predictions, targets: targets)
    let name = "loss.smooth_l1_sigma\(Int(sigma))"
    // PyTorch sums 708 terms in float32, this in double: some ten units in the last place.
    #expect(largestDifference([loss.regression], try goldens.floats(name)) < 1e-5)
    // Gradients are about 1e-3: compared at that size.
    #expect(
      largestDifference(
        Self.floats(loss.offsetGradient).map { $0 * 1e3 },
        try goldens.floats(name + ".grad").map { $0 * 1e3 }) < 1e-5)
  }

  @Test
  func crossEntropyWithoutTheIgnoredRowsMeetsTheGolden() throws {
    let loss = CrossEntropyLoss(logits: scores, labels: targets.labels.map(\.rawValue))
    #expect(largestDifference([loss.value], try goldens.floats("loss.cross_entropy")) < 1e-5)
    #expect(
      largestDifference(
        loss.gradient.map { $0 * 1e3 },
        try goldens.floats("loss.cross_entropy.grad").map { $0 * 1e3 }) < 1e-5)
  }

  @Test
  func smoothL1IsASquareWithinTheInverseSquareOfSigmaAndALineOutside() {
    let one = SmoothL1Loss(sigma: 1)
    #expect([-2, -0.5, 0, 0.5, 1, 2].map(one.value) == [1.5, 0.125, 0, 0.125, 0.5, 1.5])
    #expect([-2, -0.5, 0, 0.5, 1, 2].map(one.derivative) == [-1, -0.5, 0, 0.5, 1, 1])
    let two = SmoothL1Loss(sigma: 2)
    #expect([0.125, 0.25, 1].map(two.value) == [0.03125, 0.125, 0.875])
    #expect([0.125, 0.25, 1].map(two.derivative) == [0.5, 1, 1])
  }

  @Test
  func crossEntropyByHand() {
    // PyTorch: cross_entropy([[2, 0, 1], [0, 0, 0], [5, 1, 1]], [0, 2, -1], ignore_index=-1).
    let loss = CrossEntropyLoss(
      logits: Tensor(shape: [3, 3], values: [2, 0, 1, 0, 0, 0, 5, 1, 1]), labels: [0, 2, -1])
    #expect(abs(loss.value - 0.7531) < 5e-5)
    // (softmax - one-hot) / 2 in the second row: a third each.
    let second: [Float] = [1.0 / 6, 1.0 / 6, -1.0 / 3]
    #expect(largestDifference(Array(loss.gradient[3..<6]), second) < 1e-7)
    #expect(Array(loss.gradient[6...]) == [0, 0, 0])
  }

  @Test
  func crossEntropyDoesNotOverflowAndCountsNothingAs0() {
    let huge = CrossEntropyLoss(
      logits: Tensor(shape: [1, 2], values: [3e38, -3e38]), labels: [0])
    #expect(huge.value == 0)
    let ignored = CrossEntropyLoss(logits: Tensor(shape: [1, 2], values: [1, 2]), labels: [-1])
    #expect(ignored.value == 0)
    #expect(ignored.gradient == [0, 0])
    #expect(CrossEntropyLoss(logits: Tensor(shape: [0, 2]), labels: []).value == 0)
  }

  @Test
  func aPredictionThatIsNotFiniteMakesTheLossNotFinite() {
    let logits = Tensor(shape: [1, 2], values: [.nan, 0])
    #expect(!CrossEntropyLoss(logits: logits, labels: [0]).value.isFinite)
    #expect(SmoothL1Loss(sigma: 1).value(.infinity) == .infinity)
    #expect(SmoothL1Loss(sigma: 1).derivative(.nan).isNaN)
  }

  @Test(arguments: [
    RPNLoss.note000, .note001, .note002, .note003(cellCount: 2_400),
  ])
  func theGradientOfTheRPNLossIsWhatASmallChangeOfEachPredictionChanges(
    _ loss: RPNLoss
  ) {
    var generator = SplitMix64(seed: 4)
    let labels: [MatchLabel] = [.foreground, .background, .ignored, .foreground, .background]
    let targets = AnchorAssignment(
      labels: labels, groundTruthIndices: labels.map { _ in nil },
      offsets: labels.map { _ in Self.randomOffset(using: &generator) })
    let scores = Tensor(
      shape: [5, 2], values: (0..<10).map { _ in .random(in: -2...2, using: &generator) })
    let offsets = labels.map { _ in Self.randomOffset(using: &generator) }
    let result = loss(scores: scores, offsets: offsets, targets: targets)
    let step: Float = 1 / 256
    for index in scores.values.indices {
      let slope = Self.slope(step) { change in
        var scores = scores
        scores.values[index] += change
        return loss(scores: scores, offsets: offsets, targets: targets).total
      }
      #expect(abs(slope - result.scoreGradient[index]) < Self.slopeTolerance)
    }
    for index in offsets.indices {
      for part in Self.parts {
        let slope = Self.slope(step) { change in
          var offsets = offsets
          offsets[index][keyPath: part] += change
          return loss(scores: scores, offsets: offsets, targets: targets).total
        }
        #expect(abs(slope - result.offsetGradient[index][keyPath: part]) < Self.slopeTolerance)
      }
    }
  }

  @Test(arguments: [
    RoILoss.note000, .note001, .note002, .note002AsWritten(positiveAnchorCount: 18),
  ])
  func theGradientOfTheRoILossIsWhatASmallChangeOfEachPredictionChanges(
    _ loss: RoILoss
  ) {
    var generator = SplitMix64(seed: 5)
    let targets = Self.sample(labels: [2, 1, 0, 0], using: &generator)
    let scores = Tensor(
      shape: [4, 3], values: (0..<12).map { _ in .random(in: -2...2, using: &generator) })
    let offsets = (0..<12).map { _ in Self.randomOffset(using: &generator) }
    let result = loss(scores: scores, offsets: offsets, targets: targets)
    let step: Float = 1 / 256
    for index in offsets.indices {
      let slope = Self.slope(step) { change in
        var scores = scores
        scores.values[index] += change
        return loss(scores: scores, offsets: offsets, targets: targets).total
      }
      #expect(abs(slope - result.scoreGradient[index]) < Self.slopeTolerance)
      for part in Self.parts {
        let slope = Self.slope(step) { change in
          var offsets = offsets
          offsets[index][keyPath: part] += change
          return loss(scores: scores, offsets: offsets, targets: targets).total
        }
        #expect(abs(slope - result.offsetGradient[index][keyPath: part]) < Self.slopeTolerance)
      }
    }
  }

  @Test
  func theNotesDivideTheRPNsBoxLossByDifferentCountsAndWeighItDifferently() {
    // One object off by 2 in each part: 4 x 1.5 with sigma 1, 4 x (2 - 1/18) with sigma 3.
    let labels: [MatchLabel] = [.foreground, .background, .background, .ignored]
    let targets = AnchorAssignment(
      labels: labels, groundTruthIndices: labels.map { _ in nil },
      offsets: labels.map { _ in BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0) })
    let offsets = labels.map { _ in BoxOffset(dy: 2, dx: -2, dh: 2, dw: -2) }
    func loss(_ loss: RPNLoss) -> DetectionLoss {
      loss(scores: Tensor(shape: [4, 2]), offsets: offsets, targets: targets)
    }
    let logarithm: Float = 0.693_147_2
    for (setting, regression, lambda) in [
      (RPNLoss.note000, Float(6), Float(1)), (.note001, 4 * (2 - 1.0 / 18) / 3, 1),
      (.note002, 6, 10), (.note003(cellCount: 24), 0.25, 10),
    ] {
      let result = loss(setting)
      #expect(largestDifference([result.classification], [logarithm]) < 1e-6)
      #expect(largestDifference([result.regression], [regression]) < 1e-6)
      // Erratum of note 002: it adds lambda times the classification loss, 11 x 0.6919 = 7.6111.
      #expect(largestDifference([result.total], [logarithm + lambda * regression]) < 1e-6)
    }
  }

  @Test
  func theNotesDivideTheHeadsBoxLossByDifferentCounts() {
    var generator = SplitMix64(seed: 6)
    var targets = Self.sample(labels: [1, 0, 0, 0], using: &generator)
    targets = ProposalSample(
      indices: targets.indices, rois: targets.rois, labels: targets.labels,
      offsets: targets.rois.map { _ in BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0) }, positiveCount: 1)
    let offsets = (0..<8).map { _ in BoxOffset(dy: 2, dx: -2, dh: 2, dw: -2) }
    func regression(_ loss: RoILoss) -> Float {
      loss(scores: Tensor(shape: [4, 2]), offsets: offsets, targets: targets).regression
    }
    #expect(regression(.note000) == 6)
    #expect(regression(.note001) == 1.5)
    #expect(regression(.note002) == 6)
    // Erratum of note 002: background counts, and the divisor is the RPN's number of objects.
    #expect(regression(.note002AsWritten(positiveAnchorCount: 18)) == 4 * 6 / Float(18))
  }

  @Test
  func backgroundAloneHasNoBoxLossAndNothingAtAllHasNoLoss() {
    var generator = SplitMix64(seed: 7)
    for loss in [RoILoss.note000, .note001, .note002] {
      let background = loss(
        scores: Tensor(shape: [2, 3]),
        offsets: (0..<6).map { _ in Self.randomOffset(using: &generator) },
        targets: Self.sample(labels: [0, 0], using: &generator))
      #expect(background.regression == 0)
      #expect(background.total == background.classification)
      let nothing = loss(
        scores: Tensor(shape: [0, 3]), offsets: [],
        targets: Self.sample(labels: [], using: &generator))
      #expect(nothing.total == 0)
    }
    let nothing = RPNLoss.note001(
      scores: Tensor(shape: [0, 2]), offsets: [],
      targets: AnchorAssignment(labels: [], groundTruthIndices: [], offsets: []))
    #expect(nothing.total == 0)
  }

  private static let parts: [any WritableKeyPath<BoxOffset, Float> & Sendable] = [
    \.dy, \.dx, \.dh, \.dw,
  ]

  /// How far a slope may be from a gradient.
  ///
  /// A loss of up to 100 in float32 is exact to 1e-5, and its difference over a step of 2 / 256 to
  /// some 1e-3; curvature adds at most 10 * 9 * step^2. Gradients are up to 5.
  private static let slopeTolerance: Float = 1e-2

  private static func slope(_ step: Float, _ loss: (Float) -> Float) -> Float {
    (loss(step) - loss(-step)) / (2 * step)
  }

  private static func randomOffset(using generator: inout SplitMix64) -> BoxOffset {
    BoxOffset(
      dy: .random(in: -2...2, using: &generator), dx: .random(in: -2...2, using: &generator),
      dh: .random(in: -2...2, using: &generator), dw: .random(in: -2...2, using: &generator))
  }

  private static func sample(labels: [Int], using generator: inout SplitMix64) -> ProposalSample {
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 10, xMax: 10)
    return ProposalSample(
      indices: Array(labels.indices), rois: labels.map { _ in box }, labels: labels,
      offsets: labels.map { _ in randomOffset(using: &generator) },
      positiveCount: labels.count { $0 > 0 })
  }
}
