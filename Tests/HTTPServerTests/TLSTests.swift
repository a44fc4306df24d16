import Glibc
import HTTPServer
import Testing

@Suite struct TLSTests {
  /// A server with TLS, and a client's options that trust it.
  private func withTLSServer(
    clientAuthorities: Bool = false, clock: TestClock? = nil,
    _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    _ body: (HTTPServer, TestHandler, Int, TLSSession.Options, Certificates) throws -> Void
  ) async throws {
    let certificates = try Certificates()
    let options = TLSSession.Options(authorities: certificates.path("authority.pem"))
    try await withServer(
      clock: clock,
      {
        $0.tls = TLSConfiguration(
          certificateChain: certificates.path("server.pem"),
          privateKey: certificates.path("server.key"),
          clientAuthorities: clientAuthorities ? certificates.path("authority.pem") : nil)
        configure(&$0)
      }
    ) { server, handler, port in
      try body(server, handler, port, options, certificates)
    }
  }

  @Test("RFC 8446: requests over TLS 1.3, and over 1.2, on one connection each")
  func bothVersions() async throws {
    try await withTLSServer { _, _, port, options, _ in
      for isTLS12 in [false, true] {
        var options = options
        options.isTLS12 = isTLS12
        let client = try TestClient(port: port, tls: options)
        #expect(client.agreed?.version == (isTLS12 ? "TLSv1.2" : "TLSv1.3"))
        for path in ["/one", "/later", "/two"] {
          try client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
          #expect(try client.receiveResponse().text == (path == "/later" ? "later" : path))
        }
      }
    }
  }

  @Test func bodiesThatTakeManyRecordsGoThroughBothWays() async throws {
    try await withTLSServer { _, _, port, options, _ in
      let pattern = (0..<4093).map { UInt8(truncatingIfNeeded: $0 * $0) }
      let body = Array(repeatElement(pattern, count: 700).joined())
      let client = try TestClient(port: port, receiveBufferLength: 4096, tls: options)
      for _ in 0..<2 {
        try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
        try client.send(body)
        #expect(try client.receiveResponse().body == body)
      }
      // Pipelined large answers to a client with little room wait for it.
      try client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", count: 3))
      for _ in 0..<3 { #expect(try client.receiveResponse().body.count == 8 << 20) }
    }
  }

  @Test("RFC 7301 section 3.2: http/1.1 is chosen, and a client without it refused")
  func applicationProtocol() async throws {
    try await withTLSServer { _, _, port, options, _ in
      var options = options
      let silent = try TestClient(port: port, tls: options)
      #expect(silent.agreed?.protocol == nil)
      options.protocols = ["h2", "http/1.1"]
      let modern = try TestClient(port: port, tls: options)
      #expect(modern.agreed?.protocol == "http/1.1")
      options.protocols = ["h2"]
      do {
        _ = try TestClient(port: port, tls: options)
        Issue.record("a client that speaks only h2 was served")
      } catch let failure as TestClient.Failure {
        #expect(failure.call.contains("no application protocol"))
      }
    }
  }

  @Test("RFC 9112 section 9.8: a closure alert goes before the connection closes")
  func closureAlert() async throws {
    try await withTLSServer({
      $0.idleTimeout = .milliseconds(100)
    }) { _, _, port, options, _ in
      let closing = try TestClient(port: port, tls: options)
      try closing.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      #expect(try closing.receiveResponse().fields["connection"] == "close")
      #expect(try closing.isClosedByServer())
      #expect(closing.gotClosureAlert)
      let resting = try TestClient(port: port, tls: options)
      try resting.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try resting.receiveResponse().status == 200)
      #expect(try resting.isClosedByServer())
      #expect(resting.gotClosureAlert)
    }
  }

  @Test("plain HTTP on the port of TLS is answered in plain words") func plainHTTP() async throws {
    try await withTLSServer { server, handler, port, _, _ in
      for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.0\r\n\r\n", "\u{80}"] {
        let client = try TestClient(port: port)
        try client.send(text)
        let response = try client.receiveResponse()
        #expect(response.status == 400)
        #expect(response.fields["content-type"] == "text/plain; charset=utf-8")
        #expect(response.fields["connection"] == "close")
        #expect(response.text.contains("HTTPS"))
        #expect(try client.isClosedByServer())
      }
      #expect(handler.handledPaths.isEmpty)
      #expect(becomesTrue { server.statistics.openConnections == 0 })
    }
  }

  @Test("a handshake that is not finished in time is cut off") func handshakeTimeout() async throws
  {
    let clock = TestClock()
    try await withTLSServer(clock: clock, { $0.handshakeTimeout = .seconds(10) }) {
      server, _, port, options, _ in
      let silent = try TestClient(port: port)
      let stalled = try TestClient(port: port)
      // The front of a record that never comes: a handshake's, TLS 1.0 as hellos say, 512 bytes.
      try stalled.send([22, 3, 1, 2, 0, 1])
      try hasReadAll(port: port, tls: options)
      try clock.advance(by: .seconds(11), in: server)
      #expect(try silent.isClosedByServer())
      #expect(try stalled.isClosedByServer())
      #expect(server.statistics.failedHandshakes == 2)
      // The time is that of the handshake alone.
      let client = try TestClient(port: port, tls: options)
      try hasReadAll(port: port, tls: options)
      try clock.advance(by: .seconds(60), in: server)
      try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try client.receiveResponse().text == "/a")
    }
  }

  @Test("clients that leave in the middle of a handshake leave nothing behind")
  func departedHandshakes() async throws {
    try await withTLSServer { server, _, port, _, _ in
      for end in 0..<6 {
        let client = try TestClient(port: port)
        try client.send(Array([22, 3, 1, 2, 0, 1][..<end]))
        if end % 2 == 0 { client.reset() } else { client.close() }
      }
      // A record that claims to be a handshake and is none.
      let client = try TestClient(port: port)
      try client.send([22, 3, 1, 0, 5, 9, 9, 9, 9, 9])
      #expect(becomesTrue { server.statistics.acceptedConnections == 7 })
      client.close()
      #expect(becomesTrue { server.statistics.openConnections == 0 })
    }
  }

  @Test("a client certificate is asked for where authorities are given, and checked")
  func clientCertificates() async throws {
    try await withTLSServer(clientAuthorities: true) { server, _, port, options, certificates in
      for isTLS12 in [false, true] {
        var options = options
        options.isTLS12 = isTLS12
        options.certificate = (certificates.path("client.pem"), certificates.path("client.key"))
        let client = try TestClient(port: port, tls: options)
        try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.receiveResponse().text == "/a")
        // RFC 8446 section 4.4.2.4: with 1.3 the client learns of it after its own handshake.
        func isRefused(_ options: TLSSession.Options) -> Bool {
          do {
            let client = try TestClient(port: port, tls: options)
            try client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = try client.receiveResponse()
            return false
          } catch {
            return "\(error)".contains("alert")
          }
        }
        options.certificate = nil
        #expect(isRefused(options))
        let stranger = try Certificates()
        options.certificate = (stranger.path("client.pem"), stranger.path("client.key"))
        #expect(isRefused(options))
      }
      #expect(server.statistics.failedHandshakes == 4)
    }
  }

  @Test("new connections get a certificate that was reloaded, old ones live on")
  func reload() async throws {
    try await withTLSServer { server, handler, port, options, certificates in
      let old = try TestClient(port: port, tls: options)
      try old.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(handler.waits(forHeld: 1))
      #expect(old.serverName == "localhost")
      try certificates.write(
        .init(name: "renewed", issuer: certificates.authority), as: "server")
      try server.reloadCertificates()
      #expect(
        becomesTrue { (try? TestClient(port: port, tls: options))?.serverName == "renewed" })
      handler.release()
      #expect(try old.receiveResponse().text == "/hold")
      try old.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try old.receiveResponse().text == "/a")
      // Files that do not fit leave what serves.
      try certificates.write("nothing", as: "server.pem")
      #expect(throws: TLSError.self) { try server.reloadCertificates() }
      #expect(try TestClient(port: port, tls: options).serverName == "renewed")
    }
  }

  @Test func saysWhatIsWrongWithItsFiles() async throws {
    let certificates = try Certificates()
    func error(
      _ chain: String = "server.pem", _ key: String = "server.key", _ authorities: String? = nil
    ) -> TLSError? {
      var configuration = HTTPServerConfiguration.testing()
      configuration.tls = TLSConfiguration(
        certificateChain: certificates.path(chain), privateKey: certificates.path(key),
        clientAuthorities: authorities.map { certificates.path($0) })
      do throws(HTTPServerError) {
        let server = HTTPServer(configuration: configuration, handler: TestHandler())
        _ = try server.start()
        return nil
      } catch {
        if case .tls(let error) = error { return error }
        return nil
      }
    }
    let missing = certificates.path("missing")
    #expect(error("missing") == .unreadable(.certificate, path: missing, code: ENOENT))
    #expect(
      error("server.pem", "missing") == .unreadable(.privateKey, path: missing, code: ENOENT))
    #expect(
      error("server.pem", "server.key", "missing")
        == .unreadable(.clientAuthorities, path: missing, code: ENOENT))
    #expect(
      error("server.pem", "client.key")
        == .mismatch(
          certificate: certificates.path("server.pem"), privateKey: certificates.path("client.key"))
    )
    try certificates.write("-----BEGIN CERTIFICATE-----\nbroken\n", as: "broken")
    for result in [
      error("broken"), error("server.pem", "broken"), error("server.pem", "server.key", "broken"),
      error("server.key"), error("server.pem", "server.pem"),
    ] {
      guard case .broken = result else {
        Issue.record("\(result.map { "\($0)" } ?? "no error")")
        continue
      }
    }
    try certificates.write(
      .init(name: "locked", issuer: certificates.authority), as: "locked", passphrase: "secret")
    #expect(
      error("locked.pem", "locked.key") == .encryptedKey(path: certificates.path("locked.key")))
    #expect(error() == nil)
  }
}
