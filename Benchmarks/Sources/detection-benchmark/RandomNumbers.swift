import Glibc
import Tensors

/// Random inputs that are the same on every machine.
struct RandomNumbers: RandomNumberGenerator {
  private var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  mutating func next() -> UInt64 { generator.next() }

  mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    Float.random(in: range, using: &self)
  }

  /// A normally distributed number (Box and Muller).
  mutating func normal(_ deviation: Float) -> Float {
    let radius = (-2 * log(1 - uniform(0...0.999_999))).squareRoot()
    return deviation * radius * cos(2 * .pi * uniform(0...1))
  }
}
