internal import HTTP1
internal import HTTPServer

/// Codes answers as their clients ask for.
enum ResponseCoding {
  /// The shortest body that is coded: a shorter one fits into one packet either way.
  static let minimumLength = 1024

  /// Codes an answer where that is asked for and worth while, and says on what it depends.
  static func apply(to response: inout HTTPResponse, _ request: HTTPRequest) {
    // A short one is plain for everyone, so that it depends on nothing.
    guard response.body.count >= minimumLength, isCodable(response, request) else { return }
    response.vary(on: "Accept-Encoding")
    guard let coding = ContentCoding.accepted(by: request.fields),
      let body = Compression.apply(coding, to: response.body), body.count < response.body.count
    else { return }
    response.body = body
    response.fields["Content-Encoding"] = coding.rawValue
  }

  /// Whether an answer is one that is ever coded: text of some kind, and a success.
  ///
  /// Problems are short and always plain. Under `/v2` only answers of inference are coded, because the
  /// Open Inference Protocol's asynchronous Python client asks for codings of everything, and undoes
  /// those of inference alone.
  private static func isCodable(_ response: HTTPResponse, _ request: HTTPRequest) -> Bool {
    guard response.status == 200, response.fields["Content-Encoding"] == nil else { return false }
    if request.path == "/v2" || request.path.hasPrefix("/v2/"), !request.path.hasSuffix("/infer") {
      return false
    }
    guard let type = response.fields["Content-Type"]?.split(separator: ";").first else {
      return false
    }
    switch type.trimmingSpaces.lowercased() {
    case "application/json", "application/yaml", "application/openmetrics-text",
      "application/javascript", "image/svg+xml":
      return true
    case "application/octet-stream":
      // Tensors shrink little; under /v2 a client that asks for it gets what it asked for.
      return request.path.hasPrefix("/v2/")
    case let name: return name.hasPrefix("text/")
    }
  }
}
