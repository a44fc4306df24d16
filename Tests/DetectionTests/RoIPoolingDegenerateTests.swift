import Detection
import Tensors
import Testing

/// What RoI pooling makes of boxes, maps and values that no picture gives.
struct RoIPoolingDegenerateTests {
  static let operators = RoIPoolingGradientTests.operators

  private func pooled(
    _ operator: RoIPooling.Operator, _ map: Tensor, _ box: BoundingBox
  ) -> [Float] {
    RoIPooling(`operator`, outputSize: 2, spatialScale: SpatialScale(1))
      .pool(map, rois: [box], imageIndices: [0]).values
  }

  @Test(arguments: operators)
  func noRoIsGiveNothing(_ operator: RoIPooling.Operator) {
    let pooling = RoIPooling(`operator`, outputSize: 7, spatialScale: SpatialScale(1))
    let result = pooling.pool(
      Tensor(shape: [1, 4, 3, 3], repeating: 1), rois: [], imageIndices: [])
    #expect(result.shape == [0, 4, 7, 7])
  }

  @Test(arguments: operators)
  func aMapWithoutCellsOrChannelsPoolsToZerosOrToNothing(
    _ operator: RoIPooling.Operator
  ) {
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 9, xMax: 9)
    #expect(
      pooled(`operator`, Tensor(shape: [1, 3, 0, 5]), box) == [Float](repeating: 0, count: 12))
    #expect(pooled(`operator`, Tensor(shape: [1, 0, 5, 5]), box).isEmpty)
  }

  @Test(arguments: operators)
  func aMapOfOneCellFillsEveryBinOfABoxThatCoversIt(
    _ operator: RoIPooling.Operator
  ) {
    let map = Tensor(shape: [1, 1, 1, 1], values: [3])
    let result = pooled(`operator`, map, BoundingBox(yMin: 0, xMin: 0, yMax: 0.4, xMax: 0.4))
    if case .alignAverage = `operator` {
      // Its last corners lie 1.4 cells on, off the map: of the four in a bin, 4, 2, 2 and 1 are on it.
      #expect(result == [3, 1.5, 1.5, 0.75])
    } else if case .cropMaximum = `operator` {
      // Its third sample, the better one of the second bin, lies 0.8 / 3 beside the cell's centre.
      let share = 1 - 0.4 * Float(2) / 3
      #expect(largestDifference(result, [3, 3 * share, 3 * share, 3 * share * share]) < 1e-6)
    } else {
      #expect(result == [3, 3, 3, 3])
    }
  }

  @Test(arguments: operators)
  func aBoxWithANaNPoolsToZeros(_ operator: RoIPooling.Operator) {
    let map = Tensor(shape: [1, 1, 4, 4], repeating: 1)
    for box in [
      BoundingBox(yMin: .nan, xMin: 0, yMax: 3, xMax: 3),
      BoundingBox(yMin: 0, xMin: 0, yMax: 3, xMax: .nan),
    ] {
      #expect(pooled(`operator`, map, box) == [0, 0, 0, 0])
    }
  }

  @Test(arguments: operators)
  func infiniteHugeAndInvertedBoxesGiveFiniteValuesInBoundedTime(
    _ operator: RoIPooling.Operator
  ) {
    let map = Tensor(shape: [1, 2, 4, 4], repeating: 1)
    let ends: [Float] = [-.infinity, -3e38, -1e9, -1, 0, 2, 1e9, 3e38, .infinity]
    for start in ends {
      for end in ends {
        let box = BoundingBox(yMin: start, xMin: end, yMax: end, xMax: start)
        #expect(pooled(`operator`, map, box).allSatisfy { (0...1.0001).contains($0) }, "\(box)")
      }
    }
  }

  @Test
  func theMaximumOfABinIgnoresNaNAndMinusInfinity() {
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 0, xMax: 1)
    for `operator` in [RoIPooling.Operator.pool, .truncatingAdaptiveMax] {
      let pooling = RoIPooling(`operator`, outputSize: 1, spatialScale: SpatialScale(1))
      func maximum(_ values: [Float]) -> Float {
        pooling.pool(
          Tensor(shape: [1, 1, 1, 2], values: values), rois: [box], imageIndices: [0]
        ).values[0]
      }
      #expect(maximum([.nan, 2]) == 2)
      #expect(maximum([2, .nan]) == 2)
      #expect(maximum([-.infinity, -5]) == -5)
      #expect(maximum([.nan, -.infinity]) == -.greatestFiniteMagnitude)
      #expect(maximum([.infinity, 1]) == .infinity)
    }
  }

  @Test
  func roiAlignReadsNoCellWhoseWeightIsZero() {
    // A sample exactly on cell (1, 1): its neighbours are NaN and weigh nothing.
    var map = Tensor(shape: [1, 1, 3, 3], repeating: .nan)
    map.values[4] = 2
    let pooling = RoIPooling(
      .align(samplingRatio: 1, aligned: false), outputSize: 1, spatialScale: SpatialScale(1))
    let box = BoundingBox(yMin: 0, xMin: 0, yMax: 2, xMax: 2)
    #expect(pooling.pool(map, rois: [box], imageIndices: [0]).values == [2])
  }

  @Test
  func aTruncatedBoxOutsideTheMapIsEmptyWherePyTorchRaisesAnError() {
    // Note 002 would slice rows 4 ..< 5 of four rows, and a negative start would count from the
    // end.
    let map = Tensor(shape: [1, 1, 4, 4], repeating: 1)
    let below = BoundingBox(yMin: 4, xMin: 0, yMax: 4.5, xMax: 3)
    #expect(pooled(.truncatingAdaptiveMax, map, below) == [0, 0, 0, 0])
    let above = BoundingBox(yMin: -2, xMin: 0, yMax: 1, xMax: 3)
    #expect(pooled(.truncatingAdaptiveMax, map, above) == [1, 1, 1, 1])
  }
}
