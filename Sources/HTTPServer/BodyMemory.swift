internal import Synchronization

/// A bound on the bytes that all bodies under way take together.
///
/// The server counts what it has read; a handler that makes more of a body, as by undoing its content
/// coding, takes a share for that.
public final class BodyMemory: Sendable {
  /// The most bytes.
  public let limit: Int

  private let taken = Atomic(0)

  /// Makes a bound of which nothing is taken.
  public init(limit: Int) { self.limit = limit }

  /// One that is never reached.
  public static let unbounded = BodyMemory(limit: .max)

  /// How many bytes may still be taken; others may take them first.
  public var free: Int { limit - taken.load(ordering: .relaxed) }

  /// Takes bytes.
  ///
  /// - Returns: whether there was room for them; else nothing is taken.
  func take(_ count: Int) -> Bool {
    var before = taken.load(ordering: .relaxed)
    while true {
      guard count <= limit - before else { return false }
      let (isExchanged, original) = taken.compareExchange(
        expected: before, desired: before + count, ordering: .relaxed)
      if isExchanged { return true }
      before = original
    }
  }

  /// Gives back what was taken.
  func giveBack(_ count: Int) { _ = taken.subtract(count, ordering: .relaxed) }

  /// What one request has taken, for its body and for what is made of it; its last reference gives
  /// everything back, so that who holds a body and its share holds what the body takes.
  public final class Share: Sendable {
    private let memory: BodyMemory
    private let taken = Atomic(0)

    /// How many bytes it has.
    public var count: Int { taken.load(ordering: .relaxed) }

    /// Makes a share of nothing.
    public init(of memory: BodyMemory) { self.memory = memory }

    deinit { memory.giveBack(count) }

    /// Takes bytes.
    ///
    /// - Returns: whether there was room for them; else nothing is taken.
    public func take(_ count: Int) -> Bool {
      guard memory.take(count) else { return false }
      taken.add(count, ordering: .relaxed)
      return true
    }

    /// Gives bytes back before the end: what they were taken for is no more.
    public func giveBack(_ count: Int) {
      let before = taken.subtract(count, ordering: .relaxed).oldValue
      precondition(count <= before, "\(count) of \(before) bytes cannot be given back")
      memory.giveBack(count)
    }
  }
}
