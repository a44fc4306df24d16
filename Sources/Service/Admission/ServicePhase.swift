/// How far a service is in its life.
///
/// ```
/// loading --> ready --> draining
///    |          ^          ^
///    v          |          |
///  failed ------+----------+
/// ```
///
/// `loading` ends when a model was opened and has run once on every lane. A further model may be
/// loaded while the service is ready: it replaces the first when it has run, and where it does not
/// load the first goes on. `draining` has no way back.
enum ServicePhase: Sendable {
  case loading
  case ready(any DetectionBackend)
  case failed
  case draining

  /// The word for it in answers.
  var name: String {
    switch self {
    case .loading: "loading"
    case .ready: "ready"
    case .failed: "failed"
    case .draining: "draining"
    }
  }

  /// The status of an answer that tells the phase.
  var healthStatus: Int {
    switch self {
    case .ready: 200
    case .loading, .draining: 503
    case .failed: 500
    }
  }

  /// The detector, where requests to detect are taken.
  ///
  /// - Throws: a `Problem` that says why they are not.
  func backend(retryAfter: Duration) throws(Problem) -> any DetectionBackend {
    var problem: Problem
    switch self {
    case .ready(let backend): return backend
    case .loading: problem = Problem(.loading, "The model is being loaded. Try again shortly.")
    case .draining:
      problem = Problem(
        .draining, "The server finishes what it has accepted and takes no more work.")
    case .failed:
      throw Problem(.modelFailed, "The model could not be loaded; the server's log says why.")
    }
    problem.retryAfter = max(1, retryAfter.wholeSecondsRoundedUp)
    throw problem
  }
}
