import Foundation
import Testing

/// `frcnn serve` with several models; `scripts/check-models` holds them against each alone, and their memory.
@Suite struct SeveralModelsTests {
  /// Copies of the embedded model under other names, with other labels.
  private func makeModels(_ names: [String], in folder: TemporaryFolder) throws {
    let embedded = Program.repository.appending(path: "Sources/CEmbeddedModel")
    let settings = try String(
      contentsOf: embedded.appending(path: "bloodcell.json"), encoding: .utf8)
    for name in names {
      try FileManager.default.createDirectory(
        atPath: folder.path(name), withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: embedded.appending(path: "bloodcell.safetensors").path,
        toPath: folder.path("\(name)/model.safetensors"))
      try settings.replacing("\"WBC\"", with: "\"\(name)\"")
        .write(toFile: folder.path("\(name)/model.json"), atomically: true, encoding: .utf8)
    }
  }

  private func labels(_ server: Server, _ query: String) async throws -> Set<String> {
    let response = try await server.send(
      Connection.request("POST", "/detect\(query)", body: try Data(contentsOf: Program.example)))
    #expect(response.status == 200, "\(query): \(response.text)")
    let found = try response.json()["detections"] as? [[String: Any]] ?? []
    return Set(found.compactMap { $0["label"] as? String })
  }

  @Test func aFolderOfModelsIsServedUnderTheirNames() async throws {
    let folder = try TemporaryFolder()
    try makeModels(["cells", "street"], in: folder)
    let server = try await Server("--model", folder.url.path, "--queue", "100")
    #expect(try await labels(server, "").contains("cells"))
    #expect(try await labels(server, "?model=cells").contains("cells"))
    #expect(try await labels(server, "?model=street").contains("street"))

    // One that is unloaded while it is asked answers whom it has let in, and nobody else.
    let request = Connection.request(
      "POST", "/detect?model=street", body: try Data(contentsOf: Program.example))
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { try await server.send(request).status } }
      group.addTask {
        let path = "/v2/repository/models/street/unload"
        let answer = try await server.send(Connection.request("POST", path))
        #expect(answer.status == 200, "\(answer.text)")
        return 200
      }
      return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(statuses.isSubset(of: [200, 404]))
    #expect(try await server.send(request).status == 404)
    #expect(try await labels(server, "").contains("cells"))

    // One that has come into the folder is found when it is asked for.
    try makeModels(["new"], in: folder)
    let load = Connection.request("POST", "/v2/repository/models/new/load")
    #expect(try await server.send(load).status == 200)
    #expect(try await labels(server, "?model=new").contains("new"))
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
  }

  @Test func modelsAreNamedOneByOne() async throws {
    let folder = try TemporaryFolder()
    try makeModels(["cells", "street"], in: folder)
    let server = try await Server(
      "--model", "a=\(folder.path("cells"))", "--model",
      "b=\(folder.path("street/model.safetensors"))", "--fixed-models")
    #expect(try await labels(server, "?model=a").contains("cells"))
    #expect(try await labels(server, "?model=b").contains("street"))
    let unload = Connection.request("POST", "/v2/repository/models/a/unload")
    #expect(try await server.send(unload).status == 501)
  }

  @Test func whatCannotBeServedIsSaid() async throws {
    let folder = try TemporaryFolder()
    try makeModels(["cells", "street"], in: folder)
    let (cells, street) = (folder.path("cells/model.safetensors"), folder.path("street"))
    for (arguments, status, words) in [
      (["--model", cells, "--model", street], 64, "name"),
      (["--model", "a=\(cells)", "--model", "a=\(street)"], 64, "two models"),
      (["--model", folder.url.path, "--labels", cells], 64, "model.json"),
      (["--compatible-with", "nobody"], 64, "deepstack"),
    ] as [([String], Int32, String)] {
      let ended = try await Program.run(["serve", "--port", "0"] + arguments)
      #expect(ended.status == status, "\(arguments)")
      #expect(ended.errors.contains(words), "\(ended.errors)")
    }
  }

  @Test func vertexAIsVariablesOpenItsDoor() async throws {
    let server = try await Server(environment: [
      "AIP_PREDICT_ROUTE": "/ask", "AIP_HEALTH_ROUTE": "/well",
    ])
    #expect(try await server.send(Connection.request("GET", "/well")).status == 200)
    let text = try Data(contentsOf: Program.example).base64EncodedString()
    let body = Data(#"{"instances":[{"b64":"\#(text)"}]}"#.utf8)
    let answer = try await server.send(Connection.request("POST", "/ask", body: body))
    #expect(answer.status == 200)
    #expect((try answer.json()["predictions"] as? [Any])?.count == 1)
  }
}
