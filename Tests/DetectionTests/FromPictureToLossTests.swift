import Foundation
import Testing

/// Holds `docs/from-picture-to-loss.md` to the program `FromPictureToLoss.swift`.
///
/// With FRCNN_REGENERATE_DOCUMENTS=1 in the environment the document's blocks and pictures are
/// written anew instead, and the prose stays.
struct FromPictureToLossTests {
  private static let isRegenerating =
    ProcessInfo.processInfo.environment["FRCNN_REGENERATE_DOCUMENTS"] == "1"
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
  private static let documents = tests.appending(path: "../../docs").standardizedFileURL
  private static let document = documents.appending(component: "from-picture-to-loss.md")
  private static let pictures = documents.appending(component: "from-picture-to-loss")

  /// A part of the program, what it prints, and the name by which it is called.
  private struct Section {
    let title: String
    let code: String
    let output: String
  }

  private let page = WalkPage()
  private let sections: [Section]

  init() throws {
    walkFromPictureToLoss(on: page)
    let source = try String(
      contentsOf: Self.tests.appending(component: "FromPictureToLoss.swift"), encoding: .utf8
    ).components(separatedBy: "\n")
    let marks = source.indices.filter { source[$0].hasPrefix("  // MARK: ") }
    let printed = page.lines
    sections = zip(marks, marks.dropFirst()).map { mark, next in
      let code = source[mark + 1..<next].map { $0.hasPrefix("  ") ? String($0.dropFirst(2)) : $0 }
        .joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
      // Lines of source count from 1.
      let output = printed.filter { mark + 1 < $0.sourceLine && $0.sourceLine <= next }.map(\.text)
      return Section(
        title: String(source[mark].dropFirst("  // MARK: ".count)), code: code,
        output: output.joined(separator: "\n"))
    }
  }

  @Test
  func theDocumentsCodeAndOutputAreTheProgramsOwn() throws {
    let text = try String(contentsOf: Self.document, encoding: .utf8)
    let expected = try withCodeAndOutput(text)
    if Self.isRegenerating {
      try expected.write(to: Self.document, atomically: true, encoding: .utf8)
    } else {
      #expect(text == expected)
    }
  }

  @Test
  func theDocumentsPicturesAreTheProgramsOwn() throws {
    if Self.isRegenerating {
      try FileManager.default.createDirectory(
        at: Self.pictures, withIntermediateDirectories: true)
    }
    let text = try String(contentsOf: Self.document, encoding: .utf8)
    #expect(page.pictures.count == 4)
    for (name, svg) in page.pictures {
      let file = Self.pictures.appending(component: "\(name).svg")
      if Self.isRegenerating { try svg.write(to: file, atomically: true, encoding: .utf8) }
      #expect(try String(contentsOf: file, encoding: .utf8) == svg)
      #expect(text.contains("(from-picture-to-loss/\(name).svg)"))
      #expect(svg.utf8.count < 40_000)
    }
  }

  /// The document with the blocks under each heading replaced by the section of that name.
  ///
  /// The document has to have a heading for each section, in the program's order, with one block of
  /// Swift under it, and one of text where the section prints.
  private func withCodeAndOutput(_ text: String) throws -> String {
    let parts = text.components(separatedBy: "\n## ")
    var result = [parts[0]]
    var remaining = sections[...]
    for part in parts.dropFirst() {
      let heading = part.prefix { $0 != "\n" }
      guard part.contains("```swift\n") else {
        result.append(part)
        continue
      }
      let next = remaining.popFirst()
      let section = try #require(next, "no section for \(heading)")
      #expect(heading == section.title)
      var replaced = try replacing("swift", in: part, by: section.code)
      if !section.output.isEmpty {
        replaced = try replacing("text", in: replaced, by: section.output)
      }
      result.append(replaced)
    }
    #expect(remaining.isEmpty, "the document lacks \(remaining.map(\.title))")
    return result.joined(separator: "\n## ")
  }

  private func replacing(
    _ language: String, in part: String, by content: String
  ) throws -> String {
    let start = try #require(part.range(of: "```\(language)\n"), "no \(language) block in \(part)")
    let end = try #require(part.range(of: "\n```", range: start.upperBound..<part.endIndex))
    return String(part[..<start.upperBound]) + content + String(part[end.lowerBound...])
  }
}
