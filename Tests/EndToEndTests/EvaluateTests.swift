import Foundation
import Testing

@Suite struct EvaluateTests {
  private struct Report: Decodable {
    struct Class: Decodable {
      var label: String
      var objects: Int
      var detections: Int
      var ap: Double?
    }
    var pictures: Int
    var map: Double
    var classes: [Class]
  }

  /// A dataset of one picture in which everything is marked that the model finds, and then only a
  /// part of it: the figures follow by hand.
  @Test func measuresWhatIsMarked() async throws {
    let folder = try TemporaryFolder()
    for name in ["ImageSets/Main", "Annotations", "JPEGImages"] {
      try FileManager.default.createDirectory(
        at: folder.url.appending(path: name), withIntermediateDirectories: true)
    }
    try Data("one\n".utf8).write(to: URL(filePath: folder.path("ImageSets/Main/val.txt")))
    try FileManager.default.copyItem(
      at: Program.example, to: folder.url.appending(path: "JPEGImages/one.jpg"))
    let found = try await Answer(
      Program.run(["detect", "--json", Program.example.path]).output
    ).detections
    func evaluate(_ marked: [Answer.Detection]) async throws -> Report {
      let objects = marked.map { detection in
        let edges = zip(["xmin", "ymin", "xmax", "ymax"], detection.box)
          .map { "<\($0)>\($1)</\($0)>" }.joined()
        return "<object><name>\(detection.label)</name><bndbox>\(edges)</bndbox></object>"
      }
      try Data("<annotation>\(objects.joined())</annotation>".utf8)
        .write(to: URL(filePath: folder.path("Annotations/one.xml")))
      let result = try await Program.run(
        ["evaluate", folder.url.path, "--split", "val", "--json"])
      #expect(result.status == 0, "\(result.errors)")
      return try JSONDecoder().decode(Report.self, from: result.output)
    }
    let all = try await evaluate(found)
    #expect(all.map == 1)
    #expect(all.pictures == 1)
    #expect(all.classes.map(\.objects).reduce(0, +) == found.count)
    // The best red cell is marked alone: one object, found first.
    let red = found.filter { $0.label == "RBC" }
    let one = try await evaluate([red[0]])
    #expect(one.classes.first { $0.label == "RBC" }?.ap == 1)
    #expect(one.classes.first { $0.label == "WBC" }?.ap == .none)
    // The third best alone: two wrong ones stand before it.
    let third = try await evaluate([red[2]])
    #expect(abs((third.classes.first { $0.label == "RBC" }?.ap ?? 0) - 1.0 / 3) < 1e-6)
  }

  @Test func aDatasetThatIsNoneIsNamed() async throws {
    let folder = try TemporaryFolder()
    let result = try await Program.run(["evaluate", folder.url.path])
    #expect(result.status == 65)
    #expect(result.errors.contains("VOC") && result.errors.contains("COCO"))
    let missing = try await Program.run(["evaluate", folder.path("none")])
    #expect(missing.status == 66)
  }

  /// Writes a set of the example picture alone, with its boxes as the model finds them.
  private func dataset(
    label: (String) -> String = { $0 }, size: String = "", boxes: Int = 1000
  ) async throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["Annotations", "JPEGImages"] {
      try FileManager.default.createDirectory(
        at: folder.url.appending(path: name), withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(
      at: Program.example, to: folder.url.appending(path: "JPEGImages/one.JPG"))
    let found = try await Answer(
      Program.run(["detect", "--json", Program.example.path]).output
    ).detections
    let objects = found.prefix(boxes).map { detection in
      let edges = zip(["xmin", "ymin", "xmax", "ymax"], detection.box)
        .map { "<\($0)>\($1)</\($0)>" }.joined()
      return "<object><name>\(label(detection.label))</name><bndbox>\(edges)</bndbox></object>"
    }
    try Data("<annotation>\(size)\(objects.joined())</annotation>".utf8)
      .write(to: URL(filePath: folder.path("Annotations/one.xml")))
    return folder
  }

  @Test func labelsAreMatchedWithoutRegardToCase() async throws {
    let folder = try await dataset { $0.lowercased() }
    let result = try await Program.run(["evaluate", folder.url.path, "--json"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(try JSONDecoder().decode(Report.self, from: result.output).map == 1)
    #expect(result.errors.contains("rbc and RBC"))
  }

  @Test func annotationsWithoutObjectsAreToldAsSuch() async throws {
    let folder = try await dataset(boxes: 0)
    let result = try await Program.run(["evaluate", folder.url.path])
    #expect(result.status == 65)
    #expect(result.errors.contains("mark no object"))
  }

  @Test func aSizeThatIsNotThePicturesIsMentioned() async throws {
    let folder = try await dataset(size: "<size><width>1280</width><height>960</height></size>")
    let result = try await Program.run(["evaluate", folder.url.path, "--metric", "coco"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("1280x960"))
    #expect(String(decoding: result.output, as: UTF8.self).contains("AP75"))
  }

  /// What the program that trained the model measured with chainercv's metric on these pictures:
  /// all-point, IoU of at least 0.5, half-open boxes, detections over 0.05.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["FRCNN_BCCD"] != nil,
      "skipped: FRCNN_BCCD names no folder of the BCCD dataset"))
  func theEmbeddedModelIsAsGoodAsWhenItWasTrained() async throws {
    let folder = try #require(ProcessInfo.processInfo.environment["FRCNN_BCCD"])
    let result = try await Program.run(["evaluate", folder, "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let report = try JSONDecoder().decode(Report.self, from: result.output)
    #expect(report.pictures == 72)
    // Boxes differ by float noise, which may move a detection over a threshold: half a percent.
    #expect(abs(report.map - 0.8993) < 0.005)
    for (label, value) in ["RBC": 0.8285, "WBC": 0.9674, "Platelets": 0.9019] {
      let found = try #require(report.classes.first { $0.label == label }?.ap)
      #expect(abs(found - value) < 0.005, "\(label): \(found)")
    }
  }
}
