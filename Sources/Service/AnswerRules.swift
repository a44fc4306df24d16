internal import HTTP1
internal import HTTPServer
internal import Observability

/// What every answer of a service gets, whoever made it.
struct AnswerRules: Sendable {
  var log: RequestLog
  /// What is counted of every answer.
  let metrics = ServiceMetrics()
  /// Whose pages may read answers; `nil` where no page of another origin may.
  var crossOrigin: CrossOriginPolicy?
  /// The queue whose length answers to work tell.
  var queue: WorkQueue

  /// Gives an answer the fields that it owes beside its own, and the coding that the client asks for.
  func complete(_ response: inout HTTPResponse, to request: HTTPRequest) {
    // A body is what its type says and never to be guessed at: a problem's text has in it what a
    // client sent.
    response.fields["X-Content-Type-Options"] = "nosniff"
    if request.method == Method.post.rawValue {
      response.fields["X-Queue-Depth"] = String(queue.load.waiting)
    }
    ResponseCoding.apply(to: &response, request)
    crossOrigin?.apply(to: &response, request)
  }
}
