import Glibc
import HTTP1
import HTTPServer
import Synchronization
import Testing

@testable import Fetching

/// Pictures by URL, and what keeps a server from being made to ask what its clients could not.
@Suite struct FetchingTests {
  // MARK: URLs

  @Test func aPlainURLIsRead() throws {
    let target = try FetchTarget("HTTPS://Images.Example.org:8443/a/b.jpg?sig=x%2F&y#part")
    #expect(target.isSecure && target.host == "images.example.org" && target.port == 8443)
    #expect(target.path == "/a/b.jpg?sig=x%2F&y")
    #expect(target.hostField == "images.example.org:8443")
    let bare = try FetchTarget("http://example.org")
    #expect(bare.port == 80 && bare.path == "/" && bare.hostField == "example.org")
    #expect(try FetchTarget("https://example.org?x").path == "/?x")
    let six = try FetchTarget("http://[2001:DB8::1]:81/x")
    #expect(six.host == "2001:db8::1" && six.hostField == "[2001:db8::1]:81")
  }

  @Test(arguments: [
    "", "images.example.org/a", "ftp://example.org/a", "file:///etc/passwd", "gopher://x/",
    "http://user@example.org/", "http://user:pass@example.org/", "http://a@b@example.org/",
    "http:///a", "http://:80/", "http://example.org:0/", "http://example.org:65536/",
    "http://example.org:8o/", "http://example.org:/", "http://example.org./",
    "http://.example.org/",
    "http://exa mple.org/", "http://example.org/a b", "http://example.org/\r\nX: y",
    "http://example.org\\@evil.org/", "http://exämple.org/", "http://example.org%2eevil.org/",
    "http://example.org/\u{0}", "http://[::1/", "http://[fe80::1%25eth0]/", "http://[example.org]/",
    "javascript:alert(1)", "http//example.org", "//example.org/a",
    "http://example.org/" + String(repeating: "a", count: 4096),
  ])
  func anythingElseIsRefused(url: String) {
    #expect { try FetchTarget(url) } throws: { error in
      if case .malformed? = error as? FetchError { true } else { false }
    }
  }

  // MARK: Addresses

  @Test(arguments: [
    ("93.184.216.34", AddressReach.everywhere), ("2606:2800:220:1::1", .everywhere),
    ("8.8.8.8", .everywhere), ("::ffff:8.8.8.8", .everywhere), ("2002:808:808::1", .everywhere),
    ("64:ff9b::808:808", .everywhere),
    ("127.0.0.1", .inside), ("127.255.255.254", .inside), ("10.1.2.3", .inside),
    ("172.16.0.1", .inside), ("172.31.255.255", .inside), ("192.168.0.1", .inside),
    ("100.64.0.1", .inside), ("::1", .inside), ("fd12:3456::1", .inside),
    ("::ffff:127.0.0.1", .inside), ("::ffff:10.0.0.1", .inside), ("2002:7f00:1::", .inside),
    ("2002:a00:1::1", .inside), ("64:ff9b::7f00:1", .inside), ("64:ff9b:1::a00:1", .inside),
    ("169.254.169.254", .nowhere), ("::ffff:169.254.169.254", .nowhere), ("fe80::1", .nowhere),
    ("2002:a9fe:a9fe::", .nowhere), ("64:ff9b::a9fe:a9fe", .nowhere), ("fd00:ec2::254", .nowhere),
    ("100.100.100.200", .nowhere), ("168.63.129.16", .nowhere), ("192.0.0.192", .nowhere),
    ("0.0.0.0", .nowhere), ("0.1.2.3", .nowhere), ("::", .nowhere), ("224.0.0.1", .nowhere),
    ("255.255.255.255", .nowhere), ("240.0.0.1", .nowhere), ("ff02::1", .nowhere),
    ("192.0.2.1", .nowhere), ("198.18.0.1", .nowhere), ("2001::1", .nowhere),
    ("2001:db8::1", .nowhere), ("::127.0.0.1", .nowhere), ("::ffff:0:127.0.0.1", .nowhere),
    ("4000::1", .nowhere), ("172.32.0.1", .everywhere), ("172.15.255.255", .everywhere),
  ])
  func addressesAreToldApart(address: String, reach: AddressReach) throws {
    #expect(AddressReach(try #require(IPAddress(address))) == reach)
  }

  @Test func hostsAreNamedOneByOne() throws {
    let policy = FetchPolicy(
      sources: Set([try #require(FetchSource("images.example.org"))]),
      privateSources: Set([try #require(FetchSource("store:9000"))]))
    #expect(try policy.reach(of: FetchTarget("https://images.example.org/a")) == [.everywhere])
    #expect(try policy.reach(of: FetchTarget("http://IMAGES.example.org/a")) == [.everywhere])
    #expect(try policy.reach(of: FetchTarget("http://store:9000/a")) == [.everywhere, .inside])
    for url in [
      "https://images.example.org:8443/", "https://example.org/", "https://a.images.example.org/",
      "https://images.example.org.evil.org/", "http://store/", "https://store:9001/",
      "http://127.0.0.1/",
    ] {
      #expect { try policy.reach(of: FetchTarget(url)) } throws: { error in
        if case .forbidden? = error as? FetchError { true } else { false }
      }
    }
    for text in ["", "*.example.org", "https://example.org", "a/b", "a:0:1", "a b", "a:99999"] {
      #expect(FetchSource(text) == nil, "\(text)")
    }
  }

  // MARK: Answers

  private func read(
    _ text: String, by step: Int, limit: Int = 64
  ) throws(FetchError) -> [UInt8] {
    var reader = ResponseReader(limit: limit)
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: step) {
      try reader.take(bytes.span.extracting(start..<min(start + step, bytes.count)))
    }
    if !reader.isDone { try reader.finish() }
    return reader.body
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.0 200 OK\nContent-Type: image/jpeg\n\nhello",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 \r\ncontent-length:5\r\n\r\nhello and more",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n03\r\nllo\r\n0\r\nA: b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\nContent-Encoding: identity\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Type: Application/Octet-Stream; x=y\r\n\r\nhello",
  ])
  func answersAreReadHoweverTheyCome(text: String) throws {
    for step in [1, 2, 7, 4096] { #expect(try read(text, by: step) == Array("hello".utf8)) }
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    "HTTP/2 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n",
    "SSH-2.0-OpenSSH\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 206 Partial Content\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 65536) + "\r\n\r\n",
  ])
  func whatIsNoPictureOrUnclearIsRefused(text: String) {
    for step in [1, 4096] {
      #expect(throws: FetchError.self) { try read(text, by: step) }
    }
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n",
    "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 65),
  ])
  func theLimitHoldsBeforeAndWhileItComes(text: String) {
    #expect(throws: FetchError.tooLarge(limit: 64)) { try read(text, by: 5) }
    var asked = 0
    var reader = ResponseReader(limit: 1 << 30) { count in
      asked += count
      return false
    }
    #expect(throws: FetchError.noRoom) {
      try reader.take(Array("HTTP/1.1 200 OK\r\n\r\nhello".utf8).span)
    }
    #expect(asked == 64 << 10, "room is taken as bytes come, whatever is stated")
  }

  // MARK: Over a network

  private func fetch(
    _ fetcher: Fetcher, _ url: String, limit: Int = 1 << 20,
    memory: BodyMemory = .unbounded, isCancelled: @escaping () -> Bool = { false }
  ) throws -> [UInt8] {
    let share = BodyMemory.Share(of: memory)
    let bytes = try fetcher.fetch(
      url, limit: limit, deadline: .now + .seconds(3600), share: share, isCancelled: isCancelled)
    #expect(share.count == bytes.count, "what it takes is counted, and nothing else")
    return bytes
  }

  private func expectForbidden(_ fetcher: Fetcher, _ url: String) {
    #expect { try fetch(fetcher, url) } throws: { error in
      if case .forbidden? = error as? FetchError { true } else { false }
    }
  }

  private func expectFailed(_ fetcher: Fetcher, _ url: String, _ text: String) {
    #expect { try fetch(fetcher, url) } throws: { error in
      if case .failed(let detail)? = error as? FetchError { detail.contains(text) } else { false }
    }
  }

  /// A policy that has this machine's port among its private hosts.
  private func policy(
    _ host: String, _ port: Int, isPrivate: Bool = true, authorities: String? = nil,
    timeout: Duration = .seconds(3600)
  ) throws -> FetchPolicy {
    let source = try #require(FetchSource("\(host):\(port)"))
    return FetchPolicy(
      sources: isPrivate ? [] : [source], privateSources: isPrivate ? [source] : [],
      timeout: timeout, trustedAuthorities: authorities)
  }

  @Test func whatIsThereIsFetched() async throws {
    try await withServer { _, handler, port in
      let fetcher = try Fetcher(try policy("127.0.0.1", port))
      let bytes = try fetch(fetcher, "http://127.0.0.1:\(port)/picture?a=b", limit: 8 << 20)
      #expect(bytes == TestHandler.picture)
      #expect(
        try fetch(fetcher, "http://127.0.0.1:\(port)/picture-in-parts") == TestHandler.picture)
      expectFailed(fetcher, "http://127.0.0.1:\(port)/elsewhere", "leads elsewhere")
      expectFailed(fetcher, "http://127.0.0.1:\(port)/page", "no picture")
      expectFailed(fetcher, "http://127.0.0.1:\(port)/refused", "answers 403")
      #expect(throws: FetchError.tooLarge(limit: 10)) {
        try fetch(fetcher, "http://127.0.0.1:\(port)/picture", limit: 10)
      }
      #expect(throws: FetchError.noRoom) {
        try fetch(
          fetcher, "http://127.0.0.1:\(port)/picture", memory: BodyMemory(limit: 1000))
      }
      // Nobody was asked for what the redirection names.
      #expect(!handler.handledPaths.contains("/secret"))
    }
  }

  @Test func addressesInsideAreForHostsNamedSo() async throws {
    try await withServer { server, handler, port in
      for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001"] {
        expectForbidden(
          try Fetcher(try policy(host, port, isPrivate: false)), "http://\(host):\(port)/picture")
      }
      #expect(handler.handledPaths.isEmpty && server.statistics.acceptedConnections == 0)
      let fetcher = try Fetcher(try policy("localhost", port))
      #expect(try fetch(fetcher, "http://localhost:\(port)/picture") == TestHandler.picture)
    }
  }

  @Test(arguments: [
    ["169.254.169.254"], ["127.0.0.1", "169.254.169.254"], ["fe80::1"], ["0.0.0.0"], ["::"],
    ["::ffff:169.254.169.254"], ["224.0.0.1"],
  ])
  func noHostHasAnAddressThatIsNeverAsked(addresses: [String]) async throws {
    try await withServer { server, _, port in
      let lookup = HostLookup { (_) throws(FetchError) in
        addresses.map { SocketAddress(host: $0, port: 0) }
      }
      expectForbidden(
        try Fetcher(try policy("images.test", port), lookup: lookup),
        "http://images.test:\(port)/picture")
      #expect(server.statistics.acceptedConnections == 0)
    }
  }

  @Test func aNameThatChangesItsMeaningIsLookedUpOnce() async throws {
    try await withServer { server, handler, port in
      let asked = Mutex(0)
      // As a name server does that wants to be trusted first: outside, and then inside.
      let lookup = HostLookup { (_) throws(FetchError) in
        asked.withLock { $0 += 1 }
        let isFirst = asked.withLock { $0 } == 1
        return [SocketAddress(host: isFirst ? "127.0.0.1" : "169.254.169.254", port: 0)]
      }
      let fetcher = try Fetcher(try policy("images.test", port), lookup: lookup)
      #expect(try fetch(fetcher, "http://images.test:\(port)/picture") == TestHandler.picture)
      #expect(asked.withLock { $0 } == 1)
      #expect(handler.handledPaths == ["/picture"])
      expectForbidden(fetcher, "http://images.test:\(port)/picture")
      // One address outside and one inside: whichever it would be, it is not asked.
      let mixed = HostLookup { (_) throws(FetchError) in
        [SocketAddress(host: "93.184.216.34", port: 0), SocketAddress(host: "127.0.0.1", port: 0)]
      }
      expectForbidden(
        try Fetcher(try policy("images.test", port, isPrivate: false), lookup: mixed),
        "http://images.test:\(port)/picture")
      #expect(server.statistics.acceptedConnections == 1)
    }
  }

  @Test func certificatesAreChecked() async throws {
    let certificates = try Certificates()
    let (chain, key) = (certificates.path("server.pem"), certificates.path("server.key"))
    try await withServer({
      $0.tls = TLSConfiguration(certificateChain: chain, privateKey: key)
    }) { _, _, port in
      let trusted = certificates.path("authority.pem")
      for host in ["localhost", "127.0.0.1"] {
        let fetcher = try Fetcher(try policy(host, port, authorities: trusted))
        #expect(try fetch(fetcher, "https://\(host):\(port)/picture") == TestHandler.picture)
      }
      // By an authority that the system does not know.
      expectFailed(
        try Fetcher(try policy("localhost", port)), "https://localhost:\(port)/picture",
        "certificate")
      // Of another name.
      let lookup = HostLookup { (_) throws(FetchError) in
        [SocketAddress(host: "127.0.0.1", port: 0)]
      }
      expectFailed(
        try Fetcher(try policy("images.test", port, authorities: trusted), lookup: lookup),
        "https://images.test:\(port)/picture", "certificate")
      // TLS where there is none, and none where there is.
      let fetcher = try Fetcher(try policy("localhost", port, authorities: trusted))
      expectFailed(fetcher, "http://localhost:\(port)/picture", "answers 400")
    }
    try await withServer { _, _, port in
      expectFailed(
        try Fetcher(try policy("localhost", port)), "https://localhost:\(port)/picture", "TLS")
    }
  }

  @Test func timeEndsAndClientsGo() async throws {
    try await withServer { _, handler, port in
      let slow = try Fetcher(try policy("127.0.0.1", port, timeout: .milliseconds(200)))
      expectFailed(slow, "http://127.0.0.1:\(port)/hold", "in time")
      let fetcher = try Fetcher(try policy("127.0.0.1", port))
      let start = ContinuousClock.now
      #expect(throws: FetchError.cancelled) {
        try fetch(fetcher, "http://127.0.0.1:\(port)/hold/2") { start + .milliseconds(200) < .now }
      }
      handler.release()
    }
    // Nobody listens there, and nobody else can meanwhile.
    let bound = try BoundPort()
    expectFailed(
      try Fetcher(try policy("127.0.0.1", bound.port)), "http://127.0.0.1:\(bound.port)/", "reached"
    )
  }
}

/// A port of this machine that is taken, and on which nobody listens.
private final class BoundPort {
  let port: Int
  private let descriptor: Int32

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    self.descriptor = descriptor
    port = Int(in_port_t(bigEndian: address.sin_port))
    guard result else { throw TestClient.Failure(call: "bind", code: errno) }
  }

  deinit { close(descriptor) }
}
