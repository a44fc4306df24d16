internal import JSON

/// Reads queries as HTML forms write them (WHATWG URL, section 5.1, application/x-www-form-urlencoded).
enum QueryString {
  /// The largest number of pairs; there are fewer parameters, so that more are a mistake or worse.
  static let maximumPairs = 64

  /// The decoded names and values of a query, in order; empty pairs (`a=1&&b=2`) are left out.
  ///
  /// - Throws: a `Problem` where a percent sign is not followed by two hexadecimal digits, the bytes
  ///   are not UTF-8, or there are more than 64 pairs.
  static func pairs(of query: String) throws(Problem) -> [NamedValue] {
    var pairs: [NamedValue] = []
    for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
      guard pairs.count < maximumPairs else {
        throw Problem(
          .malformedRequest, "The query has more than \(maximumPairs) parameters.",
          limit: .init(name: "parameters", value: maximumPairs, unit: "parameters"))
      }
      let sides = pair.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let name = try decoded(sides[0])
      pairs.append(NamedValue(name: name, value: sides.count > 1 ? try decoded(sides[1]) : ""))
    }
    return pairs
  }

  private static func decoded(_ text: Substring.UTF8View) throws(Problem) -> String {
    var bytes: [UInt8] = []
    var rest = text[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst()?.hexadecimalValue,
          let low = rest.popFirst()?.hexadecimalValue
        else {
          throw Problem(
            .malformedRequest,
            "In the query, '\(String(Substring(text)).excerpt)' has a '%' without two hexadecimal "
              + "digits behind it; '%' itself is written '%25'.")
        }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw Problem(
        .malformedRequest, "In the query, '\(String(Substring(text)).excerpt)' is not UTF-8.")
    }
    return decoded
  }
}

extension UInt8 {
  /// What the byte stands for as a hexadecimal digit.
  fileprivate var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
