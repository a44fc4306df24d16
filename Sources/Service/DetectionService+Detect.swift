internal import Dispatch
internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Images
internal import Observability
internal import Synchronization

extension DetectionService {
  /// Checks all that can be known of a request for the detector before its body: form, size,
  /// parameters, and whether there is room for it.
  @discardableResult
  func admit(_ head: HTTPRequest, _ match: RouteMatch) throws(Problem) -> Admission {
    let coding = try ContentCoding.ofBody(head.fields)
    let type = try contentType(of: head, match.route)
    let length = try checkedLength(of: head)
    let stated = try RequestTimeout.stated(in: head.fields)
    let backend = try currentPhase.backend(retryAfter: settings.notReadyRetryAfter)
    try check(match, backend.model)
    let parameters = try QueryString.pairs(of: head.query ?? "")
    let chosen = try RequestParameters(parameters, at: match.route, model: backend.model)
    let timeout = min(
      settings.requestTimeout, stated ?? settings.requestTimeout,
      chosen.timeout ?? settings.requestTimeout)
    if let shortage = queue.shortage(adding: length, within: timeout) { throw refusal(shortage) }
    return Admission(
      match: match, type: type, coding: coding, parameters: parameters, timeout: timeout,
      backend: backend)
  }

  /// Lets a request wait for a lane.
  func enqueue(_ exchange: Exchange, _ match: RouteMatch) throws(Problem) {
    let admission = try admit(exchange.request, match)
    let place: WorkQueue.Place
    do throws(WorkQueue.Shortage) {
      place = try queue.enter(
        bytes: exchange.request.body.count, within: admission.timeout,
        cancellation: exchange.request.cancellation)
    } catch {
      throw refusal(error)
    }
    exchange.answer(within: admission.timeout, onPassing: dropCancelled)
    intake.submit { [self] in prepare(exchange, admission, at: place) }
  }

  private var dropCancelled: @Sendable () -> Void { { [queue] in queue.dropCancelled() } }

  /// Looks into a body, and lets a lane have it where all is well; runs in the intake.
  private func prepare(
    _ exchange: Exchange, _ admission: Admission, at place: WorkQueue.Place
  ) {
    let cancellation = exchange.request.cancellation
    var exchange = exchange
    do {
      if cancellation.isCancelled { throw CancellationError() }
      let start = ContinuousClock.now
      let order = try order(&exchange, admission)
      let preparation = ContinuousClock.now - start
      if let timeout = order.parameters.timeout, timeout < admission.timeout {
        exchange.answer(within: timeout, onPassing: dropCancelled)
      }
      do throws(WorkQueue.Shortage) {
        try queue.charge(
          place, bytes: exchange.request.body.count + order.madeBytes, pixels: order.pixels)
      } catch {
        throw refusal(error)
      }
      let work = Work(
        run: { [self, exchange] waited in
          let work = DetectionWork(
            exchange: exchange, admission: admission, order: order, settings: settings,
            waited: max(waited - preparation, .zero), preparation: preparation)
          run(work)
        },
        abandon: { [exchange] waited in
          var timings = StageTimings()
          timings.append(Stage.queue.rawValue, waited)
          exchange.answer(Problem(CancellationError()), timings: timings)
        })
      queue.submit(work, at: place)
    } catch {
      queue.leave(place)
      statistics.withLock { $0.recordFailure(.now - exchange.arrival) }
      exchange.answer(Problem(cancellation.isCancelled ? CancellationError() : error))
    }
  }

  /// Undoes the body's coding and reads it; lets go of it where all of it was made something else.
  private func order(_ exchange: inout Exchange, _ admission: Admission) throws -> WorkOrder {
    let share = BodyMemory.Share(of: exchange.request.memory)
    exchange.share = share
    if let coding = admission.coding {
      do throws(Inflation.Fault) {
        exchange.request.body = try Inflation.undo(
          exchange.request.body, coding, limit: settings.maximumBodyBytes, share: share)
      } catch {
        throw Problem(error, coding: coding)
      }
    }
    let order = try WorkOrder(
      exchange.request.body, fields: exchange.request.fields, admission: admission,
      settings: settings)
    guard share.take(order.madeBytes) else { throw Problem.outOfBodyMemory }
    if !order.needsBody { exchange.request.body = [] }
    return order
  }

  /// Works on a request and answers it; runs on a lane.
  private func run(_ work: DetectionWork) {
    let exchange = work.exchange
    do {
      let answer = try work.answer()
      statistics.withLock { $0.recordSuccess(answer) }
      rules.metrics.batchSize.observe(Double(answer.count))
      exchange.answer(answer.response, timings: answer.timings)
    } catch {
      var timings = StageTimings()
      timings.append(Stage.queue.rawValue, work.waited)
      statistics.withLock { $0.recordFailure(.now - exchange.arrival) }
      // Whatever work that was cancelled throws, it was cancelled.
      let isCancelled = exchange.request.cancellation.isCancelled
      let problem = Problem(isCancelled ? CancellationError() : error)
      if problem.kind == .internalError {
        announce("request \(exchange.id) failed: \(error)")
      }
      exchange.answer(problem, timings: timings)
    }
  }

  private func contentType(of head: HTTPRequest, _ route: Route) throws(Problem) -> MediaType? {
    // The protocol's clients state none, or anything.
    if route.isInferenceProtocol { return nil }
    let values = head.fields.values(of: "Content-Type")
    guard let value = values.first else { return nil }
    guard values.count == 1, let type = MediaType(parsing: value) else {
      throw Problem(
        .malformedRequest, "The request has to have one Content-Type of the form type/subtype.")
    }
    guard MediaType.bodies.contains(type.name) else {
      var problem = Problem(
        .unsupportedMediaType,
        "The content type '\(type.name.excerpt)' is not taken. \(MediaType.advice)")
      problem.fields = [("Accept", MediaType.acceptedText)]
      throw problem
    }
    if type.name == MediaType.form { _ = try MultipartParser.boundary(of: type) }
    return type
  }

  /// The length of the body as far as the head says it, held against the limit.
  private func checkedLength(of head: HTTPRequest) throws(Problem) -> Int {
    let length = head.fields["Content-Length"]
    guard length != nil || head.fields["Transfer-Encoding"] != nil else {
      throw Problem(
        .lengthRequired,
        "A picture is expected as the body: send it with Content-Length or chunked, as curl "
          + "--data-binary @photo.jpg does.")
    }
    let byteCount = max(length.flatMap(Int.init) ?? 0, head.body.count)
    guard byteCount <= settings.maximumBodyBytes else {
      throw Problem(
        .bodyTooLarge,
        "The body has \(byteCount) bytes; at most \(settings.maximumBodyBytes) are taken.",
        limit: .init(name: "body", value: settings.maximumBodyBytes, unit: "bytes"))
    }
    return byteCount
  }

  /// What a request is told for which there is no room.
  func refusal(_ shortage: WorkQueue.Shortage) -> Problem {
    let limits = queue.limits
    var problem: Problem
    switch shortage {
    case .requests:
      problem = Problem(
        .queueFull, "\(limits.requests) requests wait already; try again when they are done.",
        limit: .init(name: "queue", value: limits.requests, unit: "requests"))
    case .bytes:
      problem = Problem(
        .queueFull,
        "The bodies that wait have nearly \(limits.bytes) bytes already; try again when they are done.",
        limit: .init(name: "queue", value: limits.bytes, unit: "bytes"))
    case .pixels:
      problem = Problem(
        .queueFull,
        "The pictures that wait have nearly \(limits.pixels) pixels already; try again when they are "
          + "done.",
        limit: .init(name: "queue", value: limits.pixels, unit: "pixels"))
    case .time:
      problem = Problem(
        .queueFull,
        "What waits already will take longer than this request has; try again when it is done, or give "
          + "it more time.")
    case .closed:
      problem = Problem(.draining, "The server ends and takes no more work.")
    }
    problem.retryAfter = queue.load.retryAfter(laneCount: queue.laneCount)
    return problem
  }
}

extension HTTPRequest {
  /// Whether the head says that a body follows.
  var announcesBody: Bool {
    if fields["Transfer-Encoding"] != nil { return true }
    guard let length = fields["Content-Length"] else { return false }
    return length != "0"
  }
}
