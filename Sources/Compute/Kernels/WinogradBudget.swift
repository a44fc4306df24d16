internal import Synchronization

/// The memory that weights may take once more, transformed for Winograd's convolutions.
///
/// They are four times as large as the checkpoint's. One transformed copy of a layer serves pictures of
/// all sizes and all threads. Plans that are given the same budget share it: a layer that finds no room runs
/// directly.
public final class WinogradBudget: Sendable {
  private struct Grant {
    weak var weights: LayerWeights?
    let byteCount: Int
  }

  /// The most bytes that all layers take together.
  public let limit: Int

  private let grants = Mutex<[Grant]>([])

  /// Makes a budget of some bytes.
  public init(limit: Int = 512 << 20) { self.limit = limit }

  /// Whether a layer may take some memory for its transformed weights: it keeps what it was granted for
  /// as long as it exists (a plan that outlives it keeps the weights themselves).
  func grants(_ byteCount: Int, to weights: LayerWeights) -> Bool {
    grants.withLock { grants in
      grants.removeAll { $0.weights == nil }
      if grants.contains(where: { $0.weights === weights }) { return true }
      let used = grants.reduce(0) { $0 + $1.byteCount }
      guard byteCount <= limit - used else { return false }
      grants.append(Grant(weights: weights, byteCount: byteCount))
      return true
    }
  }
}
