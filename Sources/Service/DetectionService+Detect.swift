internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Observability
internal import Synchronization

extension DetectionService {
  /// Checks all that can be known of a request for the detector before its body: form, size,
  /// parameters, and whether there is room for it.
  @discardableResult
  func admit(_ head: HTTPRequest, _ match: RouteMatch) throws(Problem) -> Admission {
    let type = try contentType(of: head, match.route)
    try checkLength(of: head)
    let backend = try currentPhase.backend(retryAfter: settings.notReadyRetryAfter)
    try check(match, backend.model)
    let parameters = try QueryString.pairs(of: head.query ?? "")
    _ = try RequestParameters(
      parameters, allowed: Parameter.all(of: match.route), model: backend.model)
    if queue.isFull { throw queueFull() }
    return Admission(match: match, type: type, parameters: parameters, backend: backend)
  }

  /// Lets a request wait for a lane.
  func enqueue(_ exchange: Exchange, _ match: RouteMatch) throws(Problem) {
    let admission = try admit(exchange.request, match)
    let work = Work(
      cancellation: exchange.request.cancellation,
      run: { [self] waited in run(exchange, admission, waited: waited) },
      abandon: { waited in
        var timings = StageTimings()
        timings.append(Stage.queue.rawValue, waited)
        exchange.answer(Problem(CancellationError()), timings: timings)
      })
    guard queue.submit(work) else { throw queueFull() }
  }

  /// Works on a request and answers it; runs on a lane.
  private func run(_ exchange: Exchange, _ admission: Admission, waited: Duration) {
    let work = DetectionWork(
      exchange: exchange, admission: admission, settings: settings, waited: waited)
    do {
      let answer = try work.answer()
      statistics.withLock { $0.recordSuccess(answer) }
      exchange.answer(answer.response, timings: answer.timings)
    } catch {
      var timings = StageTimings()
      timings.append(Stage.queue.rawValue, waited)
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
    let codings = head.fields.values(of: "Content-Encoding")
    if codings.contains(where: { $0.lowercased() != "identity" }) {
      var problem = Problem(
        .unsupportedContentCoding,
        "The body's content coding is not undone here; send it without Content-Encoding.")
      problem.fields = [("Accept-Encoding", "identity")]
      throw problem
    }
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
        "The content type '\(type.name.excerpt)' is not taken. Send the picture as image/jpeg, "
          + "image/png or application/octet-stream, as field 'image' of multipart/form-data, or as "
          + "base64 in application/json; features as application/json, application/x-npy or "
          + "application/vnd.safetensors.")
      problem.fields = [("Accept", MediaType.acceptedText)]
      throw problem
    }
    if type.name == MediaType.form { _ = try MultipartParser.boundary(of: type) }
    return type
  }

  private func checkLength(of head: HTTPRequest) throws(Problem) {
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
  }

  private func queueFull() -> Problem {
    var problem = Problem(
      .queueFull, "\(queue.capacity) requests wait already; try again when they are done.",
      limit: .init(name: "queue", value: queue.capacity, unit: "requests"))
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
