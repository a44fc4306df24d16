import Detection
import Testing

@Suite struct IntersectionOverUnionTests {
  @Test func matrixMatchesTheGolden() throws {
    let goldens = try Goldens()
    let (a, b) = (try goldens.boxes("iou.a"), try goldens.boxes("iou.b"))
    let matrix = IntersectionOverUnion.matrix(a, b)
    let expected = try goldens.floats("iou.matrix")
    #expect(matrix.count == expected.count)
    #expect(zip(matrix, expected).allSatisfy { isClose($0, $1, relative: 1e-5) })
  }

  @Test func halfOfEachOfTwoEqualBoxesIsAThird() {
    let a = BoundingBox(yMin: 0, xMin: 0, yMax: 2, xMax: 2)
    let b = BoundingBox(yMin: 0, xMin: 1, yMax: 2, xMax: 3)
    #expect(IntersectionOverUnion.of(a, b) == Float(1) / 3)
    #expect(IntersectionOverUnion.of(a, a) == 1)
  }

  @Test func boxesWithoutAreaGiveZeroRatherThanNaN() {
    let point = BoundingBox(yMin: 5, xMin: 5, yMax: 5, xMax: 5)
    let insideOut = BoundingBox(yMin: 9, xMin: 9, yMax: 1, xMax: 1)
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 10, xMax: 10)
    #expect(
      IntersectionOverUnion.matrix([point, insideOut], [point, insideOut, box])
        == [0, 0, 0, 0, 0, 0])
  }

  @Test(arguments: [SideConvention.halfOpen, .inclusive])
  func matrixIsThePairsToTheBitAndSymmetric(sides: SideConvention) {
    var random = TestRandomness(seed: 3)
    for (rows, columns) in [(1, 1), (3, 7), (40, 8), (8, 40), (33, 20)] {
      let (a, b) = (random.boxes(rows, clusters: 3), random.boxes(columns, clusters: 3))
      let matrix = IntersectionOverUnion.matrix(a, b, sides: sides)
      let transposed = IntersectionOverUnion.matrix(b, a, sides: sides)
      var differing = 0
      for i in 0..<rows {
        for j in 0..<columns {
          let iou = matrix[i * columns + j]
          differing += iou == IntersectionOverUnion.of(a[i], b[j], sides: sides) ? 0 : 1
          differing += iou == transposed[j * rows + i] ? 0 : 1
          differing += (0...1).contains(iou) ? 0 : 1
        }
      }
      #expect(differing == 0)
    }
  }

  @Test func noBoxesGiveAnEmptyMatrix() {
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 1)
    #expect(IntersectionOverUnion.matrix([], [box]).isEmpty)
    #expect(IntersectionOverUnion.matrix([box], []).isEmpty)
  }
}
