/// A path that is answered; the raw value is the path, a `PathPattern`.
enum Route: String, CaseIterable {
  case home = "/"
  case documentation = "/docs"
  case example = "/example.jpg"
  case detect = "/detect"
  case proposals = "/proposals"
  case explain = "/explain"
  case liveness = "/livez"
  case readiness = "/readyz"
  case health = "/healthz"
  case metrics = "/metrics"
  case description = "/openapi.yaml"
  case inferenceServer = "/v2"
  case inferenceLive = "/v2/health/live"
  case inferenceReady = "/v2/health/ready"
  case allStatistics = "/v2/models/stats"
  case modelMetadata = "/v2/models/{model}"
  case modelReady = "/v2/models/{model}/ready"
  case modelConfiguration = "/v2/models/{model}/config"
  case modelStatistics = "/v2/models/{model}/stats"
  case modelInference = "/v2/models/{model}/infer"
  case versionMetadata = "/v2/models/{model}/versions/{version}"
  case versionReady = "/v2/models/{model}/versions/{version}/ready"
  case versionConfiguration = "/v2/models/{model}/versions/{version}/config"
  case versionStatistics = "/v2/models/{model}/versions/{version}/stats"
  case versionInference = "/v2/models/{model}/versions/{version}/infer"
  case repositoryIndex = "/v2/repository/index"
  case repositoryLoad = "/v2/repository/models/{model}/load"
  case repositoryUnload = "/v2/repository/models/{model}/unload"

  /// Whether it is answered where probes alone are listened for.
  var isForProbes: Bool {
    [.liveness, .readiness, .health, .inferenceLive, .inferenceReady].contains(self)
  }

  /// The methods that it answers, `OPTIONS` left out, which every path answers.
  var methods: [Method] {
    switch self {
    case .detect, .proposals, .explain, .modelInference, .versionInference, .repositoryLoad,
      .repositoryUnload:
      [.post]
    case .repositoryIndex: [.get, .head, .post]
    default: [.get, .head]
    }
  }

  /// Whether its requests have a body for the detector, which waits for a lane.
  var isWork: Bool {
    switch self {
    case .detect, .proposals, .explain, .modelInference, .versionInference: true
    default: false
    }
  }

  /// Whether it belongs to the Open Inference Protocol.
  var isInferenceProtocol: Bool { rawValue.hasPrefix("/v2") }

  /// The value of `Allow` for the server as a whole, which `OPTIONS *` asks for.
  static var allowOfServer: String { allow([.get, .head, .post]) }

  /// The value of `Allow` (RFC 9110 section 10.2.1).
  static func allow(_ methods: [Method]) -> String {
    (methods + [.options]).map(\.rawValue).joined(separator: ", ")
  }
}

/// A route with what the path says in the places of its names.
struct RouteMatch: Equatable {
  var route: Route

  /// What stands for each name in braces, as `model`.
  var values: [String: String] = [:]

  /// The route of a path, percent-decoded; `nil` where there is none.
  init?(path: String) {
    if let route = Route(rawValue: path), !path.utf8.contains(UInt8(ascii: "{")) {
      self.route = route
      return
    }
    for (route, pattern) in Self.patterns {
      if let values = pattern.values(in: path) {
        self.route = route
        self.values = values
        return
      }
    }
    return nil
  }

  init(_ route: Route) { self.route = route }

  /// The routes that have names in braces.
  private static let patterns: [(route: Route, pattern: PathPattern)] = Route.allCases
    .map { ($0, PathPattern($0.rawValue)) }
    .filter(\.1.hasNames)
}

/// The methods of RFC 9110 section 9 and RFC 5789: those that a server may know and not allow (405)
/// rather than not know (501).
enum Method: String, CaseIterable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case delete = "DELETE"
  case connect = "CONNECT"
  case options = "OPTIONS"
  case trace = "TRACE"
  case patch = "PATCH"
}
