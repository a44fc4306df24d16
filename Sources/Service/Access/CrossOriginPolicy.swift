internal import HTTP1
internal import HTTPServer

/// Which pages of other origins may use the service from a browser (the Fetch standard's CORS
/// protocol).
///
/// Off where there is none of it: a browser then keeps answers from such pages. Origins are compared
/// whole and exactly; there is no wildcard, because whoever serves inside a network would let every
/// page on the internet look into it through its visitors' browsers.
public struct CrossOriginPolicy: Sendable, Hashable {
  /// The origins, as `https://example.org`.
  public let origins: Set<String>

  /// Makes a policy; `nil` where an origin is not of the form that browsers write, or there is none.
  ///
  /// - Parameter origins: what browsers send as `Origin`: scheme, host and, where it is not the
  ///   scheme's own, port.
  public init?(origins: [String]) {
    guard !origins.isEmpty, origins.allSatisfy(Self.isOrigin) else { return nil }
    self.origins = Set(origins)
  }

  /// Whether a text is an origin as a browser writes it (RFC 6454 section 6.2): scheme and host in
  /// small letters, no path, no slash at the end.
  public static func isOrigin(_ text: String) -> Bool {
    text.wholeMatch(
      of: /https?:\/\/(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?/)
      != nil
  }

  /// What pages may read beside the body.
  private static let exposedFields =
    "X-Request-ID, Server-Timing, X-Queue-Depth, Retry-After, traceparent, "
    + "Inference-Header-Content-Length"

  /// What pages may send.
  private static let allowedFields =
    "Accept, Authorization, Content-Encoding, Content-Type, Inference-Header-Content-Length, "
    + "traceparent, X-API-Key, X-Request-ID, X-Request-Timeout-Ms"

  /// Lets the page of an origin that is listed read an answer.
  func apply(to response: inout HTTPResponse, _ request: HTTPRequest) {
    // Caches must not give one origin's answer to another, nor one without to one with.
    response.vary(on: "Origin")
    let values = request.fields.values(of: "Origin")
    guard values.count == 1, origins.contains(values[0]) else { return }
    response.fields["Access-Control-Allow-Origin"] = values[0]
    response.fields["Access-Control-Expose-Headers"] = Self.exposedFields
    guard request.method == "OPTIONS",
      request.fields["Access-Control-Request-Method"] != nil
    else { return }
    response.fields["Access-Control-Allow-Methods"] = response.fields["Allow"] ?? "GET, HEAD, POST"
    response.fields["Access-Control-Allow-Headers"] = Self.allowedFields
    // Ten minutes: long enough that a page does not ask before each picture.
    response.fields["Access-Control-Max-Age"] = "600"
  }
}
