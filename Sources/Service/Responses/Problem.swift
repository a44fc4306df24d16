/// Why a request is not answered as it wished; becomes an `application/problem+json` (RFC 9457).
struct Problem: Error, Sendable {
  /// What went wrong; the raw value is the last part of the problem's `type`.
  enum Kind: String, Sendable, CaseIterable {
    case malformedRequest = "malformed-request"
    case unknownParameter = "unknown-parameter"
    case duplicateParameter = "duplicate-parameter"
    case invalidParameter = "invalid-parameter"
    case malformedMultipart = "malformed-multipart"
    case malformedJSON = "malformed-json"
    case missingPicture = "missing-picture"
    case unauthorized
    case fetchForbidden = "fetch-forbidden"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case requestTimeout = "request-timeout"
    case lengthRequired = "length-required"
    case bodyTooLarge = "body-too-large"
    case pictureTooLarge = "picture-too-large"
    case targetTooLong = "target-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case unsupportedContentCoding = "unsupported-content-coding"
    case unsupportedPicture = "unsupported-picture"
    case expectationFailed = "expectation-failed"
    case undecodablePicture = "undecodable-picture"
    case unusablePicture = "unusable-picture"
    case fetchFailed = "fetch-failed"
    case queueFull = "queue-full"
    case tooManyConnections = "too-many-connections"
    case headTooLarge = "head-too-large"
    case clientClosedRequest = "client-closed-request"
    case internalError = "internal-error"
    case notImplemented = "not-implemented"
    case loading
    case draining
    case laneStuck = "lane-stuck"
    case deadlineExceeded = "deadline-exceeded"
    case modelFailed = "model-failed"
    case outOfBodyMemory = "out-of-body-memory"
    case versionNotSupported = "version-not-supported"
  }

  /// A bound that the request broke.
  struct Limit: Sendable, Hashable {
    var name: String
    var value: Int
    var unit: String
  }

  var kind: Kind

  /// What was wrong, where, and how to mend it.
  var detail: String

  /// The parameter or field that is meant.
  var parameter: String?

  /// The bound that was broken.
  var limit: Limit?

  /// After how many seconds to try again.
  var retryAfter: Int?

  /// Fields that the answer owes beside the body, as `Allow`.
  var fields: [(name: String, value: String)] = []

  init(_ kind: Kind, _ detail: String, parameter: String? = nil, limit: Limit? = nil) {
    self.kind = kind
    self.detail = detail
    self.parameter = parameter
    self.limit = limit
  }
}

extension Problem.Kind {
  /// The status that says so; the one place where a failure becomes a status.
  var status: Int {
    switch self {
    case .malformedRequest, .unknownParameter, .duplicateParameter, .invalidParameter,
      .malformedMultipart, .malformedJSON, .missingPicture:
      400
    case .unauthorized: 401
    case .fetchForbidden: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .requestTimeout: 408
    case .lengthRequired: 411
    case .bodyTooLarge, .pictureTooLarge: 413
    case .targetTooLong: 414
    case .unsupportedMediaType, .unsupportedContentCoding, .unsupportedPicture: 415
    case .expectationFailed: 417
    case .undecodablePicture, .unusablePicture: 422
    // RFC 4918 section 11.4: what the request depends on has failed.
    case .fetchFailed: 424
    case .queueFull, .tooManyConnections: 429
    case .headTooLarge: 431
    // nginx's code for a client that closed the connection first: seen in the log, never sent.
    case .clientClosedRequest: 499
    case .internalError, .modelFailed: 500
    case .notImplemented: 501
    case .loading, .draining, .laneStuck, .outOfBodyMemory: 503
    case .deadlineExceeded: 504
    case .versionNotSupported: 505
    }
  }

  /// What kind of failure it is, the same words each time.
  var title: String {
    switch self {
    case .malformedRequest: "The request is malformed"
    case .unknownParameter: "A parameter is not known"
    case .duplicateParameter: "A parameter is given twice"
    case .invalidParameter: "A parameter's value is not allowed"
    case .malformedMultipart: "The multipart body is malformed"
    case .malformedJSON: "The JSON body is malformed"
    case .missingPicture: "There is no picture"
    case .unauthorized: "A key is needed"
    case .fetchForbidden: "The URL is not fetched"
    case .notFound: "There is nothing at this path"
    case .methodNotAllowed: "The method does not fit the path"
    case .requestTimeout: "The request took too long to arrive"
    case .lengthRequired: "The request needs a body"
    case .bodyTooLarge: "The body is too large"
    case .pictureTooLarge: "The picture is too large"
    case .targetTooLong: "The request target is too long"
    case .unsupportedMediaType: "The content type is not supported"
    case .unsupportedContentCoding: "The content coding is not supported"
    case .unsupportedPicture: "The picture's format is not supported"
    case .expectationFailed: "The expectation cannot be met"
    case .undecodablePicture: "The picture cannot be decoded"
    case .unusablePicture: "The picture's shape is of no use"
    case .fetchFailed: "The URL cannot be fetched"
    case .queueFull: "The queue is full"
    case .tooManyConnections: "The client has too many connections"
    case .headTooLarge: "The request's head is too large"
    case .clientClosedRequest: "The client has gone away"
    case .internalError: "The server failed"
    case .notImplemented: "This is not implemented"
    case .loading: "The model is loading"
    case .draining: "The server is shutting down"
    case .laneStuck: "The detector does not answer"
    case .deadlineExceeded: "The deadline has passed"
    case .modelFailed: "The model could not be loaded"
    case .outOfBodyMemory: "There is no room for the body"
    case .versionNotSupported: "The HTTP version is not supported"
    }
  }
}
