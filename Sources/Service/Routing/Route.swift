/// A path that is answered; the raw value is the path.
enum Route: String, CaseIterable {
  case home = "/"
  case documentation = "/docs"
  case example = "/example.jpg"
  case detect = "/detect"
  case liveness = "/livez"
  case readiness = "/readyz"
  case health = "/healthz"
  case metrics = "/metrics"
  case description = "/openapi.yaml"

  /// Whether it is answered where probes alone are listened for.
  var isForProbes: Bool { [.liveness, .readiness, .health].contains(self) }

  /// The methods that it answers, `OPTIONS` left out, which every path answers.
  var methods: [Method] {
    switch self {
    case .detect: [.post]
    case .home, .documentation, .example, .liveness, .readiness, .health, .metrics, .description:
      [.get, .head]
    }
  }

  /// The value of `Allow` (RFC 9110 section 10.2.1).
  var allow: String { Self.allow(methods) }

  /// The value of `Allow` for the server as a whole, which `OPTIONS *` asks for.
  static var allowOfServer: String { allow([.get, .head, .post]) }

  private static func allow(_ methods: [Method]) -> String {
    (methods + [.options]).map(\.rawValue).joined(separator: ", ")
  }
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
