import FasterRCNN
import Foundation
import Images
import Testing

/// The README's sample of library use: it is compiled here, run here, and held against the text.
@Suite struct LibraryExampleTests {
  // README: begin
  func printObjects(inPicture bytes: [UInt8]) throws {
    let detector = try Detector(model: .embedded())
    let picture = try ImageDecoder().decode(bytes).image
    let result = try detector.detect(.image(picture))
    print("\(result.proposals.count) regions, \(result.objects.count) objects")
    for object in result.objects where object.score > 0.5 {
      print(detector.model.labels[object.classID], object.score, object.box)
    }
  }
  // README: end

  private let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test func theSampleRuns() throws {
    let url = repository.appending(path: "docs/images/example.jpg")
    try printObjects(inPicture: [UInt8](Data(contentsOf: url)))
  }

  @Test func theReadmeShowsTheSample() throws {
    let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
    let lines = source.components(separatedBy: "\n")
    let begin = try #require(lines.firstIndex { $0.hasSuffix("// README: begin") })
    let end = try #require(lines.firstIndex { $0.hasSuffix("// README: end") })
    let sample = lines[begin + 1..<end].map { $0.dropFirst(2) }.joined(separator: "\n")
    let readme = try String(contentsOf: repository.appending(path: "README.md"), encoding: .utf8)
    #expect(readme.contains("import FasterRCNN\nimport Images\n\n" + sample + "\n"))
  }
}
