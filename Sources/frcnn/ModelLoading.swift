import FasterRCNN
import Observability
import Service
import Synchronization

/// Loads the models that `frcnn serve` serves, at the start and whenever they may have changed.
final class ModelLoading: Sendable {
  /// What became of the models so far.
  private struct State {
    /// The names that are to be served, as the options last said.
    var names: Set<String> = []
    /// How many of the first loadings are left.
    var starting = 0
    /// Why the first of those failed that did.
    var failure: Failure?
    var hasServed = false
  }

  private let service: DetectionService
  private let options: ServedModelOptions
  private let threads: LaneThreads
  private let state = Mutex(State())

  /// Makes the lanes' threads, and has models found that a request names.
  init(_ service: DetectionService, _ options: ServedModelOptions) throws(Failure) {
    self.service = service
    self.options = options
    threads = try LaneThreads(
      laneCount: service.settings.laneCount, threadCount: try options.compute.choice().threadCount)
    service.findModels { [self] name in options.find(name).map { source($0).source } }
  }

  /// Loads the models for the first time; where none can be served, that ends the program.
  func start(_ files: [ModelFile]) {
    state.withLock { state in
      state.starting = files.count
      state.names = Set(files.compactMap(\.name))
    }
    for file in files {
      load(file) { [self] failure in
        announce(
          "the model \(file.name.map { "\($0) " } ?? "")cannot be served: \(failure.message)")
        state.withLock { $0.failure = $0.failure ?? failure }
      } onEnd: { [self] in
        let failure = state.withLock { state in
          state.starting -= 1
          return state.starting == 0 && !state.hasServed ? state.failure : nil
        }
        if let failure { ProcessSignals.end(failure.kind.rawValue) }
      }
    }
  }

  /// Loads the models again; where one fails the one before goes on.
  ///
  /// A folder is looked into anew.
  func reload(_ reason: String) {
    let files: [ModelFile]
    do {
      files = try options.sources()
    } catch {
      return announce("\(reason): the models before go on: \(error.message)")
    }
    announce("\(reason): loading the \(files.count == 1 ? "model" : "models") again")
    let names = Set(files.compactMap(\.name))
    let gone = state.withLock { state in
      defer { state.names = names }
      return state.names.subtracting(names)
    }
    for name in gone.sorted() {
      announce("the model \(name) is no longer there")
      service.unload(name)
    }
    for file in files {
      load(file) { failure in
        announce(
          "the model \(file.name.map { "\($0) " } ?? "")before goes on, because the new one cannot be "
            + "served: \(failure.message)")
      }
    }
  }

  /// Where a model comes from, and a place that has its lanes once it is open.
  private func source(
    _ file: ModelFile
  ) -> (source: ModelSource, opened: Opened) {
    let opened = Opened()
    let source = ModelSource(name: file.name) { [options, threads] in
      // The file of labels is read again too.
      let lanes = try DetectorLanes(try options.choice(file), on: threads)
      opened.lanes.withLock { $0 = lanes }
      return lanes
    }
    return (source, opened)
  }

  /// What was opened last of a source; let go of once it was told of.
  private final class Opened: Sendable {
    let lanes = Mutex<DetectorLanes?>(nil)
    func take() -> DetectorLanes? {
      lanes.withLock { lanes in
        defer { lanes = nil }
        return lanes
      }
    }
  }

  private func load(
    _ file: ModelFile, onFailure: @escaping @Sendable (Failure) -> Void,
    onEnd: @escaping @Sendable () -> Void = {}
  ) {
    let (source, opened) = source(file)
    service.load(source) { [self] outcome in
      switch outcome {
      case .success(let model):
        state.withLock { $0.hasServed = true }
        if let computation = try? opened.take()?.computation { announce(computation) }
        announce(
          "ready with \(model.name), \(model.labels.count) classes, profile \(model.profile)")
      case .failure(let error):
        _ = opened.take()
        onFailure(error as? Failure ?? Failure(.internalError, "\(error)"))
      }
      onEnd()
    }
  }
}
