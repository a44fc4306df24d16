internal import Synchronization

/// The memory that weights may take in Winograd's layouts.
///
/// They are four times as large as direct ones, and at some widths of the picture a kernel wants them
/// in another layout, which is another copy. Copies stay for the plans to come; where room is short,
/// those that no plan uses any more go, the one that was asked for longest ago first.
final class WinogradBudget: Sendable {
  private struct Copy {
    weak var weights: LayerWeights?
    let layout: TensorLayout
  }

  private struct State {
    /// The one that was asked for last stands last.
    var copies: [Copy] = []
    var used = 0
  }

  /// The most bytes that all copies take.
  let limit: Int

  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// Whether there is room for a copy, or it is there already; makes room where it can.
  func hasRoom(for layout: TensorLayout, of weights: LayerWeights) -> Bool {
    state.withLock { state in
      let known = state.copies.firstIndex { $0.weights === weights && $0.layout == layout }
      if let known {
        state.copies.append(state.copies.remove(at: known))
        return true
      }
      if weights.preparedLayouts.contains(layout) { return true }
      guard layout.byteCount <= limit else { return false }
      var index = 0
      while state.used + layout.byteCount > limit, index < state.copies.count {
        let copy = state.copies[index]
        if copy.weights?.drop(copy.layout) ?? true {
          state.used -= copy.layout.byteCount
          state.copies.remove(at: index)
        } else {
          index += 1
        }
      }
      return state.used + layout.byteCount <= limit
    }
  }

  /// Counts a copy that is about to be made.
  func claim(_ layout: TensorLayout, of weights: LayerWeights) {
    guard !layout.isBlocked, !weights.preparedLayouts.contains(layout) else { return }
    state.withLock { state in
      state.copies.append(Copy(weights: weights, layout: layout))
      state.used += layout.byteCount
    }
  }
}
