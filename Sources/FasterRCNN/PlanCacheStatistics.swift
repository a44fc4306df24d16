internal import Synchronization

/// How often the plan of a run was kept from an earlier one.
///
/// A picture's run takes two plans: that of the picture and that of the head, which may run several
/// times.
public struct PlanCacheStatistics: Sendable, Equatable {
  /// Plans that were kept.
  public var hits: Int

  /// Plans that had to be built.
  public var misses: Int

  /// Makes statistics.
  public init(hits: Int = 0, misses: Int = 0) {
    self.hits = hits
    self.misses = misses
  }

  /// Adds up what several detectors counted.
  public static func + (first: Self, second: Self) -> Self {
    Self(hits: first.hits + second.hits, misses: first.misses + second.misses)
  }
}

/// The counts behind `PlanCacheStatistics`, to be read from any thread.
final class PlanCounters: Sendable {
  private let hits = Atomic(0)
  private let misses = Atomic(0)

  func countHit() { hits.wrappingAdd(1, ordering: .relaxed) }
  func countMiss() { misses.wrappingAdd(1, ordering: .relaxed) }

  var statistics: PlanCacheStatistics {
    PlanCacheStatistics(
      hits: hits.load(ordering: .relaxed), misses: misses.load(ordering: .relaxed))
  }
}
