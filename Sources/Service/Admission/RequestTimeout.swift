internal import HTTP1

/// How long a request may take, from its arrival to its answer.
enum RequestTimeout {
  static let field = "X-Request-Timeout-Ms"

  /// The longest time that a client may name: a day, in milliseconds.
  static let maximumMilliseconds = 86_400_000

  /// What a request's head asks for; `nil` where it does not.
  ///
  /// - Throws: a `Problem` where it is said in a way that cannot be meant: a deadline that is not kept
  ///   would be worse than a refusal.
  static func stated(in fields: HTTPFields) throws(Problem) -> Duration? {
    let values = fields.values(of: field)
    guard let value = values.first else { return nil }
    guard values.count == 1, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let count = Int(value), (1...maximumMilliseconds).contains(count)
    else {
      throw Problem(
        .invalidParameter,
        "The field \(field) has to be one whole number from 1 to \(maximumMilliseconds), in "
          + "milliseconds.", parameter: field)
    }
    return .milliseconds(count)
  }
}
