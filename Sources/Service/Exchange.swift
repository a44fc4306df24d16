internal import HTTP1
internal import HTTPServer
internal import Observability

/// One request on its way to its answer.
struct Exchange: Sendable {
  let request: HTTPRequest
  let id: String
  let arrival: ContinuousClock.Instant
  let log: RequestLog
  let metrics: ServiceMetrics
  let respond: @Sendable (HTTPResponse) -> Void

  /// Takes a request in.
  init(
    _ request: HTTPRequest, log: RequestLog, metrics: ServiceMetrics,
    respond: @escaping @Sendable (HTTPResponse) -> Void = { _ in }
  ) {
    self.request = request
    id = RequestIdentifier.identifier(in: request.fields)
    arrival = .now
    self.log = log
    self.metrics = metrics
    self.respond = respond
  }

  /// Gives the answer its identifier, the log its line, and the metrics their figures.
  func finish(
    _ response: HTTPResponse, timings: StageTimings = StageTimings(), problem: Problem? = nil
  ) -> HTTPResponse {
    var response = response
    response.fields[RequestIdentifier.field] = id
    let duration = ContinuousClock.now - arrival
    metrics.finished(
      route: Route(rawValue: request.path)?.rawValue ?? ServiceMetrics.otherRoute,
      status: response.status, duration: duration, stages: timings.stages, problem: problem?.kind)
    log.record(
      RequestRecord(
        id: id, method: request.method, path: request.path, status: response.status,
        requestBytes: request.body.count, responseBytes: response.body.count,
        duration: duration, stages: timings.stages, client: request.clientAddress,
        error: problem?.detail))
    return response
  }

  /// Makes the answer that tells a problem.
  func finish(_ problem: Problem, timings: StageTimings = StageTimings()) -> HTTPResponse {
    finish(problem.response(requestID: id), timings: timings, problem: problem)
  }

  /// Answers.
  func answer(_ response: HTTPResponse, timings: StageTimings = StageTimings()) {
    respond(finish(response, timings: timings))
  }

  /// Answers with a problem.
  func answer(_ problem: Problem, timings: StageTimings = StageTimings()) {
    respond(finish(problem, timings: timings))
  }
}
