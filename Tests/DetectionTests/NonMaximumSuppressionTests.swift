import Detection
import Testing

@Suite struct NonMaximumSuppressionTests {
  let goldens: Goldens

  init() throws { goldens = try Goldens() }

  @Test(arguments: [Float(0.3), 0.5, 0.7], [SideConvention.halfOpen, .inclusive])
  func keepsTheIndicesOfTheGolden(threshold: Float, sides: SideConvention) throws {
    let nms = NonMaximumSuppression(iouThreshold: threshold, sides: sides)
    let kept = nms.keep(
      try goldens.boxes("nms.boxes"), scores: try goldens.floats("nms.scores"))
    let name = sides == .halfOpen ? "nms.keep_\(threshold)" : "nms.keep_plus1_\(threshold)"
    #expect(kept == (try goldens.integers(name)))
  }
}
