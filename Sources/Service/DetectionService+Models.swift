internal import Dispatch
public import FasterRCNN
internal import HTTPServer
internal import JSON
internal import Observability
internal import Synchronization

extension DetectionService {
  /// Opens a model and runs it once for each lane; then it serves.
  ///
  /// Returns at once. Models are opened one after the other, and one that waits to be opened already is
  /// not opened twice. A model that serves goes on until the new one has run, and stays where the new one
  /// fails; requests that are in the queue by then are finished with the model that they were accepted
  /// with, and the last of them lets go of it.
  ///
  /// - Parameters:
  ///   - source: the model; one of the same name is replaced.
  ///   - completion: told the model, or why there is none.
  public func load(
    _ source: ModelSource,
    completion: @escaping @Sendable (Result<ModelDescription, any Error>) -> Void = { _ in }
  ) {
    guard registry.schedule(source, completion) else { return }
    loader.async { [self] in
      registry.load(source.name, warmUp: warmUp) {
        if case .serving = currentPhase { true } else { false }
      }
    }
  }

  /// Lets go of a model; requests that were accepted for it finish with it.
  ///
  /// - Parameter name: the name that it was given.
  /// - Returns: whether there is such a model.
  @discardableResult
  public func unload(_ name: String) -> Bool { registry.unload(name) }

  /// Says where models come from that a request to load names and nobody has loaded before.
  ///
  /// - Parameter find: the model of a name; `nil` where there is none.
  public func findModels(_ find: @escaping @Sendable (String) -> ModelSource?) {
    finder.withLock { $0 = find }
  }

  /// Runs a model once for each lane, so that the weights are in order before the first client comes,
  /// and a model that cannot run is never served.
  ///
  /// No lane is taken for it. Where requests are being served, the weights are put in order beside
  /// them, and the runs that are left, which are short then, come one after the other.
  private func warmUp(_ backend: any DetectionBackend, isServing: Bool) throws {
    let failure = Mutex<(any Error)?>(nil)
    let run: @Sendable (Int) -> Void = { _ in
      do {
        try backend.warmUp()
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if isServing {
      try backend.prepare()
      for lane in 0..<settings.laneCount { run(lane) }
    } else {
      DispatchQueue.concurrentPerform(iterations: settings.laneCount, execute: run)
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  /// `POST /v2/repository/models/{model}/load`: answers when the model serves, or cannot.
  func answerLoad(_ conversation: Conversation, _ match: RouteMatch) throws(Problem) {
    try requireModelControl(conversation.request)
    let name = match.values["model"] ?? ""
    let known = registry.all.first { $0.givenName == name }
    guard
      let source = finder.withLock({ $0 })(name)
        ?? known.map({ ModelSource(name: name, open: $0.open) })
    else { throw registry.unknown(name) }
    load(source) { [registry] outcome in
      switch outcome {
      case .success: conversation.answer(Self.stateResponse(registry, name))
      case .failure(let error):
        announce("the model \(name) cannot be loaded: \(error)")
        conversation.answer(
          Problem(
            .modelFailed, "The model '\(name)' could not be loaded; the server's log says why."))
      }
    }
  }

  /// `POST /v2/repository/models/{model}/unload`: from then on nobody is let in for the model.
  func answerUnload(_ conversation: Conversation, _ match: RouteMatch) throws(Problem) {
    try requireModelControl(conversation.request)
    let name = match.values["model"] ?? ""
    guard registry.unload(name) else { throw registry.unknown(name) }
    conversation.answer(Self.stateResponse(registry, name))
  }

  private func requireModelControl(_ request: HTTPRequest) throws(Problem) {
    guard settings.allowsModelControl else {
      throw Problem(
        .notImplemented, "The models of this server are fixed: no request loads or unloads them.")
    }
    guard case .serving = currentPhase else { throw drainingProblem }
    // A configuration or files in the request would be another model than the operator's.
    guard !request.body.isEmpty else { return }
    do throws(JSONError) {
      var reader = JSONReader(request.body)
      try reader.object { (name, reader) throws(JSONError) in
        guard name == "parameters" else { return try reader.skip() }
        if reader.takeNull() { return }
        try reader.object { (name, reader) throws(JSONError) in
          guard name == "unload_dependents" else {
            throw reader.failure("a model is loaded from where the operator has it, as it is there")
          }
          try reader.skip()
        }
      }
      try reader.finish()
    } catch {
      throw Problem(error)
    }
  }

  private static func stateResponse(_ registry: ModelRegistry, _ name: String) -> HTTPResponse {
    let phase = registry.all.first { $0.givenName == name }?.phase ?? .unloaded
    return .document { json in
      json.member("name", name)
      json.member("state", phase.repositoryState)
      json.member("reason", phase.reason)
    }
  }
}
