internal import HTTP1
internal import HTTPServer
internal import Observability

/// One request on its way to its answer.
struct Exchange: Sendable {
  let request: HTTPRequest
  let id: String
  let arrival: ContinuousClock.Instant
  let log: RequestLog
  let respond: @Sendable (HTTPResponse) -> Void

  /// Takes a request in.
  init(
    _ request: HTTPRequest, log: RequestLog,
    respond: @escaping @Sendable (HTTPResponse) -> Void = { _ in }
  ) {
    self.request = request
    id = RequestIdentifier.identifier(in: request.fields)
    arrival = .now
    self.log = log
    self.respond = respond
  }

  /// Gives the answer its identifier, and the log its line.
  func finish(
    _ response: HTTPResponse, timings: StageTimings = StageTimings(), error: String? = nil
  ) -> HTTPResponse {
    var response = response
    response.fields[RequestIdentifier.field] = id
    log.record(
      RequestRecord(
        id: id, method: request.method, path: request.path, status: response.status,
        requestBytes: request.body.count, responseBytes: response.body.count,
        duration: .now - arrival, stages: timings.stages, client: request.clientAddress,
        error: error))
    return response
  }

  /// Makes the answer that tells a problem.
  func finish(_ problem: Problem, timings: StageTimings = StageTimings()) -> HTTPResponse {
    finish(problem.response(requestID: id), timings: timings, error: problem.detail)
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
