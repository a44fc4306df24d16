import Detection
import Testing

@Suite struct IntersectionOverUnionTests {
  let goldens: Goldens

  init() throws { goldens = try Goldens() }

  @Test func matrixMatchesTheGolden() throws {
    let (a, b) = (try goldens.boxes("iou.a"), try goldens.boxes("iou.b"))
    let matrix = IntersectionOverUnion.matrix(a, b)
    let expected = try goldens.floats("iou.matrix")
    #expect(matrix.count == expected.count)
    for (value, wanted) in zip(matrix, expected) { #expect(isClose(value, wanted, relative: 1e-5)) }
  }
}
