public import FasterRCNN
internal import Foundation
public import HTTPServer
internal import Images
public import Observability
internal import Synchronization

/// Serves detections over HTTP: routes, admission, health.
///
/// It starts in the phase `loading` and answers at once, so that a server can be started before the
/// model is there. `load` makes it ready, `beginDraining` ends its taking of requests.
///
/// Every request but `POST /detect` is answered on the caller's thread. Pictures wait in one bounded
/// queue for a lane, a thread of the service's own, which decodes and detects.
public final class DetectionService: RequestHandler {
  /// How much the service takes on.
  public let settings: ServiceSettings

  let log: RequestLog
  let queue: WorkQueue
  let statistics = Mutex(InferenceStatistics())
  private let phase = Mutex(ServicePhase.loading)

  /// Makes a service that has no model yet, and starts its lanes.
  ///
  /// - Parameters:
  ///   - settings: how much it takes on.
  ///   - log: where requests are recorded.
  public init(
    settings: ServiceSettings = ServiceSettings(), log: RequestLog = RequestLog(level: .none)
  ) {
    self.settings = settings
    self.log = log
    queue = WorkQueue(capacity: settings.queueCapacity, laneCount: settings.laneCount)
  }

  deinit { queue.close() }

  // MARK: Life

  /// Opens a model and runs it once on each lane; then the service is ready.
  ///
  /// Returns at once. A service that is ready already goes on with its model until the new one has
  /// run, and keeps it where the new one fails; requests that are in the queue by then are finished
  /// with the model that they were accepted with.
  ///
  /// - Parameters:
  ///   - open: opens the model; called on a thread of its own.
  ///   - completion: told the model, or why there is none; called on a thread of the service.
  public func load(
    _ open: @escaping @Sendable () throws -> any DetectionBackend,
    completion: @escaping @Sendable (Result<ModelDescription, any Error>) -> Void = { _ in }
  ) {
    let thread = Thread { [self] in
      do {
        warmUp(try open(), completion)
      } catch {
        finishLoading(.failure(error), completion)
      }
    }
    thread.name = "frcnn-loader"
    thread.start()
  }

  /// Runs a grey picture through a model on each lane, so that the first client does not pay for the
  /// first run, and a model that cannot run is never served.
  private func warmUp(
    _ backend: any DetectionBackend,
    _ completion: @escaping @Sendable (Result<ModelDescription, any Error>) -> Void
  ) {
    let size = settings.warmUpSize
    let pixels = [UInt8](repeating: 128, count: 3 * size.height * size.width)
    let image = Image(width: size.width, height: size.height, pixels: pixels)
    let progress = Mutex(WarmUp(lanesLeft: settings.laneCount, outcome: .success(backend)))
    queue.runOnEachLane { [self] in
      let run = Result {
        try backend.detect(
          .image(image), parameters: DetectionParameters(), isCancelled: { false })
      }
      let outcome = progress.withLock { progress -> Result<any DetectionBackend, any Error>? in
        if case .failure(let error) = run { progress.outcome = .failure(error) }
        progress.lanesLeft -= 1
        return progress.lanesLeft == 0 ? progress.outcome : nil
      }
      if let outcome { finishLoading(outcome, completion) }
    }
  }

  private struct WarmUp {
    var lanesLeft: Int
    var outcome: Result<any DetectionBackend, any Error>
  }

  private func finishLoading(
    _ outcome: Result<any DetectionBackend, any Error>,
    _ completion: (Result<ModelDescription, any Error>) -> Void
  ) {
    phase.withLock { phase in
      switch (phase, outcome) {
      case (.draining, _), (.ready, .failure): break
      case (.loading, .success(let backend)), (.failed, .success(let backend)),
        (.ready, .success(let backend)):
        phase = .ready(backend)
      case (.loading, .failure), (.failed, .failure): phase = .failed
      }
    }
    completion(outcome.map(\.model))
  }

  /// Takes no more requests to detect, and says so where readiness is asked for.
  ///
  /// What was accepted is finished.
  public func beginDraining() {
    phase.withLock { $0 = .draining }
  }

  /// Ends the lanes when all that was accepted is done; blocks until then.
  public func finish() {
    beginDraining()
    queue.close()
    queue.waitForEnd()
  }

  /// How far the service is in its life.
  var currentPhase: ServicePhase { phase.withLock { $0 } }

  // MARK: Requests

  /// Refuses a request from its head where its body would be read in vain.
  public func refuse(head: HTTPRequest) -> HTTPResponse? {
    // Without a body there is nothing to be spared, and the connection can be kept.
    guard head.announcesBody else { return nil }
    do {
      if let match = try route(head), match.route.isWork { try admit(head, match) }
      return nil
    } catch {
      return Exchange(head, log: log).finish(error)
    }
  }

  /// Answers a request.
  public func handle(
    _ request: HTTPRequest, respond: @escaping @Sendable (HTTPResponse) -> Void
  ) {
    let exchange = Exchange(request, log: log, respond: respond)
    do {
      guard let match = try route(request) else {
        exchange.answer(optionsResponse(to: request))
        return
      }
      switch match.route {
      case let route where route.isWork: try enqueue(exchange, match)
      case .home: exchange.answer(homeResponse())
      case .liveness: exchange.answer(livenessResponse())
      case .readiness: exchange.answer(try readinessResponse())
      case .health: exchange.answer(healthResponse())
      case .description: exchange.answer(descriptionResponse())
      default: exchange.answer(try inferenceResponse(match))
      }
    } catch {
      exchange.answer(error)
    }
  }

  /// Tells a client why the server could not read its request.
  public func response(to refusal: HTTPRefusal) -> HTTPResponse {
    Exchange(HTTPRequest(method: "", path: ""), log: log).finish(Problem(refusal))
  }

  /// What a request asks for; `nil` where it only asks what may be asked for.
  private func route(_ request: HTTPRequest) throws(Problem) -> RouteMatch? {
    guard let method = Method(rawValue: request.method) else {
      throw Problem(.notImplemented, "The method '\(request.method.excerpt)' is not known.")
    }
    if method == .options, request.path == "*" { return nil }
    guard let match = RouteMatch(path: request.path) else {
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
    return match
  }
}
