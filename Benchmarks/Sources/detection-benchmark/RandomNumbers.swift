import Glibc

/// SplitMix64 (Steele, Lea and Flood 2014): the same inputs on every machine.
struct RandomNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    Float.random(in: range, using: &self)
  }

  /// A normally distributed number (Box and Muller).
  mutating func normal(_ deviation: Float) -> Float {
    let radius = (-2 * log(1 - uniform(0...0.999_999))).squareRoot()
    return deviation * radius * cos(2 * .pi * uniform(0...1))
  }
}
