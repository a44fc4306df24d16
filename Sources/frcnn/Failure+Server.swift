import HTTPServer

extension Failure {
  /// Makes a failure of why a server could not start.
  init(_ error: HTTPServerError) {
    let kind: Kind =
      switch error {
      case .invalidAddress: .usage
      case .tls(.unreadable): .missingInput
      case .tls(.library): .internalError
      case .tls: .brokenInput
      default: .unavailable
      }
    self.init(kind, "\(error)")
  }
}
