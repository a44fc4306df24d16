import Detection
import Foundation
import Testing

/// What `docs/notes-errata.md` says that no other test pins, and that the tests it names exist.
struct NotesErrataTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()

  @Test
  func everyTestThatTheErrataNameExists() throws {
    let errata = try String(
      contentsOf: Self.tests.appending(path: "../../docs/notes-errata.md").standardizedFileURL,
      encoding: .utf8)
    let folder = try FileManager.default.contentsOfDirectory(atPath: Self.tests.path())
    let sources = try folder.filter { $0.hasSuffix("Tests.swift") }.map {
      try String(contentsOf: Self.tests.appending(component: $0), encoding: .utf8)
    }.joined()
    let rows = errata.split(separator: "\n").filter { $0.hasPrefix("| 0") }
    #expect(rows.count >= 40)
    for row in rows {
      // The last cell holds the name of a test, or "none" and the reason.
      let cell = try #require(row.split(separator: "|").last)
        .trimmingCharacters(in: .whitespaces)
      if cell.hasPrefix("none: ") { continue }
      let name = cell.trimmingCharacters(in: CharacterSet(charactersIn: "`"))
      let exists = sources.contains("func \(name)(")
      #expect(exists, "\(row)")
    }
  }

  @Test
  func aMapOf62x37CellsHas20646Anchors() {
    let grid = AnchorGrid(
      base: AnchorSettings().makeBase(), featureStride: 16, height: 37, width: 62)
    #expect(grid.anchors.count == 20_646)
  }

  @Test
  func anchorsAreNotClippedToThePicture() {
    let grid = AnchorGrid(
      base: AnchorSettings().makeBase(), featureStride: 16, height: 37, width: 62)
    #expect(grid.anchors.contains { $0.yMin < 0 && $0.xMin < 0 })
    #expect(grid.anchors.contains { $0.yMax > 37 * 16 && $0.xMax > 62 * 16 })
  }

  @Test
  func boxesAsideOfEachOtherHaveAnOverlapOf0() {
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 10, xMax: 10)
    let below = BoundingBox(yMin: 20, xMin: 0, yMax: 30, xMax: 10)
    let across = BoundingBox(yMin: 20, xMin: 20, yMax: 30, xMax: 30)
    #expect(IntersectionOverUnion.matrix([box], [below, across, box]) == [0, 0, 1])
  }

  @Test
  func anAnchorWithoutAreaIsDividedByTheEpsilonOfOne() {
    let point = BoundingBox(yMin: 0, xMin: 0, yMax: 0, xMax: 0)
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 2, xMax: 2)
    let offset = BoxCoder().encode(box, relativeTo: point)
    // NumPy's `finfo(float32).eps`, 2^-23. The smallest positive number would give infinity.
    #expect(offset.dy == 8_388_608)
    #expect(offset.isFinite)
  }

  /// Two anchors of 32 x 32 pixels that do not overlap, in a picture of 32 x 64.
  private func proposals(
    scores: [Float], ranking: ProposalRanking = .foregroundProbability, minimumLength: Float = 16,
    scale: Float = 1
  ) -> RegionProposals {
    let base = [BoundingBox(yMin: 0, xMin: 0, yMax: 32, xMax: 32)]
    let grid = AnchorGrid(base: base, featureStride: 32, height: 1, width: 2)
    var creator = ProposalCreator(
      settings: ProposalSettings(
        ranking: ranking,
        minimumSide: MinimumSide(length: minimumLength, scalesWithImage: true)))
    return creator.propose(
      offsets: [Float](repeating: 0, count: 8).span, scores: scores.span, grid: grid,
      frame: ImageFrame(
        height: 32, width: 64, originalHeight: 32, originalWidth: 64, scale: scale))
  }

  @Test
  func logitsAndProbabilitiesRankDifferently() {
    // Background and object of each anchor: the first has the larger logit, the second the larger
    // margin.
    let scores: [Float] = [5, 3, -5, 2]
    #expect(proposals(scores: scores, ranking: .foregroundLogit).anchorIndices == [0, 1])
    #expect(proposals(scores: scores, ranking: .foregroundProbability).anchorIndices == [1, 0])
  }

  @Test
  func proposalsComeInTheOrderOfTheirScoresNotOfTheirIndices() {
    #expect(proposals(scores: [0, 1, 0, 2]).anchorIndices == [1, 0])
    #expect(proposals(scores: [0, 2, 0, 1]).anchorIndices == [0, 1])
  }

  @Test
  func theMinimumSideOfAProposalScalesWithThePicture() {
    // A proposal of 32 pixels in a picture that was enlarged 2.5 times has 12.8 original pixels.
    #expect(proposals(scores: [0, 1, 0, 2], scale: 1).count == 2)
    #expect(proposals(scores: [0, 1, 0, 2], scale: 2).count == 2)
    #expect(proposals(scores: [0, 1, 0, 2], scale: 2.5).count == 0)
  }

  @Test
  func suppressionKeepsTheBestOfBoxesThatOverlapAndNotTheMostOverlapped() {
    // Three boxes in a row: the middle one overlaps both others by 0.6, and those overlap by 1/3.
    let boxes = [Float(0), 25, 50].map {
      BoundingBox(yMin: 0, xMin: $0, yMax: 100, xMax: $0 + 100)
    }
    let nms = NonMaximumSuppression(iouThreshold: 0.5)
    #expect(nms.keep(boxes, scores: [0.9, 0.5, 0.8]) == [0, 2])
    #expect(nms.keep(boxes, scores: [0.8, 0.9, 0.5]) == [1])
  }
}
