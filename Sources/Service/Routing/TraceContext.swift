internal import HTTP1

/// The place of a request in a trace that crosses programs (W3C Trace Context, section 3.2).
struct TraceContext: Sendable, Hashable {
  static let field = "traceparent"

  /// The trace: 32 digits.
  var traceID: String

  /// This server's own part of it: 16 digits, made up.
  var spanID: String

  /// The flags that came with it: 2 digits.
  var flags: String

  /// Reads the field; `nil` where there is none, or several, or it is not well formed, which section
  /// 3.2.2.5 has a receiver ignore.
  init?(in fields: HTTPFields) {
    let values = fields.values(of: Self.field)
    guard values.count == 1, let value = values.first else { return nil }
    let parts = value.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, Self.isHexadecimal(parts[0], count: 2), parts[0] != "ff",
      Self.isHexadecimal(parts[1], count: 32), parts[1].contains(where: { $0 != "0" }),
      Self.isHexadecimal(parts[2], count: 16), parts[2].contains(where: { $0 != "0" }),
      Self.isHexadecimal(parts[3], count: 2)
    else { return nil }
    // Version 0 ends here; a later one may say more, behind a further dash (section 3.2.4).
    guard parts.count == 4 || parts[0] != "00" else { return nil }
    traceID = String(parts[1])
    spanID = String(RequestIdentifier.random().prefix(16))
    flags = String(parts[3])
  }

  /// The field's value for whoever is told of this server's part.
  var text: String { "00-\(traceID)-\(spanID)-\(flags)" }

  private static func isHexadecimal(_ text: Substring, count: Int) -> Bool {
    text.utf8.count == count
      // Section 3.2.1 has small letters only.
      && text.utf8.allSatisfy { $0.hexadecimalValue != nil && !(0x41...0x46).contains($0) }
  }
}
