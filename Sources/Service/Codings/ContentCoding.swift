internal import HTTP1
internal import JSON

/// A content coding that is undone in requests and applied to answers (RFC 9110 section 8.4.1).
enum ContentCoding: String, CaseIterable {
  case gzip
  /// The zlib format (RFC 1950) and not what is named deflate elsewhere (RFC 1951); see `Inflation`.
  case deflate

  /// What `Accept-Encoding` says in an answer of 415 (RFC 9110 section 12.5.3).
  static let acceptedText = "gzip, deflate"

  /// The coding of a request's body; `nil` where it has none.
  ///
  /// - Throws: a `Problem` where it has several, or one that is not known here. Several on top of each
  ///   other would multiply how far a body can grow, and no client asks for them.
  static func ofBody(_ fields: HTTPFields) throws(Problem) -> ContentCoding? {
    let names = fields.values(of: "Content-Encoding").flatMap { $0.split(separator: ",") }
      .map { $0.trimmingSpaces.lowercased() }.filter { !$0.isEmpty && $0 != "identity" }
    guard let name = names.first else { return nil }
    // RFC 9110 section 8.4.1.3: `x-gzip` is `gzip`.
    guard names.count == 1, let coding = Self(rawValue: name == "x-gzip" ? "gzip" : name) else {
      var problem = Problem(
        .unsupportedContentCoding,
        "The body's content coding '\(names.joined(separator: ", ").excerpt)' is not undone here; "
          + "send it as gzip, as deflate, or plain.")
      problem.fields = [("Accept-Encoding", acceptedText)]
      throw problem
    }
    return coding
  }

  /// The coding that `Accept-Encoding` prefers (RFC 9110 section 12.5.3).
  ///
  /// - Returns: `nil` where the body is wanted as it is, or the field is missing or malformed: plain is
  ///   what every client can read. A client that rules plain out and knows neither coding gets it
  ///   plain all the same, which the section allows.
  static func accepted(by fields: HTTPFields) -> ContentCoding? {
    var weights: [String: Int] = [:]
    for element in fields.values(of: "Accept-Encoding").flatMap({ $0.split(separator: ",") }) {
      var scanner = HeaderScanner(String(element))
      scanner.skipWhitespace()
      guard let name = scanner.token()?.lowercased(), let parameters = scanner.parameters() else {
        continue
      }
      let weight = parameters.first { $0.name == "q" }.map { Self.thousandths($0.value) } ?? 1000
      weights[name == "x-gzip" ? "gzip" : name] = weight
    }
    func weight(_ name: String) -> Int { weights[name] ?? weights["*"] ?? 0 }
    // Plain is acceptable unless ruled out, and loses against what is asked for by name.
    let identity = weights["identity"] ?? 0
    var best: (coding: ContentCoding, weight: Int)?
    for coding in allCases where weight(coding.rawValue) > max(best?.weight ?? 0, 0) {
      best = (coding, weight(coding.rawValue))
    }
    guard let best, best.weight >= identity else { return nil }
    return best.coding
  }

  /// A weight of RFC 9110 section 12.4.2 in thousandths; 0 where it is none.
  private static func thousandths(_ text: String) -> Int {
    guard text.utf8.count <= 5, text.wholeMatch(of: /0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?/) != nil,
      let value = Double(text.hasSuffix(".") ? text + "0" : text)
    else { return 0 }
    return Int((value * 1000).rounded())
  }
}
