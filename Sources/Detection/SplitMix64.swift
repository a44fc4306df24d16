/// A small random number generator whose whole state is one number, so that a sample can be
/// repeated.
///
/// Each step adds the golden ratio's 2^64 part to the state and mixes its bits; the period is 2^64.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; the
/// constants are those of Java's SplittableRandom. Not for secrets.
public struct SplitMix64: RandomNumberGenerator, Sendable, Hashable {
  private var state: UInt64

  /// Starts a sequence; the same seed gives the same sequence on every machine.
  public init(seed: UInt64) {
    state = seed
  }

  /// Takes the next 64 random bits.
  ///
  /// - Returns: Any number of 64 bits, each as likely as the others.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Array where Element == Int {
  /// Draws some of the elements at random, without putting back: NumPy's `choice(...,
  /// replace=False)`.
  ///
  /// The first steps of a Fisher-Yates shuffle. The standard library does not promise that its own
  /// `shuffled` and `random(in:)` stay as they are; these lines do, so a seed gives the same sample
  /// with every version of Swift.
  ///
  /// - Parameters:
  ///   - count: How many to draw, at most; all of them where there are fewer.
  ///   - generator: Where the randomness comes from.
  /// - Returns: The drawn elements, in the order of the draw.
  func drawing(_ count: Int, using generator: inout some RandomNumberGenerator) -> [Int] {
    var elements = self
    let drawn = Swift.min(Swift.max(count, 0), elements.count)
    for i in 0..<drawn {
      let rest = UInt64(elements.count - i)
      // Numbers from the last, incomplete multiple of `rest` on would favour some elements.
      let limit = UInt64.max - UInt64.max % rest
      var number = generator.next()
      while number >= limit { number = generator.next() }
      elements.swapAt(i, i + Int(number % rest))
    }
    return Array(elements.prefix(drawn))
  }
}
