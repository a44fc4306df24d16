import Detection
import Glibc
import Testing

@Suite struct BoxCoderTests {
  @Test func encodeMatchesTheGolden() throws {
    let goldens = try Goldens()
    let (anchors, boxes) = (try goldens.boxes("box.src"), try goldens.boxes("box.dst"))
    let expected = try goldens.floats("box.encode")
    for (index, anchor) in anchors.enumerated() {
      let offset = BoxCoder().encode(boxes[index], relativeTo: anchor)
      let stored = offset.stored(as: .yxyx)
      for (part, value) in [stored.0, stored.1, stored.2, stored.3].enumerated() {
        // The logarithm is near 0 for equal sides, where its rounding is absolute.
        #expect(isClose(value, expected[4 * index + part], relative: 1e-5, absolute: 1e-6))
      }
    }
  }

  @Test func decodeMatchesTheGolden() throws {
    let goldens = try Goldens()
    let (anchors, offsets) = (try goldens.boxes("box.src"), try goldens.floats("box.loc"))
    let expected = try goldens.boxes("box.decode")
    for (index, anchor) in anchors.enumerated() {
      let offset = BoxOffset(
        offsets[4 * index], offsets[4 * index + 1], offsets[4 * index + 2], offsets[4 * index + 3],
        as: .yxyx)
      let box = BoxCoder().decode(offset, relativeTo: anchor)
      // An edge near 0 is the difference of two numbers of some 1,000 pixels.
      #expect(isClose(box, expected[index], relative: 1e-5, absolute: 1e-3))
    }
  }

  @Test func decodingWhatWasEncodedGivesTheBoxBack() {
    var random = TestRandomness(seed: 4)
    for (box, anchor) in zip(random.boxes(500, clusters: nil), random.boxes(500, clusters: nil)) {
      let decoded = BoxCoder().decode(
        BoxCoder().encode(box, relativeTo: anchor), relativeTo: anchor)
      // Some ten roundings of numbers of up to 1,000 pixels.
      #expect(isClose(decoded, box, relative: 1e-5, absolute: 2e-3))
    }
  }

  @Test func theLegacySideDecodesOnePixelFurther() {
    let coder = BoxCoder(sides: .inclusive)
    let box = BoundingBox(yMin: 10, xMin: 20, yMax: 29, xMax: 59)
    let anchor = BoundingBox(yMin: 0, xMin: 0, yMax: 15, xMax: 15)
    let offset = coder.encode(box, relativeTo: anchor)
    // Sides of 20 and 40 pixels over 16.
    #expect(isClose(offset.dh, log(20.0 / 16), relative: 1e-6))
    let decoded = coder.decode(offset, relativeTo: anchor)
    let further = BoundingBox(yMin: 10, xMin: 20, yMax: 30, xMax: 60)
    #expect(isClose(decoded, further, relative: 1e-6))
  }

  @Test func theCentresYComesFromTheHeight() {
    // Note 002 takes it from the width: (50 + 20 - (0 + 10)) / 100 = 0.6.
    let anchor = BoundingBox(yMin: 0, xMin: 0, yMax: 100, xMax: 20)
    let box = BoundingBox(yMin: 50, xMin: 0, yMax: 150, xMax: 40)
    #expect(BoxCoder().encode(box, relativeTo: anchor).dy == 0.5)
  }

  @Test func offsetsAreStoredInBothOrders() {
    let offset = BoxOffset(1, 2, 3, 4, as: .xyxy)
    #expect(offset == BoxOffset(dy: 2, dx: 1, dh: 4, dw: 3))
    #expect(offset.stored(as: .xyxy) == (1, 2, 3, 4))
    #expect(offset.stored(as: .yxyx) == (2, 1, 4, 3))
    #expect(BoxOffset(1, 2, 3, 4, as: .yxyx).stored(as: .yxyx) == (1, 2, 3, 4))
  }

  @Test func theClampGrows16PixelsTo1000() {
    let coder = BoxCoder(maximumLogScale: BoxCoder.usualMaximumLogScale)
    let anchor = BoundingBox(yMin: 0, xMin: 0, yMax: 16, xMax: 16)
    let box = coder.decode(BoxOffset(dy: 0, dx: 0, dh: 50, dw: -1), relativeTo: anchor)
    #expect(isClose(box.height, 1_000, relative: 1e-5))
    #expect(isClose(box.width, 16 * exp(-1), relative: 1e-5))
    let notNumbers = coder.decode(BoxOffset(dy: 0, dx: 0, dh: .nan, dw: 0), relativeTo: anchor)
    #expect(notNumbers.yMin.isNaN && notNumbers.yMax.isNaN)
  }

  @Test func anAnchorWithoutAreaIsEncodedWithoutDividingByZero() {
    let point = BoundingBox(yMin: 5, xMin: 5, yMax: 5, xMax: 5)
    let box = BoundingBox(yMin: 4, xMin: 4, yMax: 6, xMax: 6)
    #expect(BoxCoder().encode(box, relativeTo: point).isFinite)
  }

  @Test func theExponentialIsWithinTwoUnitsInTheLastPlace() {
    let unit = BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 1)
    var worst = 0.0
    for step in -870...880 {
      let x = Float(step) / 10 + 0.001_3
      let edge = BoxCoder().decode(BoxOffset(dy: -0.5, dx: 0, dh: x, dw: 0), relativeTo: unit).yMax
      guard edge.isFinite, edge > 1e-37 else { continue }
      let exact = exp(Double(x)) / 2
      worst = max(worst, abs(Double(edge) - exact) / exact)
    }
    // A unit in the last place is at most 1.2e-7 of the number.
    #expect(worst > 0 && worst < 2.4e-7)
  }

  @Test func theExponentialReachesZeroAndInfinityAtItsEnds() {
    let unit = BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 1)
    for (x, edge) in [
      (Float(-88), Float(0)), (-1e30, 0), (89, .infinity), (3e38, .infinity), (0, 0.5),
    ] {
      let box = BoxCoder().decode(BoxOffset(dy: -0.5, dx: 0, dh: x, dw: 0), relativeTo: unit)
      #expect(box.yMax == edge)
    }
  }
}
