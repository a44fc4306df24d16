/// What was found out from the head of a request, once: it travels with the request to where that is
/// answered.
struct Ticket: Sendable {
  /// What the path asks for; `nil` where the request only asks what may be asked for.
  var destination: Destination?

  /// What is to be worked on; `nil` where nothing has to wait for a lane.
  var admission: Admission?
}

/// Where a path leads.
enum Destination: Sendable {
  case route(RouteMatch)
  case door(Door.Path, values: [String: String])

  /// What stands for each name in braces, as `model`.
  var values: [String: String] {
    switch self {
    case .route(let match): match.values
    case .door(_, let values): values
    }
  }

  /// What it is called where it is counted, and in words.
  var name: String {
    switch self {
    case .route(let match): match.route.rawValue
    case .door(let path, _): path.pattern.text
    }
  }

  /// The methods that it answers, `OPTIONS` left out, which every path answers.
  var methods: [Method] {
    switch self {
    case .route(let match): match.route.methods
    case .door(let path, _): path.methods
    }
  }

  /// Whether it is answered where probes alone are listened for.
  var isForProbes: Bool {
    switch self {
    case .route(let match): match.route.isForProbes
    case .door(let path, _): path.isForProbes
    }
  }

  /// Who may ask for it where keys are asked for.
  var access: Route.Access {
    switch self {
    case .route(let match): match.route.access
    case .door(let path, _): path.isForProbes ? .everyone : .keyHolders
    }
  }
}
