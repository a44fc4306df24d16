/// A host from which may be fetched, as the operator names it: `images.example.org`, or with a port.
///
/// Without a port the schemes' own are meant, 80 and 443. There are no patterns: a host is named or is
/// not fetched from.
public struct FetchSource: Sendable, Hashable {
  let host: String
  let port: Int?

  /// Reads `HOST` or `HOST:PORT`; `nil` for anything else.
  public init?(_ text: String) {
    // Port 0 stands for none; no URL can have it.
    guard let (host, port) = try? FetchTarget.hostAndPort(text[...], standardPort: 0) else {
      return nil
    }
    self.host = host
    self.port = port == 0 ? nil : port
  }

  func allows(_ target: FetchTarget) -> Bool {
    target.host == host
      && (port.map { $0 == target.port } ?? (target.port == 80 || target.port == 443))
  }
}

/// From where is fetched, and how much.
public struct FetchPolicy: Sendable, Hashable {
  /// Hosts whose addresses have to be public ones.
  public var sources: Set<FetchSource>

  /// Hosts that may also have addresses of private networks and of this machine.
  public var privateSources: Set<FetchSource>

  /// How long one thing may take, from looking up its host to its last byte.
  public var timeout: Duration

  /// A file of authorities to trust in place of the system's; for tests.
  public var trustedAuthorities: String?

  /// Makes a policy.
  public init(
    sources: Set<FetchSource>, privateSources: Set<FetchSource> = [],
    timeout: Duration = .seconds(10), trustedAuthorities: String? = nil
  ) {
    self.sources = sources
    self.privateSources = privateSources
    self.timeout = timeout
    self.trustedAuthorities = trustedAuthorities
  }

  /// Where the addresses of a target's host may lie.
  ///
  /// - Throws: `FetchError.forbidden` where the host is not named.
  func reach(of target: FetchTarget) throws(FetchError) -> Set<AddressReach> {
    if privateSources.contains(where: { $0.allows(target) }) { return [.everywhere, .inside] }
    if sources.contains(where: { $0.allows(target) }) { return [.everywhere] }
    throw .forbidden(
      "the host of the URL, or its port, is not one that the operator has named to fetch from")
  }
}
