import Detection
import Testing

@Suite struct ProposalCreatorTests {
  @Test(
    arguments: [
      ("train_12000_2000", ProposalCounts(beforeNMS: 12_000, afterNMS: 2_000)),
      ("train_12000_600", ProposalCounts(beforeNMS: 12_000, afterNMS: 600)),
      ("test_6000_300", ProposalCounts(beforeNMS: 6_000, afterNMS: 300)),
      ("test_3000_300", ProposalCounts(beforeNMS: 3_000, afterNMS: 300)),
    ], [Float(1.0), 1.6])
  func proposalsMatchTheGolden(setting: (String, ProposalCounts), scale: Float) throws {
    let goldens = try Goldens()
    let name = "proposals.\(setting.0)_scale\(scale)"
    let scores = try goldens.floats("proposals.score")
    let offsets = try goldens.floats("proposals.loc")
    let grid = AnchorGrid(
      base: AnchorSettings().makeBase(), featureStride: 16, height: 37, width: 50)
    // The golden's scores are one number an anchor, ranked as they are.
    let creator = ProposalCreator(
      settings: ProposalSettings(
        layout: .single, ranking: .foregroundLogit, counts: setting.1))
    let frame = ImageFrame(
      height: 592, width: 800, originalHeight: 592, originalWidth: 800, scale: scale)
    let proposals = creator.propose(
      offsets: offsets, scores: scores, grids: [grid], frames: [frame])
    let expected = try goldens.boxes(name + ".rois")
    #expect(proposals.count == expected.count)
    #expect(
      proposals.anchorIndices.map { scores[$0] } == (try goldens.floats(name + ".scores")))
    for (box, wanted) in zip(proposals.boxes, expected) {
      // An edge near 0 is the difference of two numbers of some 1,000 pixels.
      #expect(isClose(box, wanted, relative: 1e-5, absolute: 1e-4))
    }
  }

  /// Outputs of an RPN that scatter, or that gather around a few objects, over 10 x 12 x 9 anchors.
  static func outputs(
    clustered: Bool, layout: ObjectnessLayout, order: CoordinateOrder, seed: UInt64
  ) -> (offsets: [Float], scores: [Float], grid: AnchorGrid) {
    var random = TestRandomness(seed: seed)
    let grid = AnchorGrid(
      base: AnchorSettings(scales: [2, 4, 8]).makeBase(), featureStride: 32, height: 10, width: 12)
    let objects = random.boxes(6, clusters: nil)
    var (offsets, scores): ([Float], [Float]) = ([], [])
    for anchor in grid.anchors {
      var offset = BoxOffset(
        dy: random.uniform(-1...1), dx: random.uniform(-1...1), dh: random.uniform(-1...1),
        dw: random.uniform(-1...1))
      if clustered, let object = objects.randomElement(using: &random) {
        let target = BoxCoder().encode(object, relativeTo: anchor)
        offset = BoxOffset(
          dy: target.dy + offset.dy / 50, dx: target.dx + offset.dx / 50,
          dh: target.dh + offset.dh / 10, dw: target.dw + offset.dw / 10)
      }
      let stored = offset.stored(as: order)
      offsets += [stored.0, stored.1, stored.2, stored.3]
      for _ in 0..<layout.channelsPerAnchor {
        // Coarse, and large now and then: ties, and probabilities of exactly 1.
        scores.append(random.uniform(-40...40).rounded() / (random.next() % 2 == 0 ? 1 : 8))
      }
    }
    return (offsets, scores, grid)
  }

  @Test(arguments: DetectionProfile.families, [false, true])
  func theResultIsThatOfThePlainAlgorithm(profile: DetectionProfile, clustered: Bool) {
    var settings = profile.proposals
    let frame = ImageFrame(height: 320, width: 384, originalHeight: 256, originalWidth: 307)
    // So few candidates, so few proposals (some runs stop early), and a run to the end.
    for (seed, counts) in [(300, 60), (800, 20), (10_000, 10_000)].enumerated() {
      settings.counts = ProposalCounts(beforeNMS: counts.0, afterNMS: counts.1)
      let (offsets, scores, grid) = Self.outputs(
        clustered: clustered, layout: settings.layout, order: profile.coder.order,
        seed: UInt64(seed))
      let wanted = Reference.propose(
        settings, profile.coder, offsets: offsets, scores: scores, grid: grid, frame: frame)
      let found = ProposalCreator(settings: settings, coder: profile.coder).propose(
        offsets: offsets, scores: scores, grids: [grid], frames: [frame])
      #expect(found.anchorIndices == wanted.kept)
      #expect(found.boxes == wanted.kept.map { wanted.boxes[$0] })
      #expect(wanted.kept.count > 1)
    }
  }

  @Test func aBatchGivesWhatItsPicturesGiveAlone() {
    let creator = ProposalCreator(settings: ProposalSettings())
    let frames = [
      ImageFrame(height: 320, width: 384, originalHeight: 320, originalWidth: 384),
      ImageFrame(height: 300, width: 380, originalHeight: 150, originalWidth: 190),
    ]
    let parts = (0..<2).map {
      Self.outputs(clustered: $0 == 0, layout: .interleavedPairs, order: .yxyx, seed: UInt64($0))
    }
    let both = creator.propose(
      offsets: (parts[0].offsets + parts[1].offsets),
      scores: (parts[0].scores + parts[1].scores), grids: [parts[0].grid], frames: frames)
    #expect(both.count == both.range(ofImage: 0).count + both.range(ofImage: 1).count)
    for image in 0..<2 {
      let alone = creator.propose(
        offsets: parts[image].offsets, scores: parts[image].scores,
        grids: [parts[image].grid], frames: [frames[image]])
      let range = both.range(ofImage: image)
      #expect(!range.isEmpty)
      #expect(Array(both.boxes[range]) == alone.boxes)
      #expect(Array(both.objectness[range]) == alone.objectness)
      #expect(Array(both.anchorIndices[range]) == alone.anchorIndices)
      #expect(both.imageIndices[range].allSatisfy { $0 == image })
    }
  }

  @Test func aUsedCreatorGivesWhatAFreshOneGives() {
    let fresh = ProposalCreator(settings: ProposalSettings())
    var used = fresh
    let frame = ImageFrame(height: 320, width: 384, originalHeight: 320, originalWidth: 384)
    for seed: UInt64 in [5, 6, 7] {
      let (offsets, scores, grid) = Self.outputs(
        clustered: seed == 6, layout: .interleavedPairs, order: .yxyx, seed: seed)
      let found = used.propose(
        offsets: offsets.span, scores: scores.span, grid: grid, frame: frame)
      #expect(
        found == fresh.propose(offsets: offsets, scores: scores, grids: [grid], frames: [frame]))
    }
  }

  @Test func levelsAreThinnedAloneAndMergedByProbability() {
    let profile = DetectionProfile.torchvisionFPN
    var settings = profile.proposals
    settings.counts = ProposalCounts(beforeNMS: 300, afterNMS: 40)
    settings.nms.shiftedCount = nil
    let creator = ProposalCreator(settings: settings, coder: profile.coder)
    let frame = ImageFrame(height: 320, width: 384, originalHeight: 320, originalWidth: 384)
    let fine = Self.outputs(clustered: false, layout: .single, order: .xyxy, seed: 8)
    let coarse = Self.outputs(clustered: true, layout: .single, order: .xyxy, seed: 9)
    let merged = creator.propose(
      offsets: (fine.offsets + coarse.offsets), scores: (fine.scores + coarse.scores),
      grids: [fine.grid, coarse.grid], frames: [frame])
    let alone = [fine, coarse].map {
      creator.propose(
        offsets: $0.offsets, scores: $0.scores, grids: [$0.grid], frames: [frame])
    }
    let objectness = alone[0].objectness + alone[1].objectness
    let boxes = alone[0].boxes + alone[1].boxes
    let order = Reference.ranked(Array(objectness.indices), by: objectness).prefix(40)
    #expect(merged.boxes == order.map { boxes[$0] })
    let anchors =
      alone[0].anchorIndices + alone[1].anchorIndices.map { $0 + fine.grid.anchors.count }
    #expect(merged.anchorIndices == order.map { anchors[$0] })
  }

  @Test(
    arguments: DetectionProfile.families,
    [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 200])
  func noInputMakesABoxThatIsNotFiniteOrLeavesThePicture(
    profile: DetectionProfile, poison: Float
  ) {
    let settings = profile.proposals
    let frame = ImageFrame(height: 320, width: 384, originalHeight: 320, originalWidth: 384)
    var (offsets, scores, grid) = Self.outputs(
      clustered: false, layout: settings.layout, order: profile.coder.order, seed: 10)
    var random = TestRandomness(seed: 11)
    for index in offsets.indices where random.next() % 5 == 0 { offsets[index] = poison }
    for index in scores.indices where random.next() % 5 == 0 { scores[index] = poison }
    let found = ProposalCreator(settings: settings, coder: profile.coder).propose(
      offsets: offsets, scores: scores, grids: [grid], frames: [frame])
    let wanted = Reference.propose(
      settings, profile.coder, offsets: offsets, scores: scores, grid: grid, frame: frame)
    #expect(found.anchorIndices == wanted.kept)
    #expect(!found.boxes.isEmpty)
    #expect(found.boxes.allSatisfy { $0.isFinite && $0.isInside(height: 320, width: 384) })
    #expect(found.objectness.allSatisfy { (0...1).contains($0) })
  }

  @Test func nothingButPoisonGivesNothing() {
    let grid = AnchorGrid(
      base: AnchorSettings().makeBase(), featureStride: 16, height: 2, width: 2)
    let frame = ImageFrame(height: 32, width: 32, originalHeight: 32, originalWidth: 32)
    let found = ProposalCreator(settings: ProposalSettings()).propose(
      offsets: [Float](repeating: .nan, count: 144),
      scores: [Float](repeating: 0, count: 72), grids: [grid], frames: [frame])
    #expect(found.count == 0)
  }

  @Test func oneCellAndNoCellsAndNoPicturesAreMaps() {
    let creator = ProposalCreator(settings: ProposalSettings())
    let frame = ImageFrame(height: 40, width: 40, originalHeight: 40, originalWidth: 40)
    let base = AnchorSettings().makeBase()
    let cell = AnchorGrid(base: base, featureStride: 16, height: 1, width: 1)
    let one = creator.propose(
      offsets: [Float](repeating: 0, count: 36),
      scores: (0..<18).map { Float($0) }, grids: [cell], frames: [frame])
    // All nine anchors cover the picture but for what the flat and the tall ones leave.
    #expect((1...9).contains(one.count))
    #expect(one.boxes[0] == BoundingBox(yMin: 0, xMin: 0, yMax: 40, xMax: 40))
    let none: [Float] = []
    let empty = AnchorGrid(base: base, featureStride: 16, height: 0, width: 5)
    #expect(
      creator.propose(offsets: none, scores: none, grids: [empty], frames: [frame]).count
        == 0)
    #expect(
      creator.propose(offsets: none, scores: none, grids: [cell], frames: []).count == 0)
  }

  @Test func theMinimumSideScalesWithThePicture() {
    // One anchor of 16 x 16 pixels, which a scale of 1 admits and one of 1.1 does not.
    let grid = AnchorGrid(
      base: [BoundingBox(yMin: 0, xMin: 0, yMax: 16, xMax: 16)], featureStride: 16, height: 1,
      width: 1)
    let creator = ProposalCreator(settings: ProposalSettings())
    for (scale, count) in [(Float(1), 1), (1.1, 0)] {
      let frame = ImageFrame(
        height: 40, width: 40, originalHeight: 40, originalWidth: 40, scale: scale)
      let found = creator.propose(
        offsets: [0, 0, 0, 0], scores: [0, 1], grids: [grid], frames: [frame])
      #expect(found.count == count)
    }
  }

  @Test func objectnessIsTheSoftmaxWhateverTheRanking() {
    let grid = AnchorGrid(
      base: [BoundingBox(yMin: 0, xMin: 0, yMax: 30, xMax: 30)], featureStride: 50, height: 1,
      width: 2)
    let frame = ImageFrame(height: 100, width: 100, originalHeight: 100, originalWidth: 100)
    var settings = ProposalSettings()
    // The first has the greater logit, the second the greater probability.
    let scores: [Float] = [3, 2, -1, 1]
    let offsets = [Float](repeating: 0, count: 8)
    let probability = ProposalCreator(settings: settings).propose(
      offsets: offsets, scores: scores, grids: [grid], frames: [frame])
    #expect(probability.anchorIndices == [1, 0])
    settings.ranking = .foregroundLogit
    let logit = ProposalCreator(settings: settings).propose(
      offsets: offsets, scores: scores, grids: [grid], frames: [frame])
    #expect(logit.anchorIndices == [0, 1])
    // 1 / (1 + e) and 1 / (1 + e^-2).
    #expect(isClose(logit.objectness[0], 0.268_941_4, relative: 1e-6))
    #expect(isClose(logit.objectness[1], 0.880_797_1, relative: 1e-6))
  }
}
