public import HTTP1

/// What an address is listened on for.
public enum ListenerRole: Sendable, Equatable {
  /// Everything.
  case service

  /// The questions of probes alone, to which the handler must keep itself.
  case health
}

/// What a client asked for, with its body read in full.
public struct HTTPRequest: Sendable {
  /// The method, as `GET` or `POST`; case matters.
  public var method: String

  /// The target's path, percent-decoded and without dot segments, starting with `/`
  /// (`*` for `OPTIONS *`).
  public var path: String

  /// What stands behind the target's first `?`, still encoded; `nil` without one.
  public var query: String?

  /// The header fields.
  public var fields: HTTPFields

  /// The body with its transfer coding removed; empty where there was none.
  public var body: [UInt8]

  /// The client's address, without a port; behind trusted proxies the one that they tell.
  public var clientAddress: String

  /// Where the request came in.
  public var listener: ListenerRole

  /// Turns true once nobody waits for the answer, so that its work can be dropped: the server sets it when
  /// the client has gone away, a handler where it has answered before the work is done.
  public var cancellation: Cancellation

  /// Where a handler that makes more of a body that has no share takes one for that.
  public var memory: BodyMemory

  /// What the body has taken of that memory; it is given back with the last reference, so a handler
  /// keeps it for as long as it keeps the body.
  public var share: BodyMemory.Share?

  /// What the handler has found out from the head; `nil` where it was not asked.
  public var ticket: (any Sendable)?

  /// Makes a request.
  public init(
    method: String, path: String, query: String? = nil, fields: HTTPFields = HTTPFields(),
    body: [UInt8] = [], clientAddress: String = "", listener: ListenerRole = .service,
    cancellation: Cancellation = Cancellation(), memory: BodyMemory = .unbounded
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.fields = fields
    self.body = body
    self.clientAddress = clientAddress
    self.listener = listener
    self.cancellation = cancellation
    self.memory = memory
    share = nil
    ticket = nil
  }
}

/// What the server answers; the server itself adds `Date`, `Server`, `Content-Length` or
/// `Transfer-Encoding`, and `Connection`, and leaves the body out for `HEAD`.
public struct HTTPResponse: Sendable {
  /// The status code.
  public var status: Int

  /// The header fields that the handler chose.
  public var fields: HTTPFields

  /// The body.
  public var body: [UInt8]

  /// What the body goes on with while it is sent; `nil` where it is whole.
  public var stream: BodyStream?

  /// Makes a response.
  public init(
    status: Int, fields: HTTPFields = HTTPFields(), body: [UInt8] = [], stream: BodyStream? = nil
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.stream = stream
  }
}

/// Why the server itself had to refuse a request; a handler turns it into a body.
public struct HTTPRefusal: Error, Sendable {
  /// The status code that says so: 400, 408, 411, 413, 414, 417, 429, 431, 501, 503 or
  /// 505.
  public var status: Int

  /// What was wrong, and which rule or limit it broke, in one sentence.
  public var detail: String

  /// The limit that was broken, where it was one: its name, as `body`, and how many of what.
  public var limit: HTTPLimits.Limit?

  /// After how many seconds to try again, where that may help; the server tells it in `Retry-After`.
  public var retryAfter: Int?

  /// Makes a refusal.
  public init(
    status: Int, detail: String, limit: HTTPLimits.Limit? = nil, retryAfter: Int? = nil
  ) {
    self.status = status
    self.detail = detail
    self.limit = limit
    self.retryAfter = retryAfter
  }
}

/// What a handler says to the head of a request.
public enum HTTPAdmission: Sendable {
  /// The body is to be read; what was found out from the head travels with the request.
  case admitted(ticket: (any Sendable)?)

  /// The request is answered at once.
  ///
  /// A small body is dropped; before a larger one the connection closes.
  case refused(HTTPResponse)
}

/// What a server calls for each request.
///
/// Calls come on the server's own queues, of which there is one for each loop, so that several may come
/// at the same time: a handler must return at once and answer later from wherever its work ends.
public protocol RequestHandler: Sendable {
  /// Looks at a head before its body is read (and before `100 Continue` is sent); the request's body is
  /// empty here.
  func admit(head: HTTPRequest) -> HTTPAdmission

  /// Answers a request. `respond` must be called exactly once, from any thread.
  func handle(_ request: HTTPRequest, respond: @escaping @Sendable (HTTPResponse) -> Void)

  /// Makes the body of an answer to a request that could not be read.
  func response(to refusal: HTTPRefusal) -> HTTPResponse
}
