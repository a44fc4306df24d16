import Foundation
import Testing

/// What stands beside a checkpoint, and what options say of it.
@Suite struct ModelSettingsTests {
  private static let checkpoint = ModelFileTests.fixture("simple-faster-rcnn.safetensors")

  /// A copy of a checkpoint with settings beside it.
  private func copy(
    into folder: TemporaryFolder, as name: String = "model.safetensors", settings: String?
  ) throws -> String {
    let path = folder.path(name)
    try FileManager.default.copyItem(atPath: Self.checkpoint, toPath: path)
    if let settings { try Data(settings.utf8).write(to: URL(filePath: folder.path("model.json"))) }
    return path
  }

  @Test(arguments: [
    (#"{"lables": ["a"]}"#, 65, #"is "labels" meant?"#), ("[]", 65, "must be an object"),
    (#"{"torchvision": {"min_size": 480}}"#, 65, "another family"),
  ])
  func settingsThatCannotBeUsedAreRefused(json: String, status: Int, words: String) async throws {
    let folder = try TemporaryFolder()
    let result = try await Program.run(["inspect", copy(into: folder, settings: json)])
    #expect(Int(result.status) == status)
    #expect(
      result.errors.contains("model.json") && result.errors.contains(words), "\(result.errors)")
  }

  @Test func aFolderInPlaceOfSettingsIsNoSettingsFile() async throws {
    let folder = try TemporaryFolder()
    let path = try copy(into: folder, settings: nil)
    try FileManager.default.createDirectory(
      atPath: folder.path("model.json"), withIntermediateDirectories: false)
    let result = try await Program.run(["inspect", path])
    #expect(result.status == 66)
    #expect(result.errors.contains("model.json"), "\(result.errors)")
  }

  /// simple-faster-rcnn's trainer names files by date and score.
  @Test func aNameThatEndsInAScoreIsKeptWhole() async throws {
    let folder = try TemporaryFolder()
    let path = try copy(into: folder, as: "fasterrcnn_07221234_0.7011", settings: nil)
    let result = try await Program.run(["inspect", path])
    #expect(result.status == 0)
    #expect(result.text.contains("fasterrcnn_07221234_0.7011, version 1"), "\(result.text)")
  }

  @Test func everySettingIsListedWithWhereItComesFrom() async throws {
    let folder = try TemporaryFolder()
    let path = try copy(into: folder, settings: #"{"picture": {"min_size": 480}}"#)
    let table = try await Program.run(["inspect", path])
    #expect(table.text.contains(/picture\.min_size +480 +\S*model\.json/), "\(table.text)")
    #expect(table.text.contains(/picture\.max_size +1000 +family/))
    let json = try await Program.run(["inspect", path, "--json"])
    let object = try JSONSerialization.jsonObject(with: json.output) as? [String: Any]
    let settings = object?["settings"] as? [[String: String]]
    #expect(settings?.contains { $0["name"] == "picture.min_size" && $0["value"] == "480" } == true)
  }

  @Test func profilesAreListed() async throws {
    let result = try await Program.run(["inspect", "--profiles"])
    #expect(result.status == 0)
    for name in ["torchvision-fpn", "detectron2-c4", "mmdetection-fpn", "chainercv"] {
      #expect(result.text.contains(name))
    }
  }

  @Test func optionsWithoutAModelAreForTheEmbeddedOne() async throws {
    let folder = try TemporaryFolder()
    let unknown = try await Program.run(["inspect", "--profile", "nosuch"])
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("\"nosuch\""))
    let two = folder.path("two.txt")
    try Data("a\nb\n".utf8).write(to: URL(filePath: two))
    let few = try await Program.run(["inspect", "--labels", two])
    #expect(few.status == 65)
    #expect(few.errors.contains("2 labels"), "\(few.errors)")
    let three = folder.path("three.txt")
    // As Windows' editor writes them: a byte order mark, spaces, an empty line.
    try Data("\u{FEFF} red \r\n\r\nwhite\t\r\nplatelets\r\n".utf8).write(to: URL(filePath: three))
    let right = try await Program.run(["inspect", "--labels", three])
    #expect(right.status == 0)
    #expect(right.text.contains("3: red, white, platelets\n"), "\(right.text)")
  }

  @Test func aLabelThatStandsTwiceIsRefused() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("labels.txt")
    try Data("a\nb\na\n".utf8).write(to: URL(filePath: path))
    let result = try await Program.run(["inspect", "--labels", path])
    #expect(result.status == 65)
    #expect(result.errors.contains("'a' twice"), "\(result.errors)")
  }

  @Test func whatIsAssumedOfATorchvisionModelIsSaidAndCanBeChosen() async throws {
    let path = ModelFileTests.fixture("tv-resnet50-fpn.pth")
    let assumed = try await Program.run(["inspect", path])
    #expect(assumed.text.contains("torchvision-fpn"))
    #expect(assumed.text.contains("--batch-norm-epsilon"), "\(assumed.text)")
    #expect(assumed.text.contains(/backbone\.batch_norm_epsilon +1e-0?5 +ASSUMED/))
    let chosen = try await Program.run(["inspect", path, "--batch-norm-epsilon", "0"])
    #expect(!chosen.text.contains("--batch-norm-epsilon"))
    #expect(
      chosen.text.contains(/backbone\.batch_norm_epsilon +0(\.0)? +options/), "\(chosen.text)")
  }

  @Test func partsThatDoNothingForBoxesAreNamed() async throws {
    let result = try await Program.run(["inspect", ModelFileTests.fixture("tv-maskrcnn.pth")])
    #expect(result.status == 0)
    #expect(result.text.contains("the mask head is left out"), "\(result.text)")
  }
}
