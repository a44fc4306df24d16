/// Why what a URL names was not fetched.
public enum FetchError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The text is no URL that is taken.
  case malformed(String)

  /// The host is not one that the operator has named, or its address is none that it may have.
  case forbidden(String)

  /// The host could not be reached, or its answer is none that is taken.
  case failed(String)

  /// What is there has more bytes than are taken.
  case tooLarge(limit: Int)

  /// The server has no memory left for it, beside what others have sent.
  case noRoom

  /// Nobody waits for it any more.
  case cancelled

  /// What went wrong, and how to mend it.
  public var description: String {
    switch self {
    case .malformed(let text), .forbidden(let text), .failed(let text): text
    case .tooLarge(let limit):
      "what the URL names has more than \(limit) bytes, the most that are taken"
    case .noRoom: "there is no room for what the URL names; try again in a moment"
    case .cancelled: "the client has gone"
    }
  }
}
