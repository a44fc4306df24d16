/// How far a service is in its life.
///
/// ```
/// loading --> ready --> draining --> ended
///    |          ^                      ^
///    v          |                      |
///  failed ------+----------------------+
/// ```
///
/// `loading` ends when a model was opened and has run once for every lane. A further model may be
/// loaded while the service is ready: it replaces the first when it has run, and where it does not
/// load the first goes on. `draining` asks those who choose among servers to choose another one, and
/// still serves whoever comes; `ended` serves nobody. Neither has a way back.
enum ServicePhase: Sendable {
  case loading
  case ready(any DetectionBackend)
  case failed
  case draining(any DetectionBackend)
  case ended

  /// The word for it in answers.
  var name: String {
    switch self {
    case .loading: "loading"
    case .ready: "ready"
    case .failed: "failed"
    case .draining, .ended: "draining"
    }
  }

  /// The status of an answer that tells the phase.
  var healthStatus: Int {
    switch self {
    case .ready: 200
    case .loading, .draining, .ended: 503
    case .failed: 500
    }
  }

  /// The detector, where there is one that serves; a service that drains has it still.
  var servingBackend: (any DetectionBackend)? {
    switch self {
    case .ready(let backend), .draining(let backend): backend
    case .loading, .failed, .ended: nil
    }
  }

  /// The detector that serves a request.
  ///
  /// - Throws: a `Problem` that says why none does.
  func backend(retryAfter: Duration) throws(Problem) -> any DetectionBackend {
    if let servingBackend { return servingBackend }
    throw problem(retryAfter: retryAfter)
  }

  /// Requires that further requests are welcome.
  ///
  /// - Throws: a `Problem` that says why they are not.
  func requireReady(retryAfter: Duration) throws(Problem) {
    if case .ready = self { return }
    throw problem(retryAfter: retryAfter)
  }

  private func problem(retryAfter: Duration) -> Problem {
    var problem: Problem
    switch self {
    case .failed:
      return Problem(.modelFailed, "The model could not be loaded; the server's log says why.")
    case .loading, .ready:
      problem = Problem(.loading, "The model is being loaded. Try again shortly.")
    case .draining, .ended:
      problem = Problem(.draining, "The server is about to end; send further requests to another.")
    }
    problem.retryAfter = max(1, retryAfter.wholeSecondsRoundedUp)
    return problem
  }
}
