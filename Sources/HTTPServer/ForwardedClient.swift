internal import HTTP1

/// The field in which a proxy tells the address of its client.
public enum ForwardedField: String, Sendable, CaseIterable {
  /// `X-Forwarded-For: 192.0.2.1, 10.0.0.7`, which most proxies write.
  case xForwardedFor = "x-forwarded-for"

  /// `Forwarded: for=192.0.2.1, for="[2001:db8::1]:4711"` (RFC 7239).
  case forwarded
}

/// Finds the client behind proxies that are trusted.
///
/// Each proxy adds the address that it was asked from at the right end. So the list is read from there,
/// past proxies that are trusted themselves, to the first that is not: what stands to its left was
/// written by whoever likes. Only one of the two fields is read, because a proxy that writes one leaves
/// the other as its client sent it.
struct ForwardedClient {
  let proxies: [AddressBlock]
  let field: ForwardedField

  /// Whether an address is that of a trusted proxy.
  func trusts(_ address: IPAddress) -> Bool { proxies.contains { $0.contains(address) } }

  /// The address of the client whose request a trusted proxy has passed on.
  ///
  /// - Returns: `nil` where the proxy does not tell: the request is its own.
  func address(in fields: HTTPFields) -> String? {
    var found: String?
    for line in fields.values(of: field.rawValue).reversed() {
      for element in Self.elements(of: line, separator: UInt8(ascii: ",")).reversed() {
        guard let text = field == .forwarded ? Self.node(in: element) : element,
          let host = Self.host(of: text), let address = IPAddress(host)
        else { return found }
        found = host
        guard trusts(address) else { return found }
      }
    }
    return found
  }

  /// The value of `for` in an element of `Forwarded` (RFC 7239 section 4), without its quotes.
  private static func node(in element: String) -> String? {
    for pair in elements(of: element, separator: UInt8(ascii: ";")) {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "for" else { continue }
      let value = parts[1]
      // An address needs no quoted pair, and a value with one is none.
      return value.hasPrefix("\"") && value.hasSuffix("\"") && value.utf8.count >= 2
        ? String(value.dropFirst().dropLast()) : String(value)
    }
    return nil
  }

  /// The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
  private static func host(of text: String) -> String? {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      return String(text[text.index(after: text.startIndex)..<end])
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 2 ? String(parts[0]) : text
  }

  /// The parts between separators that do not stand in quotes, without the whitespace around them.
  private static func elements(of text: String, separator: UInt8) -> [String] {
    var parts: [String] = []
    var part: [UInt8] = []
    var isQuoted = false
    func finish() {
      let trimmed = part.drop { $0 == 0x20 || $0 == 0x09 }
      let end = trimmed.lastIndex { $0 != 0x20 && $0 != 0x09 }
      if let end { parts.append(String(decoding: trimmed[...end], as: UTF8.self)) }
      part = []
    }
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if byte == separator, !isQuoted { finish() } else { part.append(byte) }
    }
    finish()
    return parts
  }
}
