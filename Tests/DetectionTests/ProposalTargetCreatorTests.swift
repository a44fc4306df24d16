import Detection
import Tensors
import Testing

/// Objects, classes and samples of proposals.
struct ProposalTargetCreatorTests {
  private func box(_ yMin: Float, _ xMin: Float, _ yMax: Float, _ xMax: Float) -> BoundingBox {
    BoundingBox(yMin: yMin, xMin: xMin, yMax: yMax, xMax: xMax)
  }

  @Test
  func assignmentsOverlapsAndOffsetsMeetTheGolden() throws {
    let goldens = try Goldens()
    let labels = try goldens.integers("proposal_targets.gt_labels")
    let assignment = ProposalTargetCreator.note001.assign(
      try goldens.boxes("proposal_targets.gt"), labels: labels,
      to: try goldens.boxes("proposal_targets.rois"))
    let indices = try goldens.integers("proposal_targets.assignment")
    #expect(assignment.groundTruthIndices == indices)
    #expect(assignment.labels == indices.map { labels[$0] + 1 })
    // An overlap is three roundings of float32 away from exact.
    #expect(
      largestDifference(assignment.overlaps, try goldens.floats("proposal_targets.max_iou")) < 1e-6)
    let offsets = assignment.offsets.flatMap { [$0.dy, $0.dx, $0.dh, $0.dw] }
    // The same float32 operations; `log` may differ in the last place, and is divided by 0.2.
    #expect(largestDifference(offsets, try goldens.floats("proposal_targets.loc_all")) < 1e-5)
  }

  @Test
  func groundTruthIsAppendedInNotes000And001AndNotInNote002() {
    let proposals = [box(0, 0, 4, 4)]
    let groundTruth = [box(0, 0, 10, 10), box(20, 20, 30, 30)]
    for creator in [ProposalTargetCreator.note000, .note001] {
      let assignment = creator.assign(groundTruth, labels: [3, 7], to: proposals)
      #expect(assignment.rois == proposals + groundTruth)
      #expect(assignment.overlaps == [0.16, 1, 1])
      #expect(assignment.labels == [4, 4, 8])
    }
    // Note 002's labels start at 1 and are the head's classes as they are.
    let assignment = ProposalTargetCreator.note002.assign(
      groundTruth, labels: [3, 7], to: proposals)
    #expect(assignment.rois == proposals)
    #expect(assignment.labels == [3])
  }

  @Test
  func offsetsAreDividedByTheDeviationExceptInNote002() {
    let proposals = [box(0, 0, 10, 10)]
    let groundTruth = [box(1, 2, 11, 12)]
    let normalised = ProposalTargetCreator.note001.assign(
      groundTruth, labels: [0], to: proposals
    ).offsets[0]
    #expect(largestDifference([normalised.dy, normalised.dx], [1, 2]) < 1e-6)
    let plain = ProposalTargetCreator.note002.assign(
      groundTruth, labels: [1], to: proposals
    ).offsets[0]
    #expect(plain == BoxOffset(dy: 0.1, dx: 0.2, dh: 0, dw: 0))
  }

  @Test
  func theMeanIsSubtractedBeforeTheDeviationDivides() {
    let creator = ProposalTargetCreator(
      offsetMean: BoxOffset(dy: 0.1, dx: 0, dh: 0, dw: 0),
      offsetDeviation: BoxOffset(dy: 0.5, dx: 1, dh: 1, dw: 1))
    let offset = creator.assign([box(2, 0, 12, 10)], labels: [0], to: [box(0, 0, 10, 10)]).offsets[
      0]
    #expect(abs(offset.dy - 0.2) < 1e-6)
  }

  @Test
  func anOverlapOfExactlyOneHalfIsAnObjectAndAnySmallerOne0IncludedBackground() {
    let groundTruth = [box(0, 0, 10, 10)]
    let creator = ProposalTargetCreator(appendsGroundTruth: false)
    let assignment = creator.assign(
      groundTruth, labels: [5], to: [box(0, 0, 10, 5), box(0, 0, 10, 4.9), box(50, 50, 60, 60)])
    var generator = SplitMix64(seed: 0)
    let sample = creator.sample(assignment, using: &generator)
    // Erratum of note 001: its text takes background at an overlap of at most 0, or 0.1.
    #expect(sample.positiveCount == 1)
    #expect(sample.indices.first == 0)
    #expect(Set(sample.indices.dropFirst()) == [1, 2])
    #expect(sample.labels == [6, 0, 0])
  }

  @Test(arguments: 0..<20)
  func aSampleHasItsShareOfObjectsFirstAndBackgroundAfterForAnySeed(_ seed: Int) {
    var generator = SplitMix64(seed: UInt64(seed))
    let object = box(0, 0, 10, 10)
    let beside = box(50, 50, 60, 60)
    for (objects, background) in [(200, 200), (10, 300), (300, 10), (0, 200), (20, 0)] {
      let proposals =
        ([BoundingBox](repeating: object, count: objects)
        + [BoundingBox](repeating: beside, count: background)).shuffled(using: &generator)
      for (creator, share) in [(ProposalTargetCreator.note000, 64), (.note001, 32), (.note002, 32)]
      {
        let assignment = creator.assign([object], labels: [2], to: proposals)
        let available = objects + (creator.appendsGroundTruth ? 1 : 0)
        let sample = creator.sample(assignment, using: &generator)
        #expect(sample.positiveCount == min(available, share))
        #expect(
          sample.indices.count == sample.positiveCount + min(background, 128 - sample.positiveCount)
        )
        #expect(Set(sample.indices).count == sample.indices.count)
        #expect(sample.rois == sample.indices.map { assignment.rois[$0] })
        #expect(sample.rois.prefix(sample.positiveCount).allSatisfy { $0 == object })
        #expect(sample.labels.dropFirst(sample.positiveCount).allSatisfy { $0 == 0 })
        #expect(
          sample.labels.prefix(sample.positiveCount).allSatisfy { $0 == 3 - creator.firstLabel })
      }
    }
  }

  @Test
  func theShareIsRoundedHalfToEvenAsNumPyDoesAndCutInNote002() {
    // A quarter of 10 is 2.5, and of 14 is 3.5.
    let object = box(0, 0, 10, 10)
    let proposals = [BoundingBox](repeating: object, count: 20)
    for (count, rule, expected) in [
      (10, FloatingPointRoundingRule.toNearestOrEven, 2), (14, .toNearestOrEven, 4),
      (14, .towardZero, 3),
    ] {
      let creator = ProposalTargetCreator(
        sampler: Sampler(count: count, positiveShare: 0.25, shareRounding: rule))
      var generator = SplitMix64(seed: 0)
      let sample = creator.sample(
        creator.assign([object], labels: [0], to: proposals), using: &generator)
      #expect(sample.positiveCount == expected)
    }
  }

  @Test(arguments: [ProposalTargetCreator.note000, .note001, .note002])
  func withoutGroundTruthEveryRoIIsBackground(_ creator: ProposalTargetCreator) {
    let proposals = [box(0, 0, 10, 10), box(5, 5, 20, 20)]
    var generator = SplitMix64(seed: 0)
    // Two without area, one not finite: they are no ground truth.
    let useless = [box(3, 3, 3, 9), box(9, 9, 1, 1), box(0, 0, 5, .nan)]
    for groundTruth in [[], useless] {
      let assignment = creator.assign(
        groundTruth, labels: groundTruth.map { _ in 4 }, to: proposals)
      #expect(assignment.labels.allSatisfy { $0 == 0 })
      #expect(assignment.offsets.allSatisfy { $0 == BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0) })
      let sample = creator.sample(assignment, using: &generator)
      #expect(sample.positiveCount == 0)
      #expect(Set(sample.indices).isSuperset(of: [0, 1]))
      #expect(sample.rois.allSatisfy { $0.isFinite })
    }
    let nothing = creator.sample(creator.assign([], labels: [], to: []), using: &generator)
    #expect(nothing.indices.isEmpty)
  }

  @Test
  func anRoIThatIsNotFiniteIsNeverDrawn() {
    let proposals = [
      box(.nan, 0, 5, 5), box(0, 0, .infinity, 5), box(0, 0, 9, 10), box(4, 4, 4, 4),
      box(-3e38, -3e38, 3e38, 3e38),
    ]
    let creator = ProposalTargetCreator.note001
    let assignment = creator.assign([box(0, 0, 10, 10)], labels: [0], to: proposals)
    #expect(assignment.overlaps.prefix(2) == [-1, -1])
    #expect(assignment.offsets.allSatisfy { $0.isFinite })
    var generator = SplitMix64(seed: 9)
    let sample = creator.sample(assignment, using: &generator)
    #expect(sample.rois.allSatisfy { $0.isFinite })
    #expect(Set(sample.indices).isDisjoint(with: [0, 1]))
    #expect(sample.positiveCount == 2)
  }

  @Test
  func aSeedGivesTheSameSampleAgain() throws {
    let goldens = try Goldens()
    let creator = ProposalTargetCreator.note001
    let assignment = creator.assign(
      try goldens.boxes("proposal_targets.gt"),
      labels: try goldens.integers("proposal_targets.gt_labels"),
      to: try goldens.boxes("proposal_targets.rois"))
    func sample(_ seed: UInt64) -> ProposalSample {
      var generator = SplitMix64(seed: seed)
      return creator.sample(assignment, using: &generator)
    }
    #expect(sample(5) == sample(5))
    #expect(sample(5) != sample(6))
    #expect(sample(5).positiveCount == 32)
  }
}
