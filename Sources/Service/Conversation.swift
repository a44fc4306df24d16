internal import Dispatch
internal import HTTP1
internal import HTTPServer
internal import Observability
internal import Synchronization

/// One request on its way to its answer.
///
/// Several may try to answer, as the lane that works on it and the clock that says it is too late; the
/// first one does.
struct Conversation: Sendable {
  /// The request; its body is replaced where a content coding is undone.
  var request: HTTPRequest
  let id: String
  let trace: TraceContext?
  /// When it was handed over, which is when its body is whole, where it has one that is read.
  ///
  /// Deadlines count from here.
  let arrival: ContinuousClock.Instant
  let rules: AnswerRules
  /// What the path is called where it is counted.
  private let routeName: String
  private let requestBytes: Int
  private let answer: Answer

  /// Takes a request in.
  ///
  /// - Parameters:
  ///   - request: the request.
  ///   - route: what its path is called where it is counted; `nil` for a path that is not there.
  ///   - rules: what its answer gets.
  ///   - respond: takes the answer to the client.
  init(
    _ request: HTTPRequest, route: String?, rules: AnswerRules,
    respond: @escaping @Sendable (HTTPResponse) -> Void = { _ in }
  ) {
    self.request = request
    id = RequestIdentifier.identifier(in: request.fields)
    trace = TraceContext(in: request.fields)
    arrival = .now
    routeName = route ?? ServiceMetrics.otherRoute
    requestBytes = request.body.count
    self.rules = rules
    answer = Answer(respond)
  }

  /// The way to the client, open until the first answer.
  private final class Answer: Sendable {
    private struct State {
      var respond: (@Sendable (HTTPResponse) -> Void)?
      var timer: DeadlineTimer?
    }

    private let state: Mutex<State>

    init(_ respond: @escaping @Sendable (HTTPResponse) -> Void) {
      state = Mutex(State(respond: respond))
    }

    /// Gives the way to the first who asks, and lets go of the clock.
    func take() -> (@Sendable (HTTPResponse) -> Void)? {
      let (respond, timer) = state.withLock { state in
        defer { state = State() }
        return (state.respond, state.timer)
      }
      timer?.cancel()
      return respond
    }

    /// Sets the clock that answers in time; it takes the place of one that was set before.
    func wait(_ timer: DeadlineTimer) {
      let superseded = state.withLock { state -> DeadlineTimer? in
        guard state.respond != nil else { return timer }
        defer { state.timer = timer }
        return state.timer
      }
      superseded?.cancel()
    }
  }

  /// Answers 504 when the time is over, whatever is being done for the request by then.
  ///
  /// - Parameters:
  ///   - limit: from the request's arrival.
  ///   - onPassing: called then, after the work was cancelled.
  func answer(within limit: Duration, onPassing: @escaping @Sendable () -> Void) {
    // The clock may outlive the work by a while: it must not keep the picture.
    var light = self
    light.request.body = []
    light.request.share = nil
    let timer = DeadlineTimer(after: arrival + limit - .now) { [light] in
      var timings = Timeline()
      timings.add(.now - light.arrival, to: .total)
      light.answer(.deadlineExceeded(after: limit), timings: timings)
      // Only now: work that sees itself cancelled answers 499, and must not be first to do so.
      light.request.cancellation.cancel()
      onPassing()
    }
    answer.wait(timer)
  }

  /// Gives the answer its identifier, the log its line, and the metrics their figures.
  func finish(
    _ response: HTTPResponse, timings: Timeline = Timeline(), problem: Problem? = nil
  ) -> HTTPResponse {
    let response = completed(response)
    record(response.status, bytes: response.body.count, timings: timings, problem: problem)
    return response
  }

  private func completed(_ response: HTTPResponse) -> HTTPResponse {
    var response = response
    rules.complete(&response, to: request)
    response.fields[RequestIdentifier.field] = id
    if let trace { response.fields[TraceContext.field] = trace.text }
    return response
  }

  /// Gives the log its line and the metrics their figures; of an answer that was begun, at its end.
  func record(_ status: Int, bytes: Int, timings: Timeline, problem: Problem? = nil) {
    let duration = ContinuousClock.now - arrival
    rules.metrics.finished(
      route: routeName, status: status, duration: duration, timeline: timings,
      problem: problem?.kind)
    rules.log.record(
      RequestRecord(
        id: id, method: request.method, path: request.path, status: status,
        requestBytes: requestBytes, responseBytes: bytes, duration: duration,
        stages: timings.record, client: request.clientAddress, traceID: trace?.traceID,
        error: problem?.detail))
  }

  /// Begins an answer whose body goes on after this; its end has to be told by `record`.
  ///
  /// - Returns: whether nobody has answered before.
  func begin(_ response: HTTPResponse) -> Bool {
    guard let respond = answer.take() else { return false }
    respond(completed(response))
    return true
  }

  /// Makes the answer that tells a problem.
  func finish(_ problem: Problem, timings: Timeline = Timeline()) -> HTTPResponse {
    finish(problem.response(requestID: id), timings: timings, problem: problem)
  }

  /// Answers, where nobody has answered before.
  func answer(_ response: HTTPResponse, timings: Timeline = Timeline()) {
    guard let respond = answer.take() else { return }
    respond(finish(response, timings: timings))
  }

  /// Answers with a problem, where nobody has answered before.
  func answer(_ problem: Problem, timings: Timeline = Timeline()) {
    guard let respond = answer.take() else { return }
    respond(finish(problem, timings: timings))
  }
}
