import Detection
import FasterRCNN
import Files
import Foundation
import Glibc
import Images
import Tensors
import Testing

@testable import Batch

@Suite struct ResultFileTests {
  /// Pictures by their names.
  private struct Pictures: PictureSource {
    var names: ArraySlice<String>
    var index = 0

    init(_ names: [String]) { self.names = names[...] }

    mutating func next() -> PictureEntry? {
      defer { index += 1 }
      return names.popFirst().map { PictureEntry(index: index, name: FileName($0)) }
    }
  }

  private let names = ["a.jpg", "b \"x\",\ny.jpg", "c.jpg", "c.jpg", "d.jpg"]

  private func writer(_ format: ResultFormat) throws -> RowWriter {
    RowWriter(format, model: try Model.embedded().description, parameters: .init())
  }

  /// The rows of a picture: two objects in those whose name begins with c, a failure for d, nothing else.
  private func rows(_ writer: RowWriter, _ entry: PictureEntry) throws -> [UInt8] {
    let name = try #require(entry.name?.text)
    if name.hasPrefix("d") {
      return writer.row(of: entry, failure: BatchError(.brokenInput, "no \"picture\", this"))
    }
    var result = DetectionResult(
      proposals: [], objects: [], imageSize: PictureSize(height: 4, width: 6))
    if name.hasPrefix("c") {
      result.objects = [0.9, 0.5].map {
        DetectedObject(
          box: BoundingBox(yMin: 1, xMin: 2, yMax: 3, xMax: 4.5), score: $0, classID: 1,
          proposalIndex: 0)
      }
    }
    return try writer.rows(of: entry, picture: ImageDecoder().decode(Self.png), result: result)
  }

  private func record(
    labels: [String]? = nil, _ parameters: DetectionParameters = .init()
  ) throws -> RunRecord {
    RunRecord(try Model.embedded(options: .init(labels: labels)), parameters: parameters)
  }

  /// Any picture of 6 x 4, whose header stands for all.
  private static let png =
    (try? Image(width: 6, height: 4, pixels: [UInt8](repeating: 0, count: 72))
      .encoded(as: .png)) ?? []

  private func run(
    _ folder: TestFolder, _ format: ResultFormat, names: [String], record: RunRecord? = nil,
    isResumed: Bool
  ) throws -> Int {
    let writer = try writer(format)
    let file = try ResultFile(
      folder.name("out"), writer: writer, record: record ?? self.record(), isResumed: isResumed)
    var source = Pictures(names)
    var (done, entry) = try file.begin(&source)
    while let picture = entry {
      try file.append(rows(writer, picture))
      entry = source.next()
    }
    try file.finish()
    return done
  }

  @Test(arguments: ResultFormat.allCases)
  func goesOnFromWhereverItWasEnded(format: ResultFormat) throws {
    let folder = try TestFolder()
    #expect(try run(folder, format, names: names, isResumed: false) == 0)
    let whole = try folder.text(of: "out")
    // COCO's rows are kept beside the document until it is there.
    let place = format == .coco ? "out.rows" : "out"
    let rows: String
    if format == .coco {
      let writer = try writer(format)
      var source = Pictures(names)
      var bytes: [UInt8] = []
      while let entry = source.next() { bytes += try self.rows(writer, entry) }
      rows = String(decoding: bytes, as: UTF8.self)
    } else {
      rows = whole
    }
    for length in 0...rows.utf8.count {
      try? FileManager.default.removeItem(at: folder.url.appending(path: "out"))
      try folder.write(String(decoding: rows.utf8.prefix(length), as: UTF8.self), to: place)
      try record().write(besides: folder.name(place))
      let done = try run(folder, format, names: names, isResumed: true)
      #expect(try folder.text(of: "out") == whole, "cut after \(length) bytes")
      #expect(done <= names.count)
    }
    // COCO's rows are no more, and what was kept beside them went with them.
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(Set(left) == (format == .coco ? ["out"] : ["out", "out.run"]))
  }

  @Test(arguments: ResultFormat.allCases)
  func refusesRowsOfAnotherModelOrOtherOptions(format: ResultFormat) throws {
    let folder = try TestFolder()
    let place = format == .coco ? "out.rows" : "out"
    let writer = try writer(format)
    var source = Pictures(names)
    let first = source.next()
    let bytes = try writer.head + rows(writer, #require(first))
    try Data(bytes).write(to: folder.url.appending(path: place))

    // Nothing says what they were made with.
    #expect(throws: BatchError.self) { try run(folder, format, names: names, isResumed: true) }
    try record().write(besides: folder.name(place))
    let others = [
      try record(labels: ["x", "y", "z"]), try record(.init(scoreThreshold: 0.5)),
      try record(.init(nmsThreshold: 0.5)), try record(.init(maximumDetections: 3)),
      try record(.init(classes: [2, 0])),
    ]
    for other in others {
      let error = try #require(throws: BatchError.self) {
        try run(folder, format, names: names, record: other, isResumed: true)
      }
      #expect(error.kind == .usage)
    }
    var precise = try record()
    precise.add("precision", "bf16")
    #expect(throws: BatchError.self) {
      try run(folder, format, names: names, record: precise, isResumed: true)
    }
    // Nothing was changed, and with the same model and options it goes on.
    #expect(try Data(contentsOf: folder.url.appending(path: place)) == Data(bytes))
    #expect(try run(folder, format, names: names, isResumed: true) == (format == .csv ? 0 : 1))
  }

  @Test(arguments: ResultFormat.allCases)
  func refusesRowsOfAnotherInput(format: ResultFormat) throws {
    let folder = try TestFolder()
    let writer = try writer(format)
    var bytes = writer.head
    var source = Pictures(names)
    for _ in 0..<3 {
      let entry = source.next()
      bytes += try rows(writer, #require(entry))
    }
    let place = format == .coco ? "out.rows" : "out"
    try Data(bytes).write(to: folder.url.appending(path: place))
    try record().write(besides: folder.name(place))
    #expect(throws: BatchError.self) {
      try run(folder, format, names: ["a.jpg", "other.jpg"] + names, isResumed: true)
    }
    // Nothing was changed.
    #expect(try Data(contentsOf: folder.url.appending(path: place)) == Data(bytes))
  }

  @Test func refusesToWriteOverResults() throws {
    let folder = try TestFolder()
    #expect(try run(folder, .jsonLines, names: names, isResumed: false) == 0)
    #expect(throws: BatchError.self) {
      try run(folder, .jsonLines, names: names, isResumed: false)
    }
  }

  @Test func refusesASecondWriter() throws {
    let folder = try TestFolder()
    let first = try ResultFile(
      folder.name("out"), writer: writer(.csv), record: nil, isResumed: false)
    #expect(throws: BatchError.self) {
      try ResultFile(folder.name("out"), writer: writer(.csv), record: nil, isResumed: true)
    }
    withExtendedLifetime(first) {}
  }

  @Test func rowsAreJSONThatNamesItsPicture() throws {
    struct Row: Decodable {
      struct Failure: Decodable {
        var status: Int
        var detail: String
      }
      var index: Int
      var file: String
      var file_hex: String?
      var error: Failure?
    }
    let writer = try writer(.jsonLines)
    let failed = PictureEntry(index: 7, name: FileName([0x64, 0xE9]))
    let row = try JSONDecoder().decode(
      Row.self, from: Data(writer.row(of: failed, failure: BatchError(.missingInput, "x"))))
    #expect(row.index == 7)
    #expect(row.file == "d\u{FFFD}")
    #expect(row.file_hex == "64e9")
    #expect(row.error?.status == 66)
    let found = try JSONDecoder().decode(
      Row.self, from: Data(rows(writer, PictureEntry(index: 0, name: FileName("c\n")))))
    #expect(found.file == "c\n")
    #expect(found.error == nil)
  }

  @Test func theDocumentIsCOCOs() throws {
    struct Document: Decodable {
      struct Category: Decodable {
        var id: Int
        var name: String
      }
      struct Picture: Decodable {
        var id: Int
        var file_name: String
        var width: Int?
      }
      struct Annotation: Decodable {
        var id: Int
        var image_id: Int
        var category_id: Int
        var bbox: [Float]
        var area: Float
        var score: Float
      }
      var categories: [Category]
      var images: [Picture]
      var annotations: [Annotation]
    }
    let folder = try TestFolder()
    _ = try run(folder, .coco, names: names, isResumed: false)
    let document = try JSONDecoder().decode(
      Document.self, from: Data(contentsOf: folder.url.appending(path: "out")))
    #expect(document.categories.map(\.id) == [1, 2, 3])
    #expect(document.images.map(\.file_name) == names)
    #expect(document.images.map(\.width) == [6, 6, 6, 6, nil])
    #expect(document.annotations.map(\.image_id) == [3, 3, 4, 4])
    #expect(Set(document.annotations.map(\.id)).count == 4)
    #expect(document.annotations[0].bbox == [2, 1, 2.5, 2])
    #expect(document.annotations[0].area == 5)
    #expect(document.annotations[0].category_id == 2)
  }

  @Test func aDeviceThatIsFullIsToldAndNotReplaced() throws {
    let file = try ResultFile(
      FileName("/dev/full"), writer: writer(.jsonLines), record: record(), isResumed: false)
    #expect(throws: BatchError.self) { try file.append([1]) }
    #expect(FileName("/dev/full").kind == .other)
  }
}
