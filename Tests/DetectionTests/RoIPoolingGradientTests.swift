import Detection
import Tensors
import Testing

/// Gradients of RoI pooling against finite differences, and by hand.
struct RoIPoolingGradientTests {
  static let operators: [RoIPooling.Operator] = [
    .pool, .align(samplingRatio: 2, aligned: false), .align(samplingRatio: nil, aligned: true),
    .alignAverage, .cropMaximum, .truncatingAdaptiveMax,
  ]

  @Test(arguments: operators)
  func theGradientIsWhatASmallChangeOfEachCellChanges(
    _ operator: RoIPooling.Operator
  ) {
    var generator = SplitMix64(seed: 1)
    let count = 2 * 3 * 5 * 6
    // All values differ by at least 1: no step of 0.25 changes which cell is a bin's maximum.
    let values = (0..<count).shuffled(using: &generator).map(Float.init)
    let features = Tensor(shape: [2, 3, 5, 6], values: values)
    let rois = [
      BoundingBox(yMin: 3, xMin: 5, yMax: 70, xMax: 40),
      BoundingBox(yMin: 40, xMin: 33, yMax: 90, xMax: 95),
      BoundingBox(yMin: -30, xMin: -20, yMax: 200, xMax: 50),
    ]
    let imageIndices = [0, 1, 1]
    let pooling = RoIPooling(`operator`, outputSize: 3, spatialScale: SpatialScale(1 / 16))
    let pooled = pooling.pool(features, rois: rois, imageIndices: imageIndices)
    // Any loss that is linear in the pooled values will do; its weights are small whole numbers.
    let weights = Tensor(
      shape: pooled.shape,
      values: pooled.values.map { _ in Float.random(in: -4...4, using: &generator).rounded() })
    func loss(_ features: Tensor) -> Double {
      let pooled = pooling.pool(features, rois: rois, imageIndices: imageIndices)
      return zip(pooled.values, weights.values).reduce(0) {
        $0 + Double($1.0) * Double($1.1)
      }
    }
    let gradient = pooling.gradient(
      weights, features: features, rois: rois, imageIndices: imageIndices)
    #expect(gradient.shape == features.shape)
    let step: Float = 0.25
    for cell in values.indices {
      var above = features
      var below = features
      above.values[cell] += step
      below.values[cell] -= step
      let slope = Float((loss(above) - loss(below)) / Double(2 * step))
      // Pooled values are up to 180, so each is exact to 1e-5; a difference over a step of 0.5 of
      // some ten of them, times weights up to 4, is exact to 1e-3.
      #expect(abs(gradient.values[cell] - slope) < 1e-3, "cell \(cell)")
    }
    #expect(gradient.values.contains { $0 != 0 })
  }

  @Test(arguments: [RoIPooling.Operator.pool, .truncatingAdaptiveMax])
  func ofEqualCellsTheFirstOneGetsTheGradient(_ operator: RoIPooling.Operator) {
    let pooling = RoIPooling(`operator`, outputSize: 1, spatialScale: SpatialScale(1))
    let gradient = pooling.gradient(
      Tensor(shape: [1, 1, 1, 1], values: [5]),
      features: Tensor(shape: [1, 1, 2, 2], values: [1, 7, 7, 7]),
      rois: [BoundingBox(yMin: 0, xMin: 0, yMax: 1, xMax: 1)], imageIndices: [0])
    #expect(gradient.values == [0, 5, 0, 0])
  }

  @Test(arguments: operators)
  func anRoIBesideTheMapPassesNoGradient(_ operator: RoIPooling.Operator) {
    let pooling = RoIPooling(`operator`, outputSize: 2, spatialScale: SpatialScale(1))
    let boxes = [
      BoundingBox(yMin: 50, xMin: 50, yMax: 60, xMax: 60),
      BoundingBox(yMin: .nan, xMin: 0, yMax: 1, xMax: 1),
    ]
    let gradient = pooling.gradient(
      Tensor(shape: [2, 1, 2, 2], repeating: 1), features: Tensor(shape: [1, 1, 3, 3]),
      rois: boxes, imageIndices: [0, 0])
    #expect(gradient.values.allSatisfy { $0 == 0 })
  }
}
