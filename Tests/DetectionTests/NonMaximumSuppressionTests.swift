import Detection
import Testing

@Suite struct NonMaximumSuppressionTests {
  @Test(arguments: [Float(0.3), 0.5, 0.7], [SideConvention.halfOpen, .inclusive])
  func keepsTheIndicesOfTheGolden(threshold: Float, sides: SideConvention) throws {
    let goldens = try Goldens()
    let nms = NonMaximumSuppression(iouThreshold: threshold)
    let kept = nms.keep(
      try goldens.boxes("nms.boxes"), scores: try goldens.floats("nms.scores"), sides: sides)
    let name = sides == .halfOpen ? "nms.keep_\(threshold)" : "nms.keep_plus1_\(threshold)"
    #expect(kept == (try goldens.integers(name)))
  }

  /// B overlaps A by 80 / 120, C overlaps B by 80 / 120 and A by 60 / 140; D lies apart.
  static let row = [Float(0), 20, 40, 300].map {
    BoundingBox(yMin: 0, xMin: $0, yMax: 1, xMax: $0 + 100)
  }

  @Test func aBoxThatOnlyASuppressedBoxOverlapsIsKept() {
    let nms = NonMaximumSuppression(iouThreshold: 0.5)
    #expect(nms.keep(Self.row, scores: [0.9, 0.8, 0.7, 0.6]) == [0, 2, 3])
  }

  @Test func anIoUAtTheThresholdSuppressesOnlyWhereTheBoundaryIsIncluded() {
    // The IoU is 1/2 exactly.
    let pair = [
      BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 2),
      BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 1),
    ]
    let above = NonMaximumSuppression(iouThreshold: 0.5)
    let atOrAbove = NonMaximumSuppression(iouThreshold: 0.5, boundary: .atOrAbove)
    #expect(above.keep(pair, scores: [1, 0]) == [0, 1])
    #expect(atOrAbove.keep(pair, scores: [1, 0]) == [0])
  }

  @Test func anIoUOfExactlySevenTenthsFollowsTheBoundaryToo() {
    // Areas 70 and 100 share 70: the quotient is the float nearest to 0.7.
    let pair = [
      BoundingBox(yMin: 0, xMin: 0, yMax: 10, xMax: 10),
      BoundingBox(yMin: 0, xMin: 0, yMax: 10, xMax: 7),
    ]
    #expect(NonMaximumSuppression(iouThreshold: 0.7).keep(pair, scores: [1, 0]) == [0, 1])
    #expect(
      NonMaximumSuppression(iouThreshold: 0.7, boundary: .atOrAbove).keep(pair, scores: [1, 0])
        == [0])
  }

  @Test func theLegacySideMakesTouchingPixelsOverlap() {
    // Pixels 0...9 and 5...14: 5 of 15 shared with the +1, 4 of 14 without.
    let pair = [
      BoundingBox(yMin: 0, xMin: 0, yMax: 0, xMax: 9),
      BoundingBox(yMin: 0, xMin: 5, yMax: 0, xMax: 14),
    ]
    #expect(IntersectionOverUnion.of(pair[0], pair[1], sides: .inclusive) == Float(5) / 15)
    let nms = NonMaximumSuppression(iouThreshold: 0.3)
    #expect(nms.keep(pair, scores: [0, 1], sides: .inclusive) == [1])
  }

  @Test func equalScoresRankByIndex() {
    let nms = NonMaximumSuppression(iouThreshold: 0.5)
    #expect(nms.keep(Self.row, scores: [1, 1, 1, 1]) == [0, 2, 3])
    #expect(nms.keep(Self.row.reversed(), scores: [0, -0.0, 0, -0.0]) == [0, 1, 3])
  }

  @Test func onlyBoxesOfOneClassSuppressEachOther() {
    let nms = NonMaximumSuppression(iouThreshold: 0.5)
    let scores: [Float] = [0.6, 0.7, 0.8, 0.9]
    #expect(nms.keep(Self.row, scores: scores, groups: [0, 1, 1, 0]) == [3, 2, 0])
    #expect(nms.keep(Self.row, scores: scores, groups: [0, 0, 0, 0]) == [3, 2, 0])
    #expect(nms.keep(Self.row, scores: scores, groups: [0, 1, 2, 3], maximumCount: 2) == [3, 2])
  }

  @Test func boxesAndScoresThatAreNotFiniteAreNeverKept() {
    let nms = NonMaximumSuppression(iouThreshold: 0.5)
    var boxes = Self.row
    boxes[0].yMax = .infinity
    boxes[1].xMin = .nan
    #expect(nms.keep(boxes, scores: [0.9, 0.8, 0.7, 0.6]) == [2, 3])
    #expect(nms.keep(Self.row, scores: [.nan, .infinity, -.infinity, -1]) == [3])
  }

  @Test func noBoxesAndNoRoomGiveNothing() {
    let nms = NonMaximumSuppression(iouThreshold: 0.5)
    #expect(nms.keep([], scores: []).isEmpty)
    #expect(nms.keep(Self.row, scores: [1, 2, 3, 4], maximumCount: 0).isEmpty)
    #expect(nms.keep(Self.row, scores: [1, 2, 3, 4], maximumCount: -1).isEmpty)
  }

  @Test func boxesWithoutAreaOverlapNothing() {
    let point = BoundingBox(yMin: 5, xMin: 5, yMax: 5, xMax: 5)
    let insideOut = BoundingBox(yMin: 9, xMin: 9, yMax: 1, xMax: 1)
    let nms = NonMaximumSuppression(iouThreshold: 0.5)
    let boxes = [point, point, insideOut, insideOut]
    #expect(nms.keep(boxes, scores: [4, 3, 2, 1]) == [0, 1, 2, 3])
  }

  @Test func extremeThresholdsAreTakenAtTheirWord() {
    let scores: [Float] = [4, 3, 2, 1]
    let pairs = Self.row + Self.row
    let twice = scores + scores
    #expect(NonMaximumSuppression(iouThreshold: 1).keep(pairs, scores: twice).count == 8)
    #expect(
      NonMaximumSuppression(iouThreshold: 1, boundary: .atOrAbove).keep(pairs, scores: twice)
        == [0, 1, 2, 3])
    #expect(NonMaximumSuppression(iouThreshold: 0).keep(Self.row, scores: scores) == [0, 3])
    // Every IoU is at least 0, so that the first box suppresses all.
    #expect(
      NonMaximumSuppression(iouThreshold: 0, boundary: .atOrAbove).keep(Self.row, scores: scores)
        == [0])
    #expect(NonMaximumSuppression(iouThreshold: .nan).keep(Self.row, scores: scores).count == 4)
  }

  @Test(
    arguments: [nil, 5, 40], [Float(0.05), 0.3, 0.5, 0.7, 0.95])
  func theResultIsThatOfEveryPairCompared(clusters: Int?, threshold: Float) {
    var random = TestRandomness(seed: UInt64(threshold * 100) + UInt64(clusters ?? 0))
    for count in [1, 15, 16, 17, 150] {
      let boxes = random.boxes(count, clusters: clusters)
      // Rounded, so that many scores are equal.
      let scores = boxes.map { _ in random.uniform(0...50).rounded() }
      for boundary in [NonMaximumSuppression.Boundary.above, .atOrAbove] {
        for sides in [SideConvention.halfOpen, .inclusive] {
          for maximum in [count, 7] {
            let nms = NonMaximumSuppression(iouThreshold: threshold, boundary: boundary)
            let wanted = Reference.suppress(
              boxes, order: Reference.ranked(Array(boxes.indices), by: scores), nms,
              sides: sides, maximumCount: maximum)
            #expect(
              nms.keep(boxes, scores: scores, sides: sides, maximumCount: maximum) == wanted)
          }
        }
      }
    }
  }

  @Test func pairsWhoseIoUIsTheThresholdOrItsNeighbourAreDecidedByTheQuotient() {
    var random = TestRandomness(seed: 7)
    for _ in 0..<300 {
      let boxes = random.boxes(2, clusters: 1)
      let iou = IntersectionOverUnion.of(boxes[0], boxes[1])
      for threshold in [iou.nextDown, iou, iou.nextUp] {
        let above = NonMaximumSuppression(iouThreshold: threshold)
        #expect(above.keep(boxes, scores: [1, 0]).count == (iou > threshold ? 1 : 2))
        let atOrAbove = NonMaximumSuppression(iouThreshold: threshold, boundary: .atOrAbove)
        #expect(atOrAbove.keep(boxes, scores: [1, 0]).count == (iou >= threshold ? 1 : 2))
      }
    }
  }

  @Test func suppressingWhatWasKeptKeepsAllOfIt() {
    var random = TestRandomness(seed: 1)
    let nms = NonMaximumSuppression(iouThreshold: 0.4)
    let boxes = random.boxes(500, clusters: 20)
    let scores = boxes.map { _ in random.uniform(0...1) }
    let kept = nms.keep(boxes, scores: scores)
    #expect(kept.count < boxes.count)
    let again = nms.keep(kept.map { boxes[$0] }, scores: kept.map { scores[$0] })
    #expect(again == Array(kept.indices))
  }

  @Test func theOrderOfTheInputDoesNotMatterWhereScoresDiffer() {
    var random = TestRandomness(seed: 2)
    let nms = NonMaximumSuppression(iouThreshold: 0.4)
    let boxes = random.boxes(500, clusters: 20)
    let scores = boxes.indices.map { Float($0) }
    let shuffled = boxes.indices.shuffled(using: &random)
    let kept = nms.keep(shuffled.map { boxes[$0] }, scores: shuffled.map { scores[$0] })
    #expect(kept.map { shuffled[$0] } == nms.keep(boxes, scores: scores))
  }
}
