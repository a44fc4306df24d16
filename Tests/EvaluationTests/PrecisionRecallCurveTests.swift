import Testing

@testable import Evaluation

@Suite struct PrecisionRecallCurveTests {
  /// Three of four objects found, with one wrong detection in between.
  private let curve = PrecisionRecallCurve(
    verdicts: [.truePositive, .truePositive, .falsePositive, .truePositive], groundTruthCount: 4)

  @Test func precisionAndRecallFollowEachDetection() {
    #expect(curve.precision == [1, 1, 2.0 / 3, 3.0 / 4])
    #expect(curve.recall == [0.25, 0.5, 0.5, 0.75])
  }

  @Test func theAreaTakesTheBestPrecisionAtThisRecallOrMore() {
    // 0 to 0.5 at precision 1, then 0.5 to 0.75 at 3/4; the last quarter is never reached.
    #expect(curve.averagePrecision(.allPoint) == 0.5 + 0.25 * 0.75)
  }

  @Test func elevenPointsAreSampledAtTenths() {
    // 0 to 0.5: six points at 1. 0.6 and 0.7: 3/4. 0.8 to 1: nothing. The sum of eleven terms is
    // not exact in binary, hence the tolerance of a few units in the last place.
    #expect(abs(curve.averagePrecision(.elevenPoint) - (6 + 2 * 0.75) / 11) < 1e-15)
  }

  @Test func aRecallOfThreeTenthsDoesNotReachThePointAtThreeTimesOneTenth() {
    // 3 * 0.1 is 0.30000000000000004 in double precision, more than 3/10: points 0, 0.1, 0.2 only.
    let curve = PrecisionRecallCurve(
      verdicts: [.truePositive, .truePositive, .truePositive], groundTruthCount: 10)
    #expect(abs(curve.averagePrecision(.elevenPoint) - 3.0 / 11) < 1e-15)
  }

  @Test func ignoredDetectionsChangeNothing() {
    let curve = PrecisionRecallCurve(
      verdicts: [.ignored, .truePositive, .ignored], groundTruthCount: 1)
    #expect(curve.precision == [0, 1, 1])
    #expect(curve.averagePrecision(.allPoint) == 1)
  }

  @Test func noDetectionsAreWorthNothing() {
    let curve = PrecisionRecallCurve(verdicts: [], groundTruthCount: 3)
    #expect(curve.averagePrecision(.allPoint) == 0)
    #expect(curve.averagePrecision(.elevenPoint) == 0)
  }
}
