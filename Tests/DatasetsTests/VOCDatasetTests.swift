import Detection
import Tensors
import Testing

@testable import Datasets

@Suite struct VOCDatasetTests {
  private static func xml(_ label: String) -> String {
    """
    <annotation><object><name>\(label)</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax>\
    <ymax>4</ymax></bndbox></object></annotation>
    """
  }

  /// A set of two pictures, with a list `test`.
  private func files(list: String = "b\n\r\n  a \r\n") -> [String: String] {
    [
      "ImageSets/Main/test.txt": list, "ImageSets/Main/train.txt": "c\n",
      "ImageSets/Main/dog_train.txt": "c 1\n", "Annotations/a.xml": Self.xml("dog"),
      "Annotations/b.xml": "<annotation/>", "Annotations/c.xml": Self.xml("cat"),
      "JPEGImages/a.jpg": "", "JPEGImages/b.jpg": "", "JPEGImages/c.jpg": "",
    ]
  }

  @Test func readsTheListedPicturesInOrder() throws {
    let dataset = try Dataset.read(files(), split: "test")
    #expect(dataset.layout == .voc)
    #expect(dataset.pictures.map(\.name) == ["b", "a"])
    #expect(dataset.pictures.map(\.path) == ["JPEGImages/b.jpg", "JPEGImages/a.jpg"])
    #expect(dataset.pictures.map(\.marks.count) == [0, 1])
    #expect(dataset.splits == ["test", "train"])
  }

  /// Classes have the same numbers whichever list is read.
  @Test func labelsAreThoseOfTheWholeSet() throws {
    #expect(try Dataset.read(files(), split: "test").labels == ["cat", "dog"])
    #expect(try Dataset.read(files(), split: "train").labels == ["cat", "dog"])
    #expect(try Dataset.read(files()).split == "test")
  }

  @Test func aSplitThatIsNotThereIsToldWithThoseThatAre() {
    #expect {
      try Dataset.read(files(), split: "val")
    } throws: { "\($0)".contains("there are: test, train") }
  }

  @Test(arguments: [
    "\u{FEFF}a\n", "a.jpg\n", "JPEGImages/a.jpg\n", "/data/VOC/JPEGImages/a.jpg\r\n", "a\rb\r",
  ])
  func listsAreReadAsPeopleWriteThem(_ list: String) throws {
    #expect(try Dataset.read(files(list: list), split: "test").pictures.first?.name == "a")
  }

  @Test func namesMayHaveSpaces() throws {
    var files = files(list: "my pic\n")
    files["Annotations/my pic.xml"] = Self.xml("dog")
    files["JPEGImages/my pic.JPG"] = ""
    #expect(
      try Dataset.read(files, split: "test").pictures.map(\.path) == ["JPEGImages/my pic.JPG"])
  }

  @Test(arguments: ["jpg", "JPG", "jpeg", "JPEG", "png", "PNG"])
  func picturesAreFoundWhateverTheirExtension(_ end: String) throws {
    var files = files(list: "a\n")
    files["JPEGImages/a.jpg"] = nil
    files["JPEGImages/a.\(end)"] = ""
    #expect(try Dataset.read(files, split: "test").pictures.map(\.path) == ["JPEGImages/a.\(end)"])
  }

  @Test func aMissingPictureIsToldBeforeTheWork() {
    var files = files()
    files["JPEGImages/a.jpg"] = nil
    #expect {
      try Dataset.read(files, split: "test")
    } throws: { ($0 as? DatasetError)?.reason == .missingPictures(["a"]) }
  }

  @Test func withoutListsAllAnnotatedPicturesAreTaken() throws {
    let files = files().filter { !$0.key.hasPrefix("ImageSets") }
    let dataset = try Dataset.read(files)
    #expect(dataset.pictures.map(\.name) == ["a", "b", "c"])
    #expect(dataset.remarks.map(\.kind) == [.reading])
  }

  @Test func listsMayStandAbove() throws {
    let files = Dictionary(
      uniqueKeysWithValues: files().map {
        ($0.key.replacing("ImageSets/Main", with: "ImageSets"), $0.value)
      })
    #expect(try Dataset.read(files, split: "test").pictures.count == 2)
  }

  @Test func theFolderAboveIsUnderstood() throws {
    let files = Dictionary(
      uniqueKeysWithValues: files().map { ("VOCdevkit/VOC2007/\($0.key)", $0.value) })
    let dataset = try Dataset.read(files, split: "test")
    #expect(dataset.pictures.map(\.path).first == "VOCdevkit/VOC2007/JPEGImages/b.jpg")
  }

  @Test func picturesAndAnnotationsMayLieSideBySide() throws {
    let files = [
      "train/a_jpg.rf.1.jpg": "", "train/a_jpg.rf.1.xml": Self.xml("dog"), "valid/b.jpg": "",
      "valid/b.xml": Self.xml("cat"),
    ]
    let dataset = try Dataset.read(files)
    #expect(dataset.split == "valid")
    #expect(dataset.pictures.map(\.path) == ["valid/b.jpg"])
    #expect(dataset.labels == ["cat", "dog"])
    #expect(
      try Dataset.read(files, split: "train").pictures.map(\.path) == ["train/a_jpg.rf.1.jpg"])
  }

  @Test(arguments: [
    "../../etc/passwd", "..", ".hidden", "a//b", "a\u{0}b", "000001 -1", "a.jpg 1,2,3,4,0", "",
    " \n\n", String(repeating: "x", count: 1001),
  ])
  func namesThatLeadElsewhereAreRefused(list: String) {
    #expect(throws: DatasetError.self) { try Dataset.read(files(list: list), split: "test") }
  }

  @Test func theLineOfABadNameIsTold() {
    #expect(
      throws: DatasetError(
        .invalidListEntry("'../x' is no name of a picture in this folder"),
        path: "ImageSets/Main/test.txt", line: 3)
    ) { try Dataset.read(files(list: "a\n\n../x\n"), split: "test") }
  }

  @Test func errorsCannotRuleATerminal() {
    #expect {
      try Dataset.read(files(list: "..\u{1B}[2J\n"), split: "test")
    } throws: { !"\($0)".unicodeScalars.contains("\u{1B}") && "\($0)".contains("1b") }
  }

  @Test func aFolderThatIsNoDatasetIsToldWhatOneIs() {
    #expect {
      try Dataset.read(["readme.md": ""])
    } throws: { "\($0)".contains("VOC") && "\($0)".contains("COCO") && "\($0)".contains("YOLO") }
  }
}
