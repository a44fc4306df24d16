import Detection
import Tensors
import Testing

/// Labels, assignments and samples of anchors.
struct AnchorTargetCreatorTests {
  static let base = AnchorSettings().makeBase()

  private func box(_ yMin: Float, _ xMin: Float, _ yMax: Float, _ xMax: Float) -> BoundingBox {
    BoundingBox(yMin: yMin, xMin: xMin, yMax: yMax, xMax: xMax)
  }

  /// Four anchors in a row of 10 x 10 pixels, and one across the picture's left edge.
  private var row: [BoundingBox] {
    [
      box(0, 0, 10, 10), box(0, 10, 10, 20), box(0, 20, 10, 30), box(0, 40, 10, 50),
      box(0, -5, 10, 5),
    ]
  }

  private func assign(
    _ creator: AnchorTargetCreator, _ groundTruth: [BoundingBox], to anchors: [BoundingBox]? = nil
  ) -> AnchorAssignment {
    creator.assign(groundTruth, to: anchors ?? row, imageHeight: 10, imageWidth: 50)
  }

  @Test
  func labelsIndicesAndOffsetsMeetTheGolden() throws {
    let goldens = try Goldens()
    let grid = AnchorGrid(base: Self.base, featureStride: 16, height: 37, width: 50)
    let assignment = AnchorTargetCreator.note001.assign(
      try goldens.boxes("anchor_targets.gt"), to: grid.anchors, imageHeight: 592, imageWidth: 800)
    #expect(
      try assignment.labels.map(\.rawValue)
        == goldens.integers("anchor_targets.labels_before_sampling"))
    let indices = try goldens.integers("anchor_targets.argmax")
    for index in grid.indicesInside(height: 592, width: 800) {
      #expect(assignment.groundTruthIndices[index] == indices[index])
    }
    let offsets = assignment.offsets.flatMap { [$0.dy, $0.dx, $0.dh, $0.dw] }
    // The same float32 operations; `log` may differ in the last place.
    #expect(largestDifference(offsets, try goldens.floats("anchor_targets.loc")) < 1e-5)
  }

  @Test
  func note002sPictureHasIts22500Anchors8940OfThemInsideAndItsLabels() throws {
    let goldens = try Goldens()
    let grid = AnchorGrid(base: Self.base, featureStride: 16, height: 50, width: 50)
    #expect(grid.anchors.count == 22_500)
    #expect(grid.indicesInside(height: 800, width: 800).count == 8_940)
    let groundTruth = try goldens.boxes("notebook.gt")
    let assignment = AnchorTargetCreator.note002.assign(
      groundTruth, to: grid.anchors, imageHeight: 800, imageWidth: 800)
    #expect(
      try assignment.labels.map(\.rawValue) == goldens.integers("notebook.labels_before_sampling"))
    #expect(assignment.count(.foreground) == 18)
    #expect(assignment.count(.background) == 7_690)
    #expect(assignment.count(.ignored) == 22_500 - 8_940 + 1_232)
    // The notebook walks the cells x-major: another order of the same anchors, so the same counts.
    var xMajor: [BoundingBox] = []
    for x in 0..<50 {
      for y in 0..<50 {
        let first = 9 * (50 * y + x)
        xMajor += grid.anchors[first..<first + 9]
      }
    }
    let transposed = AnchorTargetCreator.note002.assign(
      groundTruth, to: xMajor, imageHeight: 800, imageWidth: 800)
    #expect(transposed.count(.foreground) == 18)
    #expect(transposed.count(.background) == 7_690)
    #expect(transposed.labels != assignment.labels)
  }

  @Test
  func theNotebooksFirstOffsetHasADyOf0Point5856Not1Point084() throws {
    // Erratum of note 002: `yxyx_hwyx` takes the centre's y from the width.
    let grid = AnchorGrid(base: Self.base, featureStride: 16, height: 50, width: 50)
    let creator = AnchorTargetCreator.note002
    let groundTruth = try Goldens().boxes("notebook.gt")
    let assignment = creator.assign(
      groundTruth, to: grid.anchors, imageHeight: 800, imageWidth: 800)
    // The notebook prints the offsets of the inside anchors x-major: the first one is in the
    // leftmost column of cells that has any, and there in the uppermost cell.
    let inside = grid.indicesInside(height: 800, width: 800)
    let first = try #require(
      inside.min { ($0 / 9 % 50, $0 / 450, $0 % 9) < ($1 / 9 % 50, $1 / 450, $1 % 9) })
    let offset = assignment.offsets[first]
    // The notebook prints eight decimals of the other three, which are right.
    #expect(
      largestDifference(
        [offset.dx, offset.dh, offset.dw], [2.309_145_58, 0.741_567_4, 1.647_276_02]) < 1e-6)
    // (210 - 104) / 181.01933; the notebook has (20 + 470 / 2 - (13.4903 + 90.5097 / 2)) /
    // 181.01933.
    #expect(abs(offset.dy - 0.5856) < 5e-5)
  }

  @Test
  func note001LeavesAnchorsAcrossTheEdgeOutNote000KeepsThem() {
    let groundTruth = [box(0, -5, 10, 5)]
    #expect(assign(.note001, groundTruth).labels.last == .ignored)
    #expect(assign(.note001, groundTruth).groundTruthIndices.last == .some(nil))
    #expect(assign(.note000, groundTruth).labels.last == .foreground)
  }

  @Test
  func bestAnchorsAreObjectsBelowTheThresholdAndTieInNote001Alone() {
    // Each of the first two anchors covers 5 of 10 columns: an overlap of 50 / 150 is not below 0.3
    // and far from 0.7.
    let groundTruth = [box(0, 5, 10, 15)]
    #expect(
      assign(.note001, groundTruth).labels
        == [.foreground, .foreground, .background, .background, .ignored])
    var note000 = AnchorTargetCreator.note000
    note000.keepsInsideAnchorsOnly = true
    #expect(
      assign(note000, groundTruth).labels
        == [.foreground, .ignored, .background, .background, .ignored])
  }

  @Test
  func note000ReassignsABestAnchorNote001LeavesItWhatItOverlapsMost() {
    // Anchor 0 overlaps the first box most; it is also the best, and only, anchor of the second.
    let groundTruth = [box(0, 0, 10, 10), box(0, 0, 10, 1)]
    #expect(assign(.note001, groundTruth).groundTruthIndices[0] == 0)
    #expect(assign(.note001, groundTruth).labels[0] == .foreground)
    var note000 = AnchorTargetCreator.note000
    note000.keepsInsideAnchorsOnly = true
    #expect(assign(note000, groundTruth).groundTruthIndices[0] == 1)
  }

  @Test
  func thresholds0Point7IsAnObject0Point3IsNotBackground() {
    let anchors = [box(0, 0, 10, 10), box(0, 0, 10, 7), box(0, 0, 10, 3), box(0, 0, 10, 2.9)]
    #expect(
      assign(.note001, [box(0, 0, 10, 10)], to: anchors).labels
        == [.foreground, .foreground, .ignored, .background])
  }

  @Test(arguments: [AnchorTargetCreator.note000, .note001])
  func aGroundTruthThatOverlapsNothingMakesNoAnchorAnObject(
    _ creator: AnchorTargetCreator
  ) {
    // The trap: its largest overlap is 0, which every anchor beside it reaches.
    let assignment = assign(creator, [box(0, 0, 10, 10), box(0, 32, 10, 38)])
    #expect(assignment.count(.foreground) == 1)
    #expect(assignment.labels[0] == .foreground)
  }

  @Test(arguments: [AnchorTargetCreator.note000, .note001])
  func withoutGroundTruthEveryAnchorThatCountsIsBackground(
    _ creator: AnchorTargetCreator
  ) {
    // Two of these have no area and two are not finite: they are no ground truth.
    let useless = [
      box(3, 3, 3, 8), box(8, 8, 2, 2), box(.nan, 0, 9, 9), box(0, 0, .infinity, 9),
    ]
    for groundTruth in [[], useless] {
      let assignment = assign(creator, groundTruth)
      #expect(assignment.count(.foreground) == 0)
      #expect(assignment.labels.prefix(4).allSatisfy { $0 == .background })
      #expect(assignment.offsets.allSatisfy { $0 == BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0) })
      #expect(assignment.groundTruthIndices.allSatisfy { $0 == nil })
    }
  }

  @Test(arguments: [AnchorTargetCreator.note000, .note001])
  func degenerateAnchorsGiveNoOffsetThatIsNotFinite(_ creator: AnchorTargetCreator) {
    let anchors = [
      box(.nan, 0, 5, 5), box(0, 0, .infinity, 5), box(2, 2, 2, 2), box(-3e38, -3e38, 3e38, 3e38),
    ]
    let assignment = assign(creator, [box(0, 0, 10, 10), box(0, 0, 3e38, 3e38)], to: anchors)
    #expect(assignment.offsets.allSatisfy { $0.isFinite })
    #expect(assignment.labels[0] == .ignored)
    #expect(assign(creator, [box(0, 0, 1, 1)], to: []).labels.isEmpty)
  }

  @Test(arguments: 0..<20)
  func aSampleHasAtMostHalfObjectsAndIsFilledUpWithBackgroundForAnySeed(
    _ seed: Int
  ) {
    var generator = SplitMix64(seed: UInt64(seed))
    for (objects, background) in [(18, 7_690), (300, 5_000), (300, 40), (0, 1_000), (0, 0), (5, 3)]
    {
      let labels =
        [MatchLabel](repeating: .foreground, count: objects)
        + [MatchLabel](repeating: .background, count: background) + [.ignored, .ignored]
      let whole = AnchorAssignment(
        labels: labels.shuffled(using: &generator),
        groundTruthIndices: labels.map { _ in nil },
        offsets: labels.map { _ in BoxOffset(dy: 1, dx: 2, dh: 3, dw: 4) })
      let sample = AnchorTargetCreator.note001.sample(whole, using: &generator)
      let expected = min(objects, 128)
      #expect(sample.count(.foreground) == expected)
      // Erratum of note 002: it counts `n_neg` before the objects are thinned out, and with 300 of
      // them would keep no background at all.
      #expect(sample.count(.background) == min(background, 256 - expected))
      #expect(sample.offsets == whole.offsets)
      #expect(
        zip(sample.labels, whole.labels).allSatisfy { $0 == $1 || $0 == .ignored })
    }
  }

  @Test
  func aSeedGivesTheSameSampleAgainAndAnotherSeedAnotherOne() {
    let labels = [MatchLabel](repeating: .background, count: 1_000)
    let whole = AnchorAssignment(
      labels: labels, groundTruthIndices: labels.map { _ in nil },
      offsets: labels.map { _ in BoxOffset(dy: 0, dx: 0, dh: 0, dw: 0) })
    func sample(_ seed: UInt64) -> AnchorAssignment {
      var generator = SplitMix64(seed: seed)
      return AnchorTargetCreator.note001.sample(whole, using: &generator)
    }
    #expect(sample(1) == sample(1))
    #expect(sample(1) != sample(2))
  }
}
