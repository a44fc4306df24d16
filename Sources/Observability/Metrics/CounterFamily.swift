internal import Synchronization

/// Counts that are told apart by one label or two.
///
/// A count is an addition under a lock that is held for no longer than that; memory is taken only
/// when a label's value comes up for the first time. The values have to come from a fixed set: what
/// a client can choose would let it fill the memory.
public final class CounterFamily: Sendable {
  /// What the values of the labels are, in the order of the family's label names.
  public struct Key: Sendable, Hashable {
    /// The first label's value.
    public var first: String
    /// The second label's value; empty where the family has one label.
    public var second: String

    /// Makes a key.
    public init(_ first: String, _ second: String = "") {
      self.first = first
      self.second = second
    }
  }

  private let counts: Mutex<[Key: Int]>

  /// Makes a family.
  ///
  /// - Parameter known: what stands in the answer from the start with 0, so that the first count of
  ///   it is seen as an increase.
  public init(known: [Key] = []) {
    counts = Mutex(Dictionary(uniqueKeysWithValues: known.map { ($0, 0) }))
  }

  /// Counts one.
  public func count(_ first: String, _ second: String = "") {
    counts.withLock { $0[Key(first, second), default: 0] += 1 }
  }

  /// The counts until now, in the order of their labels.
  public var snapshot: [(key: Key, count: Int)] {
    counts.withLock { $0 }.sorted { ($0.key.first, $0.key.second) < ($1.key.first, $1.key.second) }
      .map { (key: $0.key, count: $0.value) }
  }
}
