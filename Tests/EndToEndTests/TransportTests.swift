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
