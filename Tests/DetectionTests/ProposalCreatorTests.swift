import Detection
import Testing

@Suite struct ProposalCreatorTests {
  let goldens: Goldens

  init() throws { goldens = try Goldens() }

  @Test(
    arguments: [
      ("train_12000_2000", ProposalCounts.train12000To2000),
      ("train_12000_600", .train12000To600),
      ("test_6000_300", .test6000To300),
      ("test_3000_300", .test3000To300),
    ], [Float(1.0), 1.6])
  func proposalsMatchTheGolden(setting: (String, ProposalCounts), scale: Float) throws {
    let name = "proposals.\(setting.0)_scale\(scale)"
    let scores = try goldens.floats("proposals.score")
    let offsets = try goldens.floats("proposals.loc")
    let grid = AnchorGrid(
      base: AnchorSettings().makeBase(), featureStride: 16, height: 37, width: 50)
    // The golden's scores are one number an anchor, ranked as they are.
    let creator = ProposalCreator(
      settings: ProposalSettings(
        counts: setting.1, objectnessLayout: .single, ranking: .foregroundLogit))
    let frame = ImageFrame(
      height: 592, width: 800, originalHeight: 592, originalWidth: 800, scale: scale)
    let proposals = creator.propose(
      offsets: offsets.span, scores: scores.span, grids: [grid], frames: [frame])
    let expected = try goldens.boxes(name + ".rois")
    #expect(proposals.count == expected.count)
    #expect(
      proposals.anchorIndices.map { scores[$0] } == (try goldens.floats(name + ".scores")))
    for (box, wanted) in zip(proposals.boxes, expected) {
      // An edge near 0 is the difference of two numbers of some 1,000 pixels.
      #expect(isClose(box, wanted, relative: 1e-5, absolute: 1e-4))
    }
  }
}
