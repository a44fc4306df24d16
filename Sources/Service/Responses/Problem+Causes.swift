internal import FasterRCNN
internal import Fetching
internal import HTTP1
internal import HTTPServer
internal import Images
internal import JSON
internal import Observability

extension Problem {
  /// Makes a problem of whatever was thrown while a request was worked on.
  init(_ error: any Error) {
    switch error {
    case let problem as Problem: self = problem
    case let error as ImageError: self.init(error)
    case let error as DetectorError: self.init(error)
    case let error as FetchError: self.init(error)
    case is CancellationError:
      self.init(
        .clientClosedRequest, "The client closed the connection before its answer was made.")
    default:
      // The error's own words may name files or addresses: they are for the operator's eyes.
      self.init(.internalError, "The detector failed. The server's standard error says why.")
    }
  }

  /// Makes a problem of what the detector says.
  init(_ error: DetectorError) {
    switch error {
    case .image(let error): self.init(error)
    case .features(let reason): self.init(.malformedRequest, reason)
    case .cancelled: self.init(CancellationError())
    case .notFinite: self.init(.internalError, error.description)
    case .compute:
      self.init(.internalError, "The engine failed. The server's standard error says why.")
    }
  }

  /// Makes a problem of why a picture was not fetched.
  init(_ error: FetchError) {
    switch error {
    case .malformed: self.init(.malformedRequest, error.sentence, parameter: "url")
    case .forbidden: self.init(.fetchForbidden, error.sentence, parameter: "url")
    case .failed: self.init(.fetchFailed, error.sentence, parameter: "url")
    case .tooLarge(let limit):
      self.init(
        .bodyTooLarge, error.sentence, parameter: "url",
        limit: Limit(name: "body", value: limit, unit: "bytes"))
    case .noRoom: self = .outOfBodyMemory
    case .cancelled: self.init(CancellationError())
    }
  }

  /// Makes a problem of a picture that could not be taken in.
  init(_ error: ImageError) {
    var kind: Kind =
      switch error.category {
      case .tooLarge: .pictureTooLarge
      case .unsupportedFormat: .unsupportedPicture
      case .undecodable: .undecodablePicture
      case .outOfMemory: .internalError
      }
    if case .unusableShape = error { kind = .unusablePicture }
    let limit: Limit? =
      switch error {
      case .tooManyPixels(_, _, let limit): Limit(name: "picture", value: limit, unit: "pixels")
      case .sideTooLong(_, _, let limit): Limit(name: "side", value: limit, unit: "pixels")
      case .tooManyScans(let limit): Limit(name: "scans", value: limit, unit: "scans")
      default: nil
      }
    let mend =
      if case .truncated = error { " Or ask for what is there with 'truncated=accept'." } else {
        ""
      }
    self.init(kind, error.description + mend, limit: limit)
    if kind == .unsupportedPicture { fields = [("Accept", MediaType.acceptedText)] }
  }

  /// Tells that an answer was not ready in time.
  static func deadlineExceeded(after limit: Duration) -> Problem {
    Problem(
      .deadlineExceeded, "The answer was not ready within \(limit.millisecondsText) ms.",
      limit: .init(name: "time", value: limit.wholeMilliseconds, unit: "milliseconds"))
  }

  /// Tells that what a body stands for has no room beside the bodies of others.
  static var outOfBodyMemory: Problem {
    var problem = Problem(
      .outOfBodyMemory,
      "The bodies of other requests leave no room for this one; try again in a moment.")
    problem.retryAfter = 1
    return problem
  }

  /// Makes a problem of a request that the server could not read.
  init(_ refusal: HTTPRefusal) {
    let kind: Kind =
      switch refusal.status {
      case 400: .malformedRequest
      case 408: .requestTimeout
      case 411: .lengthRequired
      case 413: .bodyTooLarge
      case 414: .targetTooLong
      case 417: .expectationFailed
      case 429: .tooManyConnections
      case 431: .headTooLarge
      case 501: .notImplemented
      case 503: .outOfBodyMemory
      case 505: .versionNotSupported
      default: .internalError
      }
    self.init(
      kind, refusal.detail,
      limit: refusal.limit.map { Limit(name: $0.name, value: $0.value, unit: $0.unit) })
    retryAfter = refusal.retryAfter
  }
}

extension FetchError {
  /// The description as a sentence.
  fileprivate var sentence: String {
    description.prefix(1).uppercased() + description.dropFirst() + "."
  }
}

extension Problem {
  /// Says where a body is not the JSON that it should be.
  init(_ error: JSONError) {
    self.init(
      .malformedJSON, "The JSON body is malformed \(error).", parameter: error.place)
  }
}
