import Foundation
import Testing

/// What signals and changed files do to a running server.
@Suite struct LifeTests {
  /// Whoever comes while the delay lasts is served; a second signal ends it at once.
  @Test func drainingServesWhileTheDelayLasts() async throws {
    let server = try await Server("--drain-delay", "60m")
    let picture = try Data(contentsOf: Program.example)
    server.signal(SIGTERM)
    try await until {
      try await server.send(Connection.request("GET", "/readyz")).status == 503
    }
    // Not ready, and yet whoever comes on a new connection is served.
    let probe = try await server.send(Connection.request("GET", "/livez"))
    #expect(probe.status == 200)
    #expect(probe.fields["connection"] == nil, "a connection may live on during the delay")
    let response = try await server.send(Connection.request("POST", "/detect", body: picture))
    #expect(response.status == 200)
    server.signal(SIGINT)
    #expect(try await server.end() == 128 + SIGINT)
  }

  @Test func theServerEndsWhenTheDelayIsOver() async throws {
    let server = try await Server("--drain-delay", "1s")
    let start = ContinuousClock.now
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
    #expect(ContinuousClock.now - start >= .seconds(1))
  }

  @Test func noRequestFailsWhileTheModelIsReplaced() async throws {
    let folder = try TemporaryFolder()
    let model = folder.path("model.safetensors")
    let embedded = Program.repository.appending(path: "Sources/CEmbeddedModel")
    func settings(_ name: String) throws {
      let text = try String(
        contentsOf: embedded.appending(path: "bloodcell.json"), encoding: .utf8)
      try text.replacing("\"bloodcell\"", with: "\"\(name)\"")
        .write(toFile: folder.path("model.json"), atomically: true, encoding: .utf8)
    }
    try FileManager.default.copyItem(
      atPath: embedded.appending(path: "bloodcell.safetensors").path, toPath: model)
    try settings("first")
    let server = try await Server("--model", model)
    let request = Connection.request(
      "POST", "/detect?include=model", body: try Data(contentsOf: Program.example))
    func name() async throws -> String? {
      let response = try await server.send(request)
      #expect(response.status == 200, "\(response.text)")
      return (try response.json()["model"] as? [String: Any])?["name"] as? String
    }
    #expect(try await name() == "first")
    try settings("second")
    server.signal(SIGHUP)
    // Each request on the way is answered, by the one or the other.
    var names: [String?] = []
    try await until {
      names.append(try await name())
      return names.last == "second"
    }
    #expect(names.allSatisfy { $0 == "first" || $0 == "second" })

    // A file that is no model leaves the one before. It is put there by a rename, as it should be.
    let broken = folder.path("broken")
    try Data("no model at all, but long enough to be looked at".utf8)
      .write(to: URL(filePath: broken))
    try FileManager.default.removeItem(atPath: model)
    try FileManager.default.moveItem(atPath: broken, toPath: model)
    server.signal(SIGHUP)
    try await until { server.logText.contains("the model before goes on") }
    #expect(try await name() == "second")
    #expect(try await server.send(Connection.request("GET", "/readyz")).status == 200)
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
  }

  @Test func aWatchedFileIsLoadedAgainWhenItChanges() async throws {
    let folder = try TemporaryFolder()
    let model = folder.path("model.safetensors")
    let source = Program.repository.appending(path: "Sources/CEmbeddedModel/bloodcell.safetensors")
    try FileManager.default.copyItem(atPath: source.path, toPath: model)
    try Data(contentsOf: source.deletingPathExtension().appendingPathExtension("json"))
      .write(to: URL(filePath: folder.path("model.json")))
    let server = try await Server("--model", model, "--watch-model")
    try FileManager.default.copyItem(atPath: source.path, toPath: folder.path("next"))
    let status = unsafe rename(folder.path("next"), model)
    #expect(status == 0)
    try await until {
      server.logText.components(separatedBy: "ready with").count == 3
    }
    #expect(server.logText.contains("the model's file has changed"))
  }

  @Test func keysAreReadAgain() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path("keys")
    try "# first\nfirst-key-0123456789\n".write(toFile: file, atomically: true, encoding: .utf8)
    let server = try await Server("--api-key-file", file)
    func status(_ key: String?) async throws -> Int {
      try await server.send(
        Connection.request(
          "POST", "/detect", body: try Data(contentsOf: Program.example),
          fields: key.map { ["Authorization": "Bearer \($0)"] } ?? [:])
      ).status
    }
    #expect(try await status(nil) == 401)
    #expect(try await status("first-key-0123456789") == 200)
    try "second-key-0123456789\n".write(toFile: file, atomically: true, encoding: .utf8)
    server.signal(SIGHUP)
    try await until { try await status("second-key-0123456789") == 200 }
    #expect(try await status("first-key-0123456789") == 401)
    // A list that cannot be read changes nothing.
    try "short\n".write(toFile: file, atomically: true, encoding: .utf8)
    server.signal(SIGHUP)
    try await until { server.logText.contains("the keys before go on") }
    #expect(try await status("second-key-0123456789") == 200)
    #expect(!server.logText.contains("second-key"), "keys are in no log")
  }
}
