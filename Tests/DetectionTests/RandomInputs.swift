import Detection
import Tensors

/// Random inputs that are the same each time, so that a failing case can be run again.
struct TestRandomness: RandomNumberGenerator {
  private var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  mutating func next() -> UInt64 { generator.next() }

  mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    Float.random(in: range, using: &self)
  }

  /// Boxes anywhere in a picture of 600 x 800 pixels, or drawn around a few centres.
  mutating func boxes(_ count: Int, clusters: Int?) -> [BoundingBox] {
    let centres = (0..<(clusters ?? 0)).map { _ in
      (uniform(50...550), uniform(50...750), uniform(20...200), uniform(20...200))
    }
    return (0..<count).map { _ in
      let (y, x, height, width) =
        if let centre = centres.randomElement(using: &self) {
          (
            centre.0 + uniform(-8...8), centre.1 + uniform(-8...8), centre.2 * uniform(0.8...1.25),
            centre.3 * uniform(0.8...1.25)
          )
        } else {
          (uniform(0...600), uniform(0...800), uniform(1...300), uniform(1...300))
        }
      return BoundingBox(
        yMin: y - height / 2, xMin: x - width / 2, yMax: y + height / 2, xMax: x + width / 2)
    }
  }
}
