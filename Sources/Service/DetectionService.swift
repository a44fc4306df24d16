internal import Dispatch
public import FasterRCNN
public import HTTPServer
internal import Images
public import Observability
internal import Synchronization
internal import Threads

/// Serves detections over HTTP: routes, admission, health.
///
/// It starts in the phase `loading` and answers at once, so that a server can be started before the
/// model is there. `load` makes it ready, `beginDraining` makes it say that it is not, and `finish` ends
/// its taking of requests.
///
/// Every request but `POST /detect` is answered on the caller's thread. Pictures wait in one bounded
/// queue for a lane, a thread of the service's own, which decodes and detects.
public final class DetectionService: RequestHandler {
  /// How much the service takes on.
  public let settings: ServiceSettings

  let queue: WorkQueue
  let rules: AnswerRules
  /// Ask the servers for what they counted; see `reportConnections`.
  let servers = Mutex<[@Sendable () -> ServerStatistics?]>([])
  let statistics = Mutex(InferenceStatistics())
  private let phase = Mutex(ServicePhase.loading)
  private let keys = Mutex<APIKeys?>(nil)

  let intake: Intake

  /// Makes a service that has no model yet, and starts its lanes.
  ///
  /// - Parameters:
  ///   - settings: how much it takes on.
  ///   - log: where requests are recorded.
  public init(
    settings: ServiceSettings = ServiceSettings(), log: RequestLog = RequestLog(level: .none)
  ) {
    self.settings = settings
    intake = Intake(width: max(2, settings.laneCount))
    queue = WorkQueue(limits: settings.queue, laneCount: settings.laneCount)
    rules = AnswerRules(log: log, crossOrigin: settings.crossOrigin, queue: queue)
  }

  deinit { queue.close() }

  // MARK: Life

  /// Opens a model and runs it once for each lane; then the service is ready.
  ///
  /// Returns at once. A service that is ready already goes on with its model until the new one has
  /// run, and keeps it where the new one fails; requests that are in the queue by then are finished
  /// with the model that they were accepted with, and the last of them lets go of it.
  ///
  /// - Parameters:
  ///   - open: opens the model; called on a thread of its own.
  ///   - completion: told the model, or why there is none; called on that thread.
  public func load(
    _ open: @escaping @Sendable () throws -> any DetectionBackend,
    completion: @escaping @Sendable (Result<ModelDescription, any Error>) -> Void = { _ in }
  ) {
    do throws(ThreadError) {
      try DetachedThread.start(name: "frcnn-loader") { [self] in
        finishLoading(
          Result {
            let backend = try open()
            try warmUp(backend)
            return backend
          }, completion)
      }
    } catch {
      finishLoading(.failure(error), completion)
    }
  }

  /// Runs a model once for each lane, so that the weights are in order before the
  /// first client comes, and a model that cannot run is never served.
  ///
  /// No lane is taken for it. Where requests are being served, the runs come one after the other: they
  /// slow the requests down, but hold none of them up.
  private func warmUp(_ backend: any DetectionBackend) throws {
    let failure = Mutex<(any Error)?>(nil)
    let run: @Sendable () -> Void = {
      do {
        try backend.warmUp()
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if currentPhase.servingBackend == nil {
      DispatchQueue.concurrentPerform(iterations: settings.laneCount) { _ in run() }
    } else {
      for _ in 0..<settings.laneCount { run() }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private func finishLoading(
    _ outcome: Result<any DetectionBackend, any Error>,
    _ completion: (Result<ModelDescription, any Error>) -> Void
  ) {
    phase.withLock { phase in
      switch (phase, outcome) {
      case (.draining, _), (.ended, _), (.ready, .failure): break
      case (.loading, .success(let backend)), (.failed, .success(let backend)),
        (.ready, .success(let backend)):
        phase = .ready(MeasuredBackend(base: backend, metrics: rules.metrics))
      case (.loading, .failure), (.failed, .failure): phase = .failed
      }
    }
    if case .success = outcome {
      rules.metrics.modelLoads.count("success")
    } else {
      rules.metrics.modelLoads.count("failure")
    }
    completion(outcome.map(\.model))
  }

  /// Says where readiness is asked for that no more requests should be sent here; those that come
  /// are served.
  public func beginDraining() {
    phase.withLock { phase in
      switch phase {
      case .ready(let backend): phase = .draining(backend)
      case .loading, .failed: phase = .ended
      case .draining, .ended: break
      }
    }
  }

  /// Takes no more requests to detect, and ends the lanes when all that was accepted is done; blocks
  /// until then.
  public func finish() {
    phase.withLock { $0 = .ended }
    // Whatever is being looked into has entered the queue already.
    intake.waitUntilIdle()
    queue.close()
    queue.waitForEnd()
  }

  /// How far the service is in its life.
  var currentPhase: ServicePhase { phase.withLock { $0 } }

  /// Lets in only those who have one of the keys from now on, or everyone where there are none.
  public func setKeys(_ keys: APIKeys?) { self.keys.withLock { $0 = keys } }

  // MARK: Requests

  /// Refuses a request from its head where its body would be read in vain.
  public func refuse(head: HTTPRequest) -> HTTPResponse? {
    // Without a body there is nothing to be spared, and the connection can be kept.
    guard head.announcesBody else { return nil }
    do {
      if let match = try route(head), match.route.isWork { try admit(head, match) }
      return nil
    } catch {
      return Exchange(head, rules: rules).finish(error)
    }
  }

  /// Answers a request.
  public func handle(
    _ request: HTTPRequest, respond: @escaping @Sendable (HTTPResponse) -> Void
  ) {
    let exchange = Exchange(request, rules: rules, respond: respond)
    do {
      guard let match = try route(request) else {
        exchange.answer(optionsResponse(to: request))
        return
      }
      switch match.route {
      case let route where route.isWork: try enqueue(exchange, match)
      case .home: exchange.answer(homeResponse(to: request))
      case .documentation: exchange.answer(documentationResponse(to: request))
      case .example: exchange.answer(exampleResponse(to: request))
      case .liveness: exchange.answer(try livenessResponse())
      case .readiness: exchange.answer(try readinessResponse())
      case .health: answerOfModel(exchange) { [self] in healthResponse() }
      case .metrics: answerMetrics(exchange)
      case .description: exchange.answer(descriptionResponse(to: request))
      default: answerOfModel(exchange) { [self] () throws(Problem) in try inferenceResponse(match) }
      }
    } catch {
      exchange.answer(error)
    }
  }

  /// Answers with what may name the model's digest, which a big file's model does not know for a second
  /// or two after it is ready: whoever asks then waits elsewhere, and holds nobody up.
  private func answerOfModel(
    _ exchange: Exchange, _ make: @escaping @Sendable () throws(Problem) -> HTTPResponse
  ) {
    let answer: @Sendable () -> Void = {
      do throws(Problem) { exchange.answer(try make()) } catch { exchange.answer(error) }
    }
    if currentPhase.servingBackend?.model.isDigestKnown ?? true {
      answer()
    } else {
      Self.documentQueue.async(execute: answer)
    }
  }

  /// Tells a client why the server could not read its request.
  public func response(to refusal: HTTPRefusal) -> HTTPResponse {
    Exchange(HTTPRequest(method: "", path: ""), rules: rules).finish(Problem(refusal))
  }

  /// What a request asks for; `nil` where it only asks what may be asked for.
  private func route(_ request: HTTPRequest) throws(Problem) -> RouteMatch? {
    guard let method = Method(rawValue: request.method) else {
      throw Problem(.notImplemented, "The method '\(request.method.excerpt)' is not known.")
    }
    if method == .options, request.path == "*" { return nil }
    guard let match = RouteMatch(path: request.path),
      request.listener == .service || match.route.isForProbes
    else {
      if let problem = Self.refusalOfExtension(request.path) { throw problem }
      throw Problem(
        .notFound,
        "There is nothing at '\(request.path.excerpt)'. Pictures go to POST /detect; "
          + "GET /openapi.yaml describes everything.")
    }
    if method == .options { return nil }
    let route = match.route
    guard route.methods.contains(method) else {
      var problem = Problem(
        .methodNotAllowed, "\(route.rawValue) answers \(route.allow), and not \(method.rawValue).")
      problem.fields = [("Allow", route.allow)]
      throw problem
    }
    try authorize(request, for: match.route)
    return match
  }

  /// Requires a key where the operator and the route do.
  private func authorize(_ request: HTTPRequest, for route: Route) throws(Problem) {
    guard let keys = keys.withLock({ $0 }) else { return }
    switch route.access {
    case .everyone: return
    case .figures where settings.opensMetrics: return
    case .figures, .keyHolders: try keys.require(in: request.fields)
    }
  }
}
