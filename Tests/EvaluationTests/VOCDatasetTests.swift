import Testing

@testable import Evaluation

@Suite struct VOCDatasetTests {
  private struct Missing: Error, Equatable { let path: String }

  private let files = [
    "ImageSets/Main/test.txt": "b\n\r\n  a \r\n",
    "Annotations/a.xml": """
    <annotation><object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax>\
    <ymax>4</ymax></bndbox></object></annotation>
    """,
    "Annotations/b.xml": "<annotation/>",
  ]

  private func contents(_ path: String, _ maximumByteCount: Int) throws -> [UInt8] {
    guard let text = files[path] else { throw Missing(path: path) }
    return Array(text.utf8)
  }

  @Test func readsTheListedPicturesInOrder() throws {
    let dataset = try VOCDataset(split: "test", contents: contents)
    #expect(dataset.pictures.map(\.name) == ["b", "a"])
    #expect(dataset.pictures.map(\.path) == ["JPEGImages/b.jpg", "JPEGImages/a.jpg"])
    #expect(dataset.pictures.map(\.annotation.objects.count) == [0, 1])
    #expect(dataset.labels == ["dog"])
  }

  @Test func passesOnWhyAFileCannotBeRead() {
    #expect(throws: Missing(path: "ImageSets/Main/val.txt")) {
      try VOCDataset(split: "val", contents: contents)
    }
  }

  @Test(arguments: [
    "../../etc/passwd", "..", ".hidden", "a/b", "a\u{0}b", "000001 -1", "", " \n\n",
    String(repeating: "x", count: 201),
  ])
  func namesThatLeadElsewhereAreRefused(list: String) {
    #expect(throws: VOCError.self) {
      try VOCDataset.names(in: Array(list.utf8), path: "test.txt")
    }
  }

  @Test func theLineOfABadNameIsTold() {
    #expect(
      throws: VOCError(
        reason: .invalidListEntry("'../x' is no name of a picture in this folder"),
        path: "test.txt", line: 3)
    ) { try VOCDataset.names(in: Array("a\n\n../x\n".utf8), path: "test.txt") }
  }
}
