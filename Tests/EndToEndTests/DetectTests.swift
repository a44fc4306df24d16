import Foundation
import Testing

@Suite struct DetectTests {
  @Test func printsATable() async throws {
    let result = try await Program.run(
      ["detect", Program.example.path, "--score-threshold", "0.9", "--classes", "WBC,Platelets"])
    #expect(result.status == 0)
    let lines = result.text.split(separator: "\n")
    #expect(lines.first?.contains("example.jpg  640x480  ") == true)
    #expect(lines.dropFirst().first?.split(separator: " ").first == "label")
    for line in lines.dropFirst(2) {
      let words = line.split(separator: " ")
      #expect(words.count == 6)
      #expect(words[0] == "WBC" || words[0] == "Platelets")
      #expect((Double(words[1]) ?? 0) > 0.9)
    }
    #expect(lines.count >= 3)
  }

  @Test func drawsIntoCopiesInTheSameFormat() async throws {
    let folder = try TemporaryFolder()
    let target = folder.path("boxes")
    let result = try await Program.run(["detect", Program.example.path, "--annotate", target])
    #expect(result.status == 0)
    let drawn = try Data(contentsOf: URL(filePath: target + "/example.jpg"))
    #expect(drawn.starts(with: [0xFF, 0xD8, 0xFF]))
    #expect(try drawn != Data(contentsOf: Program.example))
    // The copy is a picture again.
    #expect(try await Program.run(["detect", target + "/example.jpg"]).status == 0)
  }

  @Test func neverDrawsOverThePictureItself() async throws {
    let folder = try TemporaryFolder()
    let original = try Data(contentsOf: Program.example)
    try original.write(to: URL(filePath: folder.path("photo.jpg")))
    let result = try await Program.run(
      ["detect", folder.path("photo.jpg"), "--annotate", folder.url.path])
    #expect(result.status == 64)
    #expect(result.errors.contains("would overwrite"))
    #expect(try Data(contentsOf: URL(filePath: folder.path("photo.jpg"))) == original)
  }

  @Test func goesOnAfterAPictureThatIsNone() async throws {
    let folder = try TemporaryFolder()
    try Data("no picture".utf8).write(to: URL(filePath: folder.path("text.jpg")))
    let result = try await Program.run([
      "detect", "--json", folder.path("text.jpg"), folder.path("missing.jpg"),
      Program.example.path,
    ])
    // The first failure's status; both are told, and the good one is worked on.
    #expect(result.status == 65)
    #expect(result.errors.contains("text.jpg"))
    #expect(result.errors.contains("missing.jpg"))
    let lines = result.text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.first?.contains("text.jpg") == true)
    #expect(lines.first?.contains("\"error\":{\"status\":65,") == true)
    #expect(lines.dropFirst().first?.contains("\"status\":66,") == true)
    #expect(try Answer(Data(lines[2].utf8)).detections.count >= 5)
    let missing = try await Program.run(["detect", folder.path("missing.jpg")])
    #expect(missing.status == 66)
  }

  @Test func aCheckpointOfInitIsAModel() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("small.safetensors")
    let made = try await Program.run(
      ["init", "vgg16", path, "--classes", "2", "--width", "0.03125", "--seed", "3"])
    #expect(made.status == 0)
    let labels = folder.path("labels.txt")
    try Data("cat\ndog\n".utf8).write(to: URL(filePath: labels))
    let result = try await Program.run(
      ["detect", "--json", Program.example.path, "--score-threshold", "0"],
      environment: ["FRCNN_MODEL": path, "FRCNN_LABELS": labels])
    #expect(result.status == 0, "\(result.errors)")
    let answer = try Answer(result.output)
    #expect(Set(answer.detections.map(\.label)).isSubset(of: ["cat", "dog"]))
    #expect(!answer.detections.isEmpty)
    // A name too many is a mistake that would shift all the others.
    try Data("cat\ndog\nbird\n".utf8).write(to: URL(filePath: labels))
    let wrong = try await Program.run(
      ["detect", Program.example.path, "--model", path, "--labels", labels])
    #expect(wrong.status == 65)
    #expect(wrong.errors.contains("3 labels"), "\(wrong.errors)")
  }
}
