internal import Dispatch
internal import FasterRCNN
public import Fetching
public import HTTPServer
internal import JSON
public import Observability
internal import Synchronization

/// Serves detections over HTTP: routes, admission, health.
///
/// It answers at once, so that a server can be started before its models are there. `load` makes a model
/// ready, and `beginDraining` makes the service say that it is about to end. Its lanes end with it, when what
/// was accepted is done.
///
/// What needs a detector waits in one bounded queue, whichever model it is for, for a lane: a thread of
/// the service's own, which decodes and detects. What takes its time (figures, and documents that name a
/// model's digest) is written on a queue for that, everything else on the caller's thread.
public final class DetectionService: RequestHandler {
  /// How much the service takes on.
  public let settings: ServiceSettings

  let queue: WorkQueue
  let rules: AnswerRules
  /// Ask the servers for what they counted; see `reportConnections`.
  let servers = Mutex<[@Sendable () -> ServerStatistics?]>([])
  let registry: ModelRegistry
  /// Finds a model that a request names and nobody has loaded before.
  let finder = Mutex<@Sendable (String) -> ModelSource?>({ _ in nil })
  /// Where models are opened, one after the other.
  let loader = DispatchQueue(label: "frcnn-loader")
  private let doors: [Door]
  private let phase = Mutex(ServerPhase.serving)
  private let keys = Mutex<APIKeys?>(nil)

  let intake: Intake

  /// Fetches pictures by URL; `nil` where none are.
  let fetcher: Fetcher?

  /// Where they are fetched: hosts that do not answer must not hold up bodies that are here.
  let fetching = Intake(width: 8)

  /// Makes a service that has no model yet, and starts its lanes.
  ///
  /// - Parameters:
  ///   - settings: how much it takes on.
  ///   - log: where requests are recorded.
  ///   - fetcher: fetches pictures by URL; without one none are.
  public init(
    settings: ServiceSettings = ServiceSettings(), log: RequestLog = RequestLog(level: .none),
    fetcher: Fetcher? = nil
  ) {
    self.settings = settings
    self.fetcher = fetcher
    intake = Intake(width: max(2, settings.laneCount))
    queue = WorkQueue(limits: settings.queue, laneCount: settings.laneCount)
    rules = AnswerRules(log: log, crossOrigin: settings.crossOrigin, queue: queue)
    registry = ModelRegistry(metrics: rules.metrics)
    doors = settings.compatibility.doors
  }

  deinit { queue.close() }

  // MARK: Life

  /// Says where readiness is asked for that no more requests should be sent here; those that come
  /// are served.
  public func beginDraining() {
    phase.withLock { $0 = .draining }
  }

  /// How far the service is in its life.
  var currentPhase: ServerPhase { phase.withLock { $0 } }

  /// Lets in only those who have one of the keys from now on, or everyone where there are none.
  public func setKeys(_ keys: APIKeys?) { self.keys.withLock { $0 = keys } }

  // MARK: Requests

  /// Finds out from a head what is asked for, and refuses what its body would be read for in vain.
  public func admit(head: HTTPRequest) -> HTTPAdmission {
    let destination = destination(of: head)
    do throws(Problem) {
      return .admitted(ticket: try ticket(for: head, to: destination))
    } catch {
      let conversation = Conversation(head, route: destination?.name, rules: rules)
      return .refused(conversation.finish(error))
    }
  }

  /// Answers a request.
  public func handle(
    _ request: HTTPRequest, respond: @escaping @Sendable (HTTPResponse) -> Void
  ) {
    let given = request.ticket as? Ticket
    let destination = given?.destination ?? destination(of: request)
    let conversation = Conversation(
      request, route: destination?.name, rules: rules, respond: respond)
    do throws(Problem) {
      let ticket =
        if let given { given } else { try self.ticket(for: request, to: destination) }
      if let admission = ticket.admission {
        return try enqueue(conversation, admission)
      }
      switch ticket.destination {
      case nil: conversation.answer(optionsResponse(to: request))
      case .door(let path, let values): try answer(conversation, path, values)
      case .route(let match): try answer(conversation, match)
      }
    } catch {
      conversation.answer(error)
    }
  }

  private func answer(_ conversation: Conversation, _ match: RouteMatch) throws(Problem) {
    let request = conversation.request
    switch match.route {
    case .home: conversation.answer(homeResponse(to: request))
    case .documentation: conversation.answer(documentationResponse(to: request))
    case .example: conversation.answer(exampleResponse(to: request))
    case .liveness: conversation.answer(try livenessResponse())
    case .readiness: conversation.answer(try readinessResponse())
    case .health: answerOfModel(conversation) { [self] in healthResponse() }
    case .metrics: answerMetrics(conversation)
    case .description: conversation.answer(descriptionResponse(to: request))
    case .repositoryLoad: try answerLoad(conversation, match)
    case .repositoryUnload: try answerUnload(conversation, match)
    default:
      let body = request.body
      answerOfModel(conversation) { [self] () throws(Problem) in
        try inferenceResponse(match, body: body)
      }
    }
  }

  /// Answers at a door what needs no lane.
  private func answer(
    _ conversation: Conversation, _ path: Door.Path, _ values: [String: String]
  ) throws(Problem) {
    switch path.answer {
    case .detection: throw Problem(.lengthRequired, "A picture is expected as the body.")
    case .fixed(let write): conversation.answer(write())
    case .health(let write):
      _ = try readinessResponse()
      conversation.answer(write())
    case .model(let write):
      let model = try model(named: values["model"])
      answerOfModel(conversation) { write(model) }
    }
  }

  /// Answers with what may name a model's digest, which a big file's model does not know for a second
  /// or two after it is ready: whoever asks then waits elsewhere, and holds nobody up.
  private func answerOfModel(
    _ conversation: Conversation, _ make: @escaping @Sendable () throws(Problem) -> HTTPResponse
  ) {
    let answer: @Sendable () -> Void = {
      do throws(Problem) {
        conversation.answer(try make())
      } catch {
        conversation.answer(error)
      }
    }
    if registry.served.allSatisfy({ $0.backend.model.isDigestKnown }) {
      answer()
    } else {
      Self.documentQueue.async(execute: answer)
    }
  }

  /// Tells a client why the server could not read its request.
  public func response(to refusal: HTTPRefusal) -> HTTPResponse {
    Conversation(HTTPRequest(method: "", path: ""), route: nil, rules: rules)
      .finish(Problem(refusal))
  }

  /// Where a request's path leads; `nil` where there is nothing.
  private func destination(of request: HTTPRequest) -> Destination? {
    for door in doors {
      for path in door.paths {
        guard path.methods.contains(where: { $0.rawValue == request.method }) else { continue }
        if let values = path.pattern.values(in: request.path) { return .door(path, values: values) }
      }
    }
    return RouteMatch(path: request.path).map { .route($0) }
  }

  /// What may be asked for at a path.
  func methods(at path: String) -> [Method]? {
    destination(of: HTTPRequest(method: "", path: path))?.methods
  }

  /// Finds out what a request asks for, and whether it may.
  private func ticket(
    for request: HTTPRequest, to destination: Destination?
  ) throws(Problem) -> Ticket {
    guard let method = Method(rawValue: request.method) else {
      throw Problem(.notImplemented, "The method '\(request.method.excerpt)' is not known.")
    }
    if method == .options, request.path == "*" { return Ticket() }
    guard let destination, request.listener == .service || destination.isForProbes else {
      if let problem = Self.refusalOfExtension(request.path) { throw problem }
      throw Problem(
        .notFound,
        "There is nothing at '\(request.path.excerpt)'. Pictures go to POST /detect; "
          + "GET /openapi.yaml describes everything.")
    }
    if method == .options { return Ticket() }
    guard destination.methods.contains(method) else {
      let allow = Route.allow(destination.methods)
      var problem = Problem(
        .methodNotAllowed, "\(destination.name) answers \(allow), and not \(method.rawValue).")
      problem.fields = [("Allow", allow)]
      throw problem
    }
    try authorize(request, destination.access)
    return Ticket(
      destination: destination, admission: try admission(of: request, to: destination))
  }

  /// Requires a key where the operator and the route do.
  private func authorize(
    _ request: HTTPRequest, _ access: Route.Access
  ) throws(Problem) {
    guard let keys = keys.withLock({ $0 }) else { return }
    switch access {
    case .everyone: return
    case .figures where settings.opensMetrics: return
    case .figures, .keyHolders: try keys.require(in: request.fields)
    }
  }
}
