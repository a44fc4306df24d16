/// How far a model is in its life.
///
/// ```
///            load                   runs
/// unloaded ------> loading ------------------------> ready
///    ^              ^   |  cannot be opened or run    |
///    |         load |   v                             |
///    |              failed                            |
///    +------------------------------------------------+  unload
/// ```
///
/// `loading` ends when the model was opened and has run once for every lane. A model that is ready stays
/// so while it is loaded again: the new one takes its place when it has run, and where it does not load
/// the old one goes on. Requests that were accepted before finish with the model that they were accepted
/// for, and the last of them lets go of it.
enum ModelPhase: Sendable {
  case unloaded
  case loading
  case ready(ServedModel)
  case failed(reason: String)

  /// The word for it in answers.
  var name: String {
    switch self {
    case .unloaded: "unloaded"
    case .loading: "loading"
    case .ready: "ready"
    case .failed: "failed"
    }
  }

  /// The word for it in an index of Triton's model repository extension.
  var repositoryState: String {
    switch self {
    case .ready: "READY"
    case .loading: "LOADING"
    case .unloaded, .failed: "UNAVAILABLE"
    }
  }

  /// Why it does not serve, for the index; empty where it does or soon will.
  var reason: String {
    switch self {
    case .ready, .loading: ""
    case .unloaded: "unloaded"
    case .failed(let reason): reason
    }
  }

  /// The model, where it serves.
  var served: ServedModel? { if case .ready(let model) = self { model } else { nil } }
}
