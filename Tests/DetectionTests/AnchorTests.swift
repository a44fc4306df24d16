import Detection
import Testing

@Suite struct AnchorTests {
  let goldens: Goldens

  init() throws { goldens = try Goldens() }

  @Test func baseMatchesNotes001And002ToTheBit() throws {
    #expect(AnchorSettings().makeBase() == (try goldens.boxes("anchor_base.center8")))
  }

  @Test func baseMatchesTheArrayOfNote004ToTheBit() throws {
    let asBuilt = AnchorSettings(centre: .origin).makeBase()
    #expect(asBuilt == (try goldens.boxes("anchor_base.center0")))
  }

  @Test func note004ReadsItsArrayAsXYXYSoThatTallAnchorsComeFirst() throws {
    let read = AnchorSettings(centre: .origin, coordinateOrder: .xyxy).makeBase()
    let array = try goldens.boxes("anchor_base.center0")
    #expect(
      read == array.map { BoundingBox($0.yMin, $0.xMin, $0.yMax, $0.xMax, as: .xyxy) })
    #expect(read[0].height > read[0].width)
  }

  @Test func gridOf37x50MatchesToTheBit() throws {
    let grid = AnchorGrid(
      base: AnchorSettings().makeBase(), featureStride: 16, height: 37, width: 50)
    #expect(grid.anchors == (try goldens.boxes("grid_anchors.37x50")))
  }

  @Test func gridWithFractionalScalesMatchesToTheBit() throws {
    // The golden's base size is 16 at a stride of 8.
    let base = AnchorSettings(scales: [2.5, 6, 12]).makeBase()
    let grid = AnchorGrid(base: base, featureStride: 8, height: 3, width: 2)
    #expect(grid.anchors.count == 54)
    #expect(grid.anchors == (try goldens.boxes("grid_anchors.3x2_stride8_scales2.5_6_12")))
  }

  @Test func wholeSidesGiveTheIntegersOfPyFasterRCNN() {
    // Computed with py-faster-rcnn's generate_anchors.py; x_min, y_min, x_max, y_max.
    let expected: [[Float]] = [
      [-84, -40, 99, 55], [-176, -88, 191, 103], [-360, -184, 375, 199],
      [-56, -56, 71, 71], [-120, -120, 135, 135], [-248, -248, 263, 263],
      [-36, -80, 51, 95], [-80, -168, 95, 183], [-168, -344, 183, 359],
    ]
    #expect(
      AnchorSettings(rounding: .wholeSides).makeBase()
        == expected.map { BoundingBox($0[0], $0[1], $0[2], $0[3], as: .xyxy) })
  }

  @Test func note002Has8940AnchorsInsideOf800x800() {
    let grid = AnchorGrid(
      base: AnchorSettings().makeBase(), featureStride: 16, height: 50, width: 50)
    #expect(grid.anchors.count == 22_500)
    #expect(grid.indicesInside(height: 800, width: 800).count == 8_940)
  }
}
