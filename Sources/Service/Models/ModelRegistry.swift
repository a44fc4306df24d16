internal import FasterRCNN
internal import JSON
internal import Observability
internal import Synchronization

/// The models of a service by name, in the order in which they were named; the first one answers where a
/// request names none.
final class ModelRegistry: Sendable {
  /// Told what became of a loading.
  typealias Completion = @Sendable (Result<ModelDescription, any Error>) -> Void

  /// A model and how far it is.
  struct Entry: Sendable {
    /// The name that it was given; `nil` for its own.
    let givenName: String?
    let record = ModelRecord()
    fileprivate(set) var open: @Sendable () throws -> any DetectionBackend
    fileprivate(set) var phase = ModelPhase.loading
    /// Told of the loading that has not begun yet; `nil` where none waits.
    fileprivate var waiting: [Completion]?

    /// The name that requests use; `nil` for one that nobody has named, before it was opened.
    var name: String? { givenName ?? phase.served?.name }
  }

  private let entries = Mutex<[Entry]>([])
  private let metrics: ServiceMetrics

  init(metrics: ServiceMetrics) { self.metrics = metrics }

  /// All models.
  var all: [Entry] { entries.withLock { $0 } }

  /// Those that serve.
  var served: [ServedModel] { all.compactMap(\.phase.served) }

  // MARK: Looking up

  /// The model that a request is for.
  ///
  /// - Parameters:
  ///   - name: what the request calls it; `nil` for the first.
  ///   - version: the version that it has to be at; `nil` for any.
  ///   - retryAfter: when to try again where it is being loaded.
  /// - Returns: the model.
  /// - Throws: a `Problem` that says why it does not serve.
  func resolve(
    name: String?, version: String? = nil, retryAfter: Duration
  ) throws(Problem) -> ServedModel {
    let all = all
    let index = name.map { name in all.firstIndex { $0.name == name } } ?? all.indices.first
    guard let index else {
      // One that has no name yet may be the one that is meant.
      if all.isEmpty || all.contains(where: { $0.name == nil }) {
        throw Self.problem(all.first?.phase ?? .loading, name: name, retryAfter)
      }
      throw unknown(name ?? "", all)
    }
    let entry = all[index]
    guard let model = entry.phase.served else {
      throw Self.problem(entry.phase, name: entry.name, retryAfter)
    }
    let actual = model.backend.model.version
    guard version == nil || version == actual else {
      throw Problem(
        .notFound,
        "The model '\(model.name)' has no version '\((version ?? "").excerpt)'; it is at '\(actual)'."
      )
    }
    return model
  }

  /// Requires that each model is loaded that should be, and at least one serves.
  func requireReady(retryAfter: Duration) throws(Problem) {
    let all = all
    if all.isEmpty { throw Self.problem(.loading, name: nil, retryAfter) }
    for entry in all {
      if case .loading = entry.phase {
        throw Self.problem(entry.phase, name: entry.name, retryAfter)
      }
    }
    if all.contains(where: { $0.phase.served != nil }) { return }
    throw Self.problem(all[0].phase, name: all[0].name, retryAfter)
  }

  /// What a request is told that is for no model that there is.
  func unknown(_ name: String) -> Problem { unknown(name, all) }

  private func unknown(_ name: String, _ all: [Entry]) -> Problem {
    let names = all.compactMap(\.name)
    let known = names.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
    return Problem(
      .notFound,
      "There is no model '\(name.excerpt)'; "
        + (names.count == 1 ? "the model here is \(known)." : "the models here are \(known)."))
  }

  private static func problem(
    _ phase: ModelPhase, name: String?, _ retryAfter: Duration
  ) -> Problem {
    let subject = name.map { "The model '\($0)'" } ?? "The model"
    switch phase {
    case .failed:
      return Problem(.modelFailed, "\(subject) could not be loaded; the server's log says why.")
    case .unloaded:
      return Problem(
        .notFound, "\(subject) is not loaded; POST /v2/repository/models/\(name ?? "")/load does.")
    case .loading, .ready:
      var problem = Problem(.loading, "\(subject) is being loaded. Try again shortly.")
      problem.retryAfter = max(1, retryAfter.wholeSecondsRoundedUp)
      return problem
    }
  }

  // MARK: Loading

  /// Takes note that a model is to be loaded.
  ///
  /// - Returns: whether somebody has to see to it; where a loading of the same model waits already, that
  ///   one is it, and takes the newer source.
  func schedule(_ source: ModelSource, _ completion: @escaping Completion) -> Bool {
    entries.withLock { entries in
      let index =
        entries.firstIndex { $0.givenName == source.name }
        ?? {
          entries.append(Entry(givenName: source.name, open: source.open))
          return entries.count - 1
        }()
      entries[index].open = source.open
      switch entries[index].phase {
      case .unloaded, .failed: entries[index].phase = .loading
      case .loading, .ready: break
      }
      let isFirst = entries[index].waiting == nil
      entries[index].waiting = (entries[index].waiting ?? []) + [completion]
      return isFirst
    }
  }

  /// Loads the model of a name that was scheduled.
  ///
  /// - Parameters:
  ///   - name: the name that it was given.
  ///   - warmUp: runs it; told whether another model serves meanwhile.
  ///   - isWanted: asked at the end whether the service still takes models.
  func load(
    _ name: String?, warmUp: (any DetectionBackend, _ isServing: Bool) throws -> Void,
    isWanted: () -> Bool
  ) {
    let (open, completions, isServing) = entries.withLock { entries in
      let isServing = entries.contains { $0.phase.served != nil }
      guard let index = entries.firstIndex(where: { $0.givenName == name }) else {
        return (nil as (@Sendable () throws -> any DetectionBackend)?, [Completion](), isServing)
      }
      defer { entries[index].waiting = nil }
      return (entries[index].open, entries[index].waiting ?? [], isServing)
    }
    guard let open else { return }
    let outcome = Result {
      let backend = try open()
      try warmUp(backend, isServing)
      return backend
    }
    let isWanted = isWanted()
    let replaced = entries.withLock { entries -> ModelPhase? in
      guard isWanted, let index = entries.firstIndex(where: { $0.givenName == name }) else {
        return nil
      }
      let old = entries[index].phase
      switch (old, outcome) {
      // It was unloaded meanwhile, or another one goes on.
      case (.unloaded, _), (.ready, .failure): return nil
      case (_, .success(let backend)):
        entries[index].phase = .ready(
          ServedModel(
            name: name ?? backend.model.name, backend: backend, record: entries[index].record,
            metrics: metrics))
      case (_, .failure(let error)):
        entries[index].phase = .failed(reason: String("\(error)".prefix(500)))
      }
      return old
    }
    // Whatever it took is given back here, not under the lock.
    withExtendedLifetime(replaced) {}
    if case .success = outcome {
      metrics.modelLoads.count("success")
    } else {
      metrics.modelLoads.count("failure")
    }
    let description = outcome.map { backend in
      var description = backend.model
      if let name { description.name = name }
      return description
    }
    for completion in completions { completion(description) }
  }

  /// Lets go of a model; requests that were accepted for it finish with it.
  ///
  /// - Returns: whether there is such a model.
  func unload(_ name: String) -> Bool {
    let (isKnown, old) = entries.withLock { entries -> (Bool, ModelPhase?) in
      guard let index = entries.firstIndex(where: { $0.name == name }),
        entries[index].givenName != nil
      else { return (false, nil) }
      let old = entries[index].phase
      entries[index].phase = .unloaded
      return (true, old)
    }
    withExtendedLifetime(old) {}
    return isKnown
  }
}
