public import HTTPServer

/// Fetches what URLs name, from hosts that the operator has named, and from nowhere else.
///
/// A server that fetches what strangers name can be made to ask in its own name what they could not
/// (server-side request forgery). So:
///
/// 1. Only `http` and `https`; hosts and ports are named one by one; no name, password or field of a client
///    is sent on.
/// 2. The host's name is looked up once, every address that it has is looked at (`AddressReach`), and it is
///    one of those that is connected to: what the name means a moment later is no matter. Addresses of
///    links, metadata services and groups are never asked, private ones only where the operator says so.
/// 3. Nothing leads elsewhere: an answer that redirects is an error.
/// 4. A secured host has to show a certificate with its name, by an authority that the system trusts.
/// 5. What comes is bounded in bytes, as it comes, and in time, and has to be called a picture.
public final class Fetcher: Sendable {
  private let policy: FetchPolicy
  private let lookup: HostLookup
  private let context: FetchTLSContext

  /// Makes a fetcher.
  ///
  /// - Throws: a `TLSError` where the system's authorities cannot be read.
  public convenience init(_ policy: FetchPolicy) throws(TLSError) {
    try self.init(policy, lookup: .system)
  }

  /// Makes one that looks hosts up in a way of its own.
  package init(_ policy: FetchPolicy, lookup: HostLookup) throws(TLSError) {
    self.policy = policy
    self.lookup = lookup
    context = try FetchTLSContext(authorities: policy.trustedAuthorities)
  }

  /// Fetches what a URL names; blocks its caller.
  ///
  /// - Parameters:
  ///   - url: the URL.
  ///   - limit: the most bytes.
  ///   - deadline: when there is no more time, whatever the policy leaves.
  ///   - share: where what comes is counted; it is not given back.
  ///   - isCancelled: asked several times a second whether nobody waits any more.
  /// - Returns: the bytes.
  /// - Throws: a `FetchError`.
  public func fetch(
    _ url: String, limit: Int, deadline: ContinuousClock.Instant, share: BodyMemory.Share,
    isCancelled: @escaping () -> Bool
  ) throws(FetchError) -> [UInt8] {
    let target = try FetchTarget(url)
    let reach = try policy.reach(of: target)
    let patience = FetchConnection.Patience(
      deadline: min(deadline, .now + policy.timeout), isCancelled: isCancelled)
    let connection = try connect(to: target, within: reach, patience)
    if target.isSecure { try connection.secure(context, host: target.host) }
    try connection.write(Self.request(target))
    var reader = ResponseReader(limit: limit) { share.take($0) }
    var isKept = false
    defer { share.giveBack(isKept ? reader.spareRoom : reader.spareRoom + reader.body.count) }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while !reader.isDone {
      let count = try connection.read(into: &buffer)
      if count == 0 {
        try reader.finish()
      } else {
        try reader.take(buffer.span.extracting(0..<count))
      }
    }
    isKept = true
    return reader.body
  }

  /// Connects to an address of a host after each of them was looked at.
  private func connect(
    to target: FetchTarget, within reach: Set<AddressReach>, _ patience: FetchConnection.Patience
  ) throws(FetchError) -> FetchConnection {
    let found = try lookup.addresses(target.host)
    guard let last = found.last else { throw .failed("the host of the URL has no address") }
    for address in found {
      guard let address = IPAddress(address.host), reach.contains(AddressReach(address)) else {
        throw .forbidden(
          "the host of the URL has an address that is not asked: one of a private network or of this "
            + "machine, unless the operator allows that for the host, or one of no host at all")
      }
    }
    for address in found.dropLast() {
      do throws(FetchError) {
        // The others must have time left.
        var patience = patience
        patience.deadline = min(patience.deadline, .now + .seconds(2))
        return try FetchConnection(
          to: SocketAddress(host: address.host, port: target.port), patience)
      } catch {
        if error == .cancelled { throw error }
      }
    }
    return try FetchConnection(to: SocketAddress(host: last.host, port: target.port), patience)
  }

  private static func request(_ target: FetchTarget) -> [UInt8] {
    Array(
      ("GET \(target.path) HTTP/1.1\r\nHost: \(target.hostField)\r\nUser-Agent: frcnn\r\n"
        + "Accept: image/*, application/octet-stream\r\nAccept-Encoding: identity\r\n"
        + "Connection: close\r\n\r\n").utf8)
  }
}
