internal import FasterRCNN
internal import HTTP1
internal import HTTPServer
internal import Images
internal import Observability

extension DetectionService {
  /// What the head of a request to detect says, checked.
  struct Admission {
    var type: MediaType?
    var parameters: [NamedValue]
    var backend: any DetectionBackend
  }

  /// Checks all that can be known of a request to detect before its body: form, size, parameters,
  /// and whether there is room for it.
  @discardableResult
  func admit(_ head: HTTPRequest) throws(Problem) -> Admission {
    let type = try contentType(of: head)
    try checkLength(of: head)
    let backend = try currentPhase.backend(retryAfter: settings.notReadyRetryAfter)
    let parameters = try QueryString.pairs(of: head.query ?? "")
    _ = try RequestParameters(parameters, model: backend.model)
    if queue.isFull { throw queueFull() }
    return Admission(type: type, parameters: parameters, backend: backend)
  }

  /// Lets a picture wait for a lane.
  func enqueue(_ exchange: Exchange) throws(Problem) {
    let admission = try admit(exchange.request)
    let work = Work(
      cancellation: exchange.request.cancellation,
      run: { [self] waited in detect(exchange, admission, waited: waited) },
      abandon: { waited in
        var timings = StageTimings()
        timings.append(Stage.queue.rawValue, waited)
        exchange.answer(Problem(CancellationError()), timings: timings)
      })
    guard queue.submit(work) else { throw queueFull() }
  }

  /// Decodes a picture, finds its objects and answers; runs on a lane.
  private func detect(_ exchange: Exchange, _ admission: Admission, waited: Duration) {
    let cancellation = exchange.request.cancellation
    do {
      let start = ContinuousClock.now
      let body = try RequestBody(
        admission.type, exchange.request.body, limits: settings.multipartLimits)
      let parameters = try RequestParameters(
        admission.parameters + body.parameters, model: admission.backend.model)
      let decoder = ImageDecoder(
        limits: settings.imageLimits, appliesOrientation: parameters.orientation == .exif)
      let picture = try decoder.decode(exchange.request.body.span.extracting(body.picture))
      let decoded = ContinuousClock.now - start
      if cancellation.isCancelled { throw CancellationError() }
      var result = try admission.backend.detect(
        .image(picture.image), parameters: parameters.detection,
        isCancelled: { cancellation.isCancelled })
      if cancellation.isCancelled { throw CancellationError() }
      result.timings[.queue] = waited
      result.timings[.decode] = decoded
      let document = DetectionDocument(
        id: exchange.id, model: admission.backend.model, picture: picture, parameters: parameters,
        result: result)
      let (json, timings) = try document.json(since: exchange.arrival)
      var response = HTTPResponse(status: 200, body: json)
      response.fields.append("Content-Type", "application/json")
      response.fields.append("Server-Timing", timings.serverTimingText)
      exchange.answer(response, timings: timings)
    } catch {
      var timings = StageTimings()
      timings.append(Stage.queue.rawValue, waited)
      // Whatever work that was cancelled throws, it was cancelled.
      let problem = Problem(cancellation.isCancelled ? CancellationError() : error)
      if problem.kind == .internalError {
        announce("request \(exchange.id) failed: \(error)")
      }
      exchange.answer(problem, timings: timings)
    }
  }

  private func contentType(of head: HTTPRequest) throws(Problem) -> MediaType? {
    let codings = head.fields.values(of: "Content-Encoding")
    if codings.contains(where: { $0.lowercased() != "identity" }) {
      var problem = Problem(
        .unsupportedContentCoding,
        "The body's content coding is not undone here; send it without Content-Encoding.")
      problem.fields = [("Accept-Encoding", "identity")]
      throw problem
    }
    let values = head.fields.values(of: "Content-Type")
    guard let value = values.first else { return nil }
    guard values.count == 1, let type = MediaType(parsing: value) else {
      throw Problem(
        .malformedRequest, "The request has to have one Content-Type of the form type/subtype.")
    }
    guard type.name == MediaType.form || MediaType.pictures.contains(type.name) else {
      var problem = Problem(
        .unsupportedMediaType,
        "The content type '\(type.name.excerpt)' is not taken. Send the picture as image/jpeg, "
          + "image/png or application/octet-stream, or as field 'image' of multipart/form-data.")
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
