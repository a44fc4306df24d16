/// A small random number generator whose whole state is one number, so that a sample can be
/// repeated.
///
/// Each step adds the golden ratio's part of 2^64 to the state and mixes its bits; the period is 2^64.
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
  /// - Returns: any number of 64 bits, each as likely as the others.
  public mutating func next() -> UInt64 {
    state &+= Self.step
    return Self.mixed(state)
  }

  /// What each number adds to the state: 2^64 divided by the golden ratio.
  public static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// A number whose bits all depend on all bits of another, one to one.
  public static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
