import Detection
import Testing

/// Note 003's anchors.
struct MultiboxPriorTests {
  let prior = MultiboxPrior(sizes: [0.75, 0.5, 0.25], ratios: [1, 2, 0.5])

  @Test
  func theBoxesOfA5x7MapMeetTheGolden() throws {
    let golden = try Goldens().floats("multibox_prior.5x7")
    let boxes = prior.boxes(height: 5, width: 7)
    // The golden is xyxy. Sums and products of numbers about 1 in float32, in the note's order.
    #expect(
      largestDifference(boxes.flatMap { [$0.xMin, $0.yMin, $0.xMax, $0.yMax] }, golden) < 1e-6)
  }

  @Test
  func eachPixelHasNPlusMMinus1BoxesEverySizeFirstAndThenEveryFurtherRatio() {
    #expect(prior.boxesPerPixel == 5)
    let boxes = prior.boxes(height: 1, width: 1)
    // 0.75 / sqrt(2) and 0.75 / sqrt(0.5), to the precision of float32 sums about 1.
    #expect(largestDifference(boxes.map(\.height), [0.75, 0.5, 0.25, 0.530330, 1.060660]) < 1e-6)
    #expect(prior.boxes(height: 3, width: 4).count == 60)
  }

  @Test
  func aBoxOfRatio1IsSquareInPixelsNotInPartsOfThePicture() {
    // Erratum of note 003: its text has the width w * s * sqrt(r), which is no square of a 2 x 4
    // map.
    let box = MultiboxPrior(sizes: [0.5], ratios: [1]).boxes(height: 2, width: 4)[0]
    #expect(box.height * 2 == 1)
    #expect(box.width * 4 == 1)
  }

  @Test
  func theFirstRatioIsNeverRead() {
    // Erratum of note 003: its text pairs every size with the first ratio.
    let other = MultiboxPrior(sizes: [0.75, 0.5, 0.25], ratios: [3, 2, 0.5])
    #expect(other.boxes(height: 5, width: 7) == prior.boxes(height: 5, width: 7))
  }

  @Test
  func aMapWithoutPixelsHasNoBoxes() {
    #expect(prior.boxes(height: 0, width: 7).isEmpty)
    #expect(prior.boxes(height: 7, width: 0).isEmpty)
  }
}
