import Detection
import Testing

@Suite struct BoundingBoxTests {
  @Test func clippingKeepsANaNAndBoundsInfinities() {
    let box = BoundingBox(yMin: .nan, xMin: -.infinity, yMax: .infinity, xMax: 7)
    let clipped = box.clipped(yLimit: 5, xLimit: 6)
    #expect(clipped.yMin.isNaN)
    #expect((clipped.xMin, clipped.yMax, clipped.xMax) == (0, 5, 6))
  }

  @Test func anEdgeOnTheFrameIsInside() {
    #expect(
      BoundingBox(yMin: 0, xMin: 0, yMax: 5, xMax: 6).isInside(height: 5, width: 6))
    #expect(
      !BoundingBox(yMin: 0, xMin: 0, yMax: 5, xMax: 6.5).isInside(height: 5, width: 6))
    #expect(
      !BoundingBox(yMin: .nan, xMin: 0, yMax: 5, xMax: 6).isInside(height: 5, width: 6))
  }

  @Test func areaOfABoxThatIsInsideOutIsZero() {
    #expect(BoundingBox(yMin: 9, xMin: 9, yMax: 1, xMax: 1).area() == 0)
    #expect(BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 2).area(sides: .inclusive) == 6)
  }
}
