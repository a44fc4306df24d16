internal import HTTP1

/// The names of requests, which tie an answer to its line in the log.
enum RequestIdentifier {
  static let field = "X-Request-ID"

  /// The longest identifier that is taken over from a client.
  static let maximumLength = 128

  /// What the client calls the request, or a name that is made up.
  ///
  /// A client's name is taken where it can stand in a header, a URN and a log line alike: letters,
  /// digits and `-._~:`. Another one is no reason to refuse a request.
  static func identifier(in fields: HTTPFields) -> String {
    let values = fields.values(of: field)
    guard values.count == 1, (1...maximumLength).contains(values[0].utf8.count),
      values[0].utf8.allSatisfy(isAllowed)
    else { return random() }
    return values[0]
  }

  /// 128 random bits in hexadecimal.
  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"):
      true
    default: false
    }
  }
}
