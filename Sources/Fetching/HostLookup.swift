internal import Glibc
package import HTTPServer

/// Finds the addresses of a host; tests put their own in its place.
package struct HostLookup: Sendable {
  /// The addresses of a host, each with the port 0.
  package var addresses: @Sendable (_ host: String) throws(FetchError) -> [SocketAddress]

  /// Makes a lookup.
  package init(
    _ addresses: @escaping @Sendable (_ host: String) throws(FetchError) -> [SocketAddress]
  ) {
    self.addresses = addresses
  }

  /// The system's, which reads `/etc/hosts` and asks name servers; it blocks.
  package static let system = HostLookup { (host) throws(FetchError) in
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let status = unsafe getaddrinfo(host, nil, &hints, &list)
    guard status == 0, let first = unsafe list else {
      throw .failed("the host of the URL is not found")
    }
    defer { unsafe freeaddrinfo(first) }
    var found: [SocketAddress] = []
    var next: UnsafeMutablePointer<addrinfo>? = unsafe first
    while let entry = unsafe next {
      unsafe next = unsafe entry.pointee.ai_next
      // Safety: the list's entry has so many bytes there.
      let bytes = unsafe UnsafeRawBufferPointer(
        start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
      if let address = unsafe SocketAddress(kernelBytes: bytes) { found.append(address) }
    }
    return found
  }
}
