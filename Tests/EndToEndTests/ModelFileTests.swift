import Foundation
import Testing

/// `inspect` and `convert` with the families' own files.
@Suite struct ModelFileTests {
  static func fixture(_ name: String) -> String {
    Program.repository.appending(path: "Tests/FasterRCNNTests/Fixtures/\(name)").path
  }

  private func object(_ data: Data) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func inspectsTheEmbeddedModel() async throws {
    let result = try await Program.run(["inspect"])
    #expect(result.status == 0)
    for text in ["safetensors", "bloodcell", "simple-faster-rcnn", "3: RBC, WBC, Platelets"] {
      #expect(result.text.contains(text), "\(result.text)")
    }
    #expect(!result.text.contains("ASSUMED"))
  }

  @Test func inspectSaysWhatItAssumed() async throws {
    let path = Self.fixture("bubbliiiing-vgg.pth")
    let table = try await Program.run(["inspect", path, "--tensors"])
    #expect(table.status == 0)
    #expect(table.text.contains("ASSUMED"))
    #expect(table.text.contains(/extractor\.0\.weight +float32 +\d+x3x3x3\n/), "\(table.text)")
    let json = try object(try await Program.run(["inspect", path, "--json"]).output)
    #expect((json["assumed"] as? String)?.contains("profile bubbliiiing-vgg") == true)
    #expect(json["tensors"] == nil)
    let sure = try object(
      try await Program.run(["inspect", path, "--json", "--profile", "bubbliiiing-vgg"]).output)
    #expect(sure["assumed"] == nil)
    #expect(sure["profile"] as? String == "bubbliiiing-vgg")
  }

  @Test func detectSaysOnceWhatItAssumedAndEachAnswerCarriesIt() async throws {
    let result = try await Program.run([
      "detect", "--json", "--model", Self.fixture("bubbliiiing-vgg.pth"), Program.example.path,
      Program.example.path,
    ])
    #expect(result.status == 0)
    #expect(result.errors.matches(of: /assumed profile bubbliiiing-vgg/).count == 1)
    let lines = result.text.split(separator: "\n")
    #expect(lines.count == 2)
    for line in lines {
      let model = try object(Data(line.utf8))["model"] as? [String: Any]
      #expect((model?["assumed"] as? String)?.hasPrefix("profile bubbliiiing-vgg") == true)
    }
  }

  @Test func serveSaysWhatItAssumed() async throws {
    let model = Self.fixture("bubbliiiing-vgg.pth")
    let server = try await Server("--model", model)
    server.signal(SIGTERM)
    #expect(try await server.end() == 0)
    #expect(server.logText.matches(of: /assumed profile bubbliiiing-vgg/).count == 1)
  }

  @Test func convertsIntoACompleteModel() async throws {
    let folder = try TemporaryFolder()
    let labels = folder.path("labels.txt")
    let names = (1...5).map { "kind\($0)" }
    try Data(names.joined(separator: "\n").utf8).write(to: URL(filePath: labels))
    let (input, output) = (Self.fixture("chainercv.npz"), folder.path("new.safetensors"))
    let converted = try await Program.run(["convert", input, output, "--labels", labels])
    #expect(converted.status == 0, "\(converted.errors)")
    #expect(converted.text.contains("profile chainercv"))
    #expect(converted.errors.isEmpty)
    let detect = ["detect", "--json", Self.fixture("portrait_487x331.png"), "--model"]
    let before = try await Program.run(detect + [input, "--labels", labels])
    let after = try await Program.run(detect + [output])
    #expect(after.errors.isEmpty)
    let (first, second) = (try Answer(before.output), try Answer(after.output))
    #expect(!first.detections.isEmpty)
    #expect(first == second)
    #expect(first.detections.allSatisfy { names.contains($0.label) })
  }

  @Test func halvesTheSizeAsFloat16() async throws {
    let folder = try TemporaryFolder()
    let input = Self.fixture("simple-faster-rcnn.safetensors")
    let output = folder.path("half.safetensors")
    let result = try await Program.run(["convert", input, output, "--dtype", "f16"])
    #expect(result.status == 0)
    // Nothing was watched: a progress bar would be there.
    #expect(!result.errors.contains("\r"))
    func size(_ path: String) throws -> Int {
      try Data(contentsOf: URL(filePath: path)).count
    }
    #expect(try Double(size(output)) < 0.51 * Double(size(input)))
    let json = try object(try await Program.run(["inspect", output, "--json"]).output)
    let types = json["element_types"] as? [[String: Any]]
    #expect(types?.compactMap { $0["type"] as? String } == ["float16"])
  }

  @Test func neverWritesOverTheFileItReads() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    let original = try Data(
      contentsOf: URL(filePath: Self.fixture("simple-faster-rcnn.safetensors")))
    try original.write(to: URL(filePath: path))
    let link = folder.path("link.safetensors")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    for output in [path, link] {
      let result = try await Program.run(["convert", path, output])
      #expect(result.status == 64)
      #expect(result.errors.contains("is the file to be read"))
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == original)
  }

  @Test func whatCannotBeReadOrWrittenHasItsStatus() async throws {
    let folder = try TemporaryFolder()
    let model = Self.fixture("simple-faster-rcnn.safetensors")
    let cases: [([String], Int32, String)] = [
      (["inspect", "/nowhere/m.pth"], 66, "/nowhere/m.pth"),
      (["convert", "/nowhere/m.pth", folder.path("o")], 66, "/nowhere/m.pth"),
      (["convert", model, folder.path("no/folder/o")], 73, "no/folder/o"),
      (["inspect", model, "--profile", "yolo"], 64, "simple-faster-rcnn"),
      (["inspect", model, "--profile", "bubbliiiing-resnet50"], 65, "7x7"),
      (["convert", model, folder.path("o"), "--dtype", "f8"], 64, "f16"),
      (["convert", model], 64, "out"),
    ]
    for (arguments, status, message) in cases {
      let result = try await Program.run(arguments)
      #expect(result.status == status, "\(arguments)")
      #expect(result.errors.contains(message), "\(result.errors)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
  }
}
