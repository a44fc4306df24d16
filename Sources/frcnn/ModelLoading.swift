import FasterRCNN
import Observability
import Service
import Synchronization

/// Loads the model that `frcnn serve` serves, at the start and whenever it may have changed: one at a
/// time, and the newest last.
final class ModelLoading: Sendable {
  private struct State {
    var isLoading = false
    /// Why it is to be loaded once more as soon as it is loaded now.
    var next: String?
  }

  private let service: DetectionService
  private let options: ModelOptions
  private let state = Mutex(State())

  init(_ service: DetectionService, _ options: ModelOptions) {
    self.service = service
    self.options = options
  }

  /// Loads the first model; a failure ends the program.
  ///
  /// - Parameter choice: what the options say, read and checked already.
  func start(_ choice: ModelOptions.Choice) {
    state.withLock { $0.isLoading = true }
    load({ choice }) { failure in
      announce("the model cannot be served: \(failure.message)")
      ProcessSignals.end(failure.kind.rawValue)
    }
  }

  /// Loads the model again; where that fails the one before goes on.
  func reload(_ reason: String) {
    let isFree = state.withLock { state in
      if state.isLoading {
        state.next = reason
        return false
      }
      state.isLoading = true
      return true
    }
    guard isFree else { return }
    announce("\(reason): loading the model again")
    // The file of labels is read again too.
    load({ [options] () throws(Failure) in try options.choice() }) { failure in
      announce("the model before goes on, because the new one cannot be served: \(failure.message)")
    }
  }

  private func load(
    _ choice: @escaping @Sendable () throws(Failure) -> ModelOptions.Choice,
    onFailure: @escaping @Sendable (Failure) -> Void
  ) {
    let laneCount = service.settings.laneCount
    let opened = Mutex<DetectorLanes?>(nil)
    service.load({
      let lanes = try DetectorLanes(choice(), laneCount: laneCount)
      opened.withLock { $0 = lanes }
      return lanes
    }) { [self] outcome in
      switch outcome {
      case .success(let model):
        if let computation = try? opened.withLock({ $0 })?.computation { announce(computation) }
        announce(
          "ready with \(model.name), \(model.labels.count) classes, profile \(model.profile)")
      case .failure(let error):
        onFailure(error as? Failure ?? Failure(.internalError, "\(error)"))
      }
      let next = state.withLock { state in
        state.isLoading = false
        defer { state.next = nil }
        return state.next
      }
      if let next { reload(next) }
    }
  }
}
