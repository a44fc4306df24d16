import Synchronization

/// A flag that work looks at between its stages: once set it stays set.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  /// Makes a flag that is not set.
  public init() {}

  /// Whether somebody asked for the work to stop.
  public var isCancelled: Bool { flag.load(ordering: .relaxed) }

  /// Asks for the work to stop.
  public func cancel() { flag.store(true, ordering: .relaxed) }
}
