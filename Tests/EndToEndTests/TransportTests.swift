import Foundation
import Testing

/// The flags that are about connections, by the program itself.
@Suite struct TransportTests {
  @Test func whatIsWrongWithTLSEndsTheStartWithItsReason() async throws {
    let folder = try TemporaryFolder()
    let broken = folder.path("broken.pem")
    try Data("no certificate".utf8).write(to: URL(filePath: broken))
    let missing = folder.path("missing.pem")
    for (arguments, status, words) in [
      (["--tls-cert", broken], 64, "--tls-key"),
      (["--tls-client-ca", broken], 64, "--tls-cert"),
      (["--tls-cert", missing, "--tls-key", broken], 66, "certificate \(missing) cannot be read"),
      (["--tls-cert", broken, "--tls-key", missing], 66, "private key \(missing) cannot be read"),
      (["--tls-cert", broken, "--tls-key", broken], 65, "certificate \(broken) cannot be used"),
    ] as [([String], Int32, String)] {
      let result = try await Program.run(["serve", "--port", "0"] + arguments)
      #expect(result.status == status)
      #expect(result.errors.contains(words), "\(result.errors)")
    }
  }

  @Test func wrongSettingsAreNamed() async throws {
    for (flag, value) in [
      ("--trusted-proxies", "10.0.0.0/33"), ("--trusted-proxies", "10.0.0.1,"),
      ("--forwarded-field", "via"), ("--max-connections", "0"), ("--health-port", "65536"),
      ("--max-connections-per-address", "many"), ("--max-body-memory", "1.5GiB"),
    ] {
      let result = try await Program.run(["serve", flag, value])
      #expect(result.status == 64)
      #expect(result.errors.contains("\(flag) is '\(value)'"), "\(result.errors)")
      let variable = "FRCNN_" + flag.dropFirst(2).uppercased().replacing("-", with: "_")
      let other = try await Program.run(["serve"], environment: [variable: value])
      #expect(other.status == 78)
    }
  }

  @Test func theHealthPortAnswersProbesAlone() async throws {
    let server = try await Server("--health-port", "0")
    let match = try #require(
      server.logText.firstMatch(of: /probes on http:\/\/127\.0\.0\.1:([0-9]+)/))
    let connection = try Connection(port: try #require(UInt16(match.1)))
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/healthz", 200), ("/", 404)] {
      try connection.send(Connection.request("GET", path))
      #expect(try connection.receive().status == status, "\(path)")
    }
  }

  @Test("accepting pauses when no descriptor is left, and goes on when one is")
  func noDescriptorIsLeft() async throws {
    let server = try await Server()
    let port = server.port
    let before = try Connection(port: port)
    try before.send(Connection.request("GET", "/livez"))
    #expect(try before.receive().status == 200)
    /// How often accepting has paused, by the connection that is there.
    func pauses() throws -> Int {
      try before.send(Connection.request("GET", "/metrics"))
      let figures = try before.receive().text
      let match = figures.firstMatch(of: /frcnn_http_accept_pauses_total ([0-9]+)/)
      return try #require(match.flatMap { Int($0.1) })
    }
    // As many as are open now, and a few that other threads may just have closed.
    let start = ContinuousClock.now
    try server.limitDescriptors(to: try server.openDescriptors())
    let clients = try (0..<20).map { _ in try Connection(port: port) }
    for client in clients { try client.send(Connection.request("GET", "/livez")) }
    // Who is connected is served all the while, and the processor is not kept busy with refusals.
    try await until { try pauses() >= 3 }
    try server.limitDescriptors(to: 1024)
    try await onThread {
      for client in clients {
        let response = try client.receive()
        #expect(response.status == 200)
      }
    }
    // At most one for each tenth of a second.
    let count = try pauses()
    let seconds = Int((ContinuousClock.now - start).components.seconds) + 1
    #expect(count <= 10 * seconds, "\(count) in \(seconds) s")
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")))
  func healthAsksOverTLS() async throws {
    let folder = try TemporaryFolder()
    let (certificate, key) = (folder.path("certificate.pem"), folder.path("key.pem"))
    let openssl = Process()
    openssl.executableURL = URL(filePath: "/usr/bin/openssl")
    openssl.arguments =
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj"]
      + ["/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-out"]
      + [certificate, "-keyout", key]
    openssl.standardError = FileHandle.nullDevice
    try openssl.run()
    openssl.waitUntilExit()
    let files = ["FRCNN_TLS_CERT": certificate, "FRCNN_TLS_KEY": key]
    let server = try await Server("--health-port", "0", environment: files)
    let port = try #require(
      server.logText.firstMatch(of: /https:\/\/127\.0\.0\.1:([0-9]+)/).map { String($0.1) })
    // The server's own certificate is known by itself, at whatever address.
    let own = try await Program.run(
      ["health", "--timeout", "60m"], environment: files.merging(["FRCNN_PORT": port]) { $1 })
    #expect(own.text == "ready\n", "\(own.text) \(own.errors)")
    // A name has to be in the certificate, and an authority has to be known.
    for (name, arguments, words) in [
      ("localhost", ["--health-ca", certificate], "ready\n"),
      ("127.0.0.1", ["--health-ca", certificate], "IP address mismatch"),
      ("localhost", [], "its certificate is not believed: self-signed certificate"),
    ] {
      let result = try await Program.run(
        ["health", "https://\(name):\(port)", "--timeout", "60m"] + arguments)
      #expect(result.status == (words == "ready\n" ? 0 : 1))
      #expect(result.text.contains(words), "\(result.text) \(result.errors)")
    }
    let plain = try await Program.run(["health", "http://127.0.0.1:\(port)", "--timeout", "60m"])
    #expect(plain.text.contains("answered 400"), "\(plain.text)")
  }

  @Test("more clients than descriptors are served one after the other")
  func fewDescriptors() async throws {
    // The server keeps 256 for itself: 40 are left.
    let server = try await Server(descriptorLimit: 296)
    let port = server.port
    let answered = try await onThread {
      let clients = try (0..<60).map { _ in try Connection(port: port) }
      for client in clients { try client.send(Connection.request("GET", "/livez")) }
      for client in clients {
        guard try client.receive().status == 200 else { return false }
        client.finishSending()
      }
      return true
    }
    #expect(answered)
  }
}
