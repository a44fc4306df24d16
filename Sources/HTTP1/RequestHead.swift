/// How long a request's body is (RFC 9112 section 6.3).
public enum BodyFraming: Sendable, Equatable {
  /// Neither `Content-Length` nor `Transfer-Encoding`: there is no body.
  case none

  /// `Content-Length` bytes; 0 for a body that is declared and empty.
  case length(Int)

  /// `Transfer-Encoding: chunked`.
  case chunked

  /// The number of bytes that the body will have, where the head says it.
  public var declaredLength: Int? {
    switch self {
    case .none: 0
    case .length(let length): length
    case .chunked: nil
    }
  }

  /// Whether at least one byte of a body, or of its framing, will follow the head.
  public var announcesContent: Bool {
    switch self {
    case .none, .length(0): false
    case .length, .chunked: true
    }
  }
}

/// The version of a request that this parser reads (RFC 9112 section 2.3).
public enum HTTPVersion: Sendable, Equatable {
  /// `HTTP/1.0`.
  case http10

  /// `HTTP/1.1`, and any later minor version, which RFC 9110 section 2.5 lets a server treat alike.
  case http11
}

/// A request line and its field lines, read and checked.
public struct RequestHead: Sendable, Equatable {
  /// The method; case matters (RFC 9110 section 9.1).
  public var method = ""

  /// The path of the target, percent-decoded and without dot segments; `*` for `OPTIONS *`.
  public var path = ""

  /// What stands behind the target's first `?`, as sent; `nil` without one.
  public var query: String?

  /// The host and port asked for: from an absolute-form target, else from `Host`.
  public var authority: String?

  /// Whether the target is a whole URI of the scheme `https`, which only a secured connection may ask for
  /// (RFC 9110 section 7.4).
  public var isHTTPS = false

  /// The version.
  public var version = HTTPVersion.http11

  /// The field lines in order.
  public var fields = HTTPFields()

  /// How the body is delimited.
  public var framing = BodyFraming.none

  /// Whether the client lets the connection live on (RFC 9112 section 9.3).
  public var keepsAlive = true

  /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
  public var expectsContinue = false

  init() {}
}

/// One step of a request as the parser reads it.
public enum RequestEvent: Sendable, Equatable {
  /// The head is complete.
  case head(RequestHead)

  /// A part of the body: where it stands in the bytes that were given.
  case body(Range<Int>)

  /// The request is complete; the trailer fields of a chunked body, which are never merged into the
  /// head's (RFC 9110 section 6.5.1).
  case end(trailers: HTTPFields)
}
