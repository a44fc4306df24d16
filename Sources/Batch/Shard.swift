/// A part of the pictures: each N-th of them, beginning with the K-th.
///
/// Parts of one input hold all of its pictures together and none twice, and are of the same size but for one.
public struct Shard: Sendable, Equatable {
  /// Which part, from 1.
  public let number: Int

  /// How many parts there are.
  public let count: Int

  /// All pictures.
  public static let whole = Shard(number: 1, count: 1)

  private init(number: Int, count: Int) {
    self.number = number
    self.count = count
  }

  /// Reads `K/N`; `nil` where it is something else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]), number >= 1,
      number <= count
    else { return nil }
    self.init(number: number, count: count)
  }

  /// Whether a picture belongs to the part.
  public func contains(_ index: Int) -> Bool { index % count == number - 1 }
}
