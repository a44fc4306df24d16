import Detection
import Testing

@Suite struct DetectionProfileTests {
  @Test func theDefaultIsSimpleFasterRCNN() {
    let profile = DetectionProfile.simpleFasterRCNN
    #expect(profile.proposals == ProposalSettings())
    #expect(profile.classes == ClassBoxSettings())
    #expect(
      profile.trainingProposals.counts == ProposalCounts(beforeNMS: 12_000, afterNMS: 2_000))
    #expect(profile.anchorTargets == AnchorTargetCreator())
    #expect(profile.proposalTargets() == ProposalTargetCreator())
  }

  @Test func detectron2sAnchorsAreItsOwn() {
    let base = DetectionProfile.detectron2C4.levels[0].anchors.makeBase()
    #expect(base.count == 15)
    // From its anchor generator: area = size^2, w = sqrt(area / ratio), h = ratio * w.
    for (index, size) in [Float(32), 64, 128, 256, 512].enumerated() {
      for (place, ratio) in [Float(0.5), 1, 2].enumerated() {
        let width = (size * size / ratio).squareRoot()
        let wanted = BoundingBox(
          yMin: -ratio * width / 2, xMin: -width / 2, yMax: ratio * width / 2, xMax: width / 2)
        // Computed in another order, in float32.
        #expect(isClose(base[3 * index + place], wanted, relative: 1e-6))
      }
    }
  }

  @Test func torchvisionsAnchorsAreRoundedIntegers() {
    let levels = DetectionProfile.torchvisionFPN.levels
    #expect(levels.allSatisfy { $0.stride == .inputOverMap })
    // From torchvision 0.29: AnchorGenerator(((32,),), ((0.5, 1.0, 2.0),)).cell_anchors.
    #expect(
      levels[0].anchors.makeBase() == [
        BoundingBox(-23, -11, 23, 11, as: .xyxy), BoundingBox(-16, -16, 16, 16, as: .xyxy),
        BoundingBox(-11, -23, 11, 23, as: .xyxy),
      ])
  }
}
