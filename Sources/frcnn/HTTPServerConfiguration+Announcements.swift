import HTTPServer

extension HTTPServerConfiguration {
  /// Says where a server listens, as URLs.
  func announcements(of bound: [SocketAddress]) -> [String] {
    bound.enumerated().map { index, address in
      index < addresses.count
        ? "listening on \(tls == nil ? "http" : "https")://\(address)"
        : "listening for probes on http://\(address)"
    }
  }
}
