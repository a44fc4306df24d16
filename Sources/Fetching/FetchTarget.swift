/// What a URL names, as far as a request needs it (RFC 3986, RFC 9110 section 4.2).
///
/// Only what is plain is taken: `http` or `https`, a host, perhaps a port, a path and a query, all of
/// ASCII. Names and passwords, which would be sent on to a host in the client's name, are refused, and so is
/// everything in which two readers of URLs have been known to see different hosts: spaces, control
/// characters, backslashes, `@`, a name's percent signs.
public struct FetchTarget: Sendable, Hashable {
  /// Whether the connection is secured.
  public let isSecure: Bool

  /// The host in small letters: a name, or an address, of IPv6 without its brackets.
  public let host: String

  /// The port; that of the scheme where the URL names none.
  public let port: Int

  /// The path with the query, as it goes into the request line.
  public let path: String

  /// The longest URL: 4 KiB, as signed links of object stores have 2.
  public static let maximumLength = 4096

  /// Reads a URL.
  ///
  /// - Throws: `FetchError.malformed` where it is none of those.
  public init(_ text: String) throws(FetchError) {
    guard text.utf8.count <= Self.maximumLength else {
      throw .malformed("the URL is longer than \(Self.maximumLength) bytes")
    }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !Self.refused.contains($0) }) else {
      throw .malformed(
        "the URL has a character that stands in none: write it as its percent code (RFC 3986)")
    }
    guard let colon = text.firstRange(of: "://") else {
      throw .malformed("the URL does not begin with http:// or https://")
    }
    switch text[..<colon.lowerBound].lowercased() {
    case "https": isSecure = true
    case "http": isSecure = false
    default: throw .malformed("only http and https are fetched")
    }
    let rest = text[colon.upperBound...].prefix { $0 != "#" }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    guard !authority.contains("@") else {
      throw .malformed("the URL has a name or a password in it, which are not sent")
    }
    (host, port) = try Self.hostAndPort(authority, standardPort: isSecure ? 443 : 80)
    let path = rest[authority.endIndex...]
    self.path = path.hasPrefix("/") ? String(path) : "/" + path
  }

  /// Characters that RFC 3986 has nowhere, and that readers of URLs disagree on.
  private static let refused = Set("\\\"<>^`{|}".utf8)

  /// Reads what stands between the scheme and the path.
  ///
  /// - Throws: `FetchError.malformed`.
  static func hostAndPort(
    _ authority: Substring, standardPort: Int
  ) throws(FetchError) -> (host: String, port: Int) {
    let host: Substring
    let rest: Substring
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      host = authority[authority.index(after: authority.startIndex)..<end]
      rest = authority[authority.index(after: end)...]
      guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
        throw .malformed("the URL's address in brackets is none of IPv6")
      }
    } else {
      host = authority.prefix { $0 != ":" }
      rest = authority[host.endIndex...]
      let isName = host.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
          UInt8(ascii: "_"):
          true
        default: false
        }
      }
      guard isName, !host.isEmpty, host.utf8.count <= 253, !host.hasPrefix("."),
        !host.hasSuffix(".")
      else { throw .malformed("the URL's host is no name of letters, digits, dots and hyphens") }
    }
    guard !rest.isEmpty else { return (host.lowercased(), standardPort) }
    let digits = rest.dropFirst()
    guard rest.hasPrefix(":"), (1...5).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let port = Int(digits), (1...65535).contains(port)
    else { throw .malformed("the URL's port is no number from 1 to 65535") }
    return (host.lowercased(), port)
  }

  /// What the field `Host` says (RFC 9110 section 7.2).
  var hostField: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }
}
