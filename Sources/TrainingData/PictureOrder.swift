internal import Tensors

/// In which order pictures are seen: each once an epoch, anew shuffled for each.
///
/// The order follows from the seed and the epoch, so that training goes on at any place as if it had never
/// stopped.
public struct PictureOrder: Sendable {
  /// A place in the order.
  public struct Place: Sendable, Equatable {
    /// How often all pictures were seen before.
    public var epoch: Int

    /// The picture's index in its set.
    public var index: Int
  }

  /// The number of pictures.
  public let count: Int

  private let seed: UInt64
  private var epoch = -1
  private var indices: [Int] = []

  /// Makes an order of so many pictures; traps on none.
  public init(count: Int, seed: UInt64) {
    precondition(count > 0, "an order of \(count) pictures")
    self.count = count
    self.seed = seed
  }

  /// The picture at a position, counted from 0 over all epochs.
  public mutating func place(at position: Int) -> Place {
    precondition(position >= 0, "position \(position)")
    let epoch = position / count
    if epoch != self.epoch {
      self.epoch = epoch
      indices = Self.shuffled(count, seed: SampleSeed.of(seed, epoch: epoch))
    }
    return Place(epoch: epoch, index: indices[position % count])
  }

  /// Fisher and Yates's shuffle, written out: the library's may change from one Swift to the next, and
  /// what was begun with one could not be gone on with by the other.
  private static func shuffled(_ count: Int, seed: UInt64) -> [Int] {
    var generator = SplitMix64(seed: seed)
    var indices = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      indices.swapAt(last, generator.index(below: last + 1))
    }
    return indices
  }
}

/// Seeds for what is drawn anew for each epoch and picture.
enum SampleSeed {
  /// The seed of an epoch.
  static func of(_ seed: UInt64, epoch: Int) -> UInt64 {
    SplitMix64.mixed(SplitMix64.mixed(seed) &+ UInt64(epoch) &* SplitMix64.step)
  }

  /// The seed of a picture in an epoch.
  static func of(_ seed: UInt64, epoch: Int, index: Int) -> UInt64 {
    // The complement keeps it apart from the epoch's own seed.
    SplitMix64.mixed(~of(seed, epoch: epoch) &+ UInt64(index) &* SplitMix64.step)
  }
}

extension SplitMix64 {
  /// A whole number below a bound, each as likely as the others to within 2^-32 of it.
  mutating func index(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A number from 0 up to but not 1, with 53 random bits.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number within bounds.
  mutating func number(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }
}
