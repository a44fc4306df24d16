import Datasets
import Detection
import Foundation
import Images
import Tensors
import Testing
import Training

@testable import TrainingData

/// A folder of PNG pictures that is removed at the end.
final class PictureFolder: Sendable {
  let url: URL

  init(_ pictures: [String: Image], broken: [String] = []) throws {
    url = FileManager.default.temporaryDirectory.appending(path: "frcnn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    for (name, image) in pictures {
      try Data(image.encoded(as: .png)).write(to: url.appending(path: name))
    }
    for name in broken {
      try Data("no picture".utf8).write(to: url.appending(path: name))
    }
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func set(_ pictures: [AnnotatedPicture], labels: [String] = ["cat", "dog"]) -> AnnotatedSet {
    AnnotatedSet(
      pictures: pictures, labels: labels, reader: AnnotatedPictureReader(root: url.path))
  }
}

extension ImageFormat {
  static var png: ImageFormat {
    guard let format = ImageFormat.all.first(where: { $0.identifier == "png" }) else {
      preconditionFailure("a build without PNG")
    }
    return format
  }
}

private func plain(_ width: Int = 40, _ height: Int = 30) -> Image {
  Image(width: width, height: height, pixels: [UInt8](repeating: 90, count: 3 * width * height))
}

private func mark(
  _ label: String, _ xMin: Float, _ yMin: Float, _ xMax: Float, _ yMax: Float
) -> AnnotatedObject {
  AnnotatedObject(
    label: label, box: BoundingBox(yMin: yMin, xMin: xMin, yMax: yMax, xMax: xMax))
}

@Suite struct DatasetCheckTests {
  @Test func everythingThatIsWrongStandsInOneList() throws {
    let folder = try PictureFolder(
      ["good.png": plain(), "empty.png": plain(), "edge.png": plain(), "size.png": plain(50, 30)],
      broken: ["broken.png"])
    let set = folder.set([
      AnnotatedPicture(
        name: "good", path: "good.png",
        marks: [mark("cat", 1, 1, 20, 20), mark("cat", 5, 5, 30, 25), mark("bird", 1, 1, 9, 9)]),
      AnnotatedPicture(name: "empty", path: "empty.png"),
      AnnotatedPicture(
        name: "edge", path: "edge.png",
        marks: [
          mark("cat", 10, 10, 60, 20), mark("cat", 41, 0, 50, 10), mark("dog", 0, 0, 40.5, 30),
        ]),
      AnnotatedPicture(
        name: "size", path: "size.png", statedSize: PictureSize(height: 30, width: 40),
        marks: [mark("cat", 0, 0, 40, 30)]),
      AnnotatedPicture(name: "broken", path: "broken.png", marks: [mark("dog", 0, 0, 9, 9)]),
      AnnotatedPicture(name: "missing", path: "missing.png", marks: [mark("dog", 0, 0, 9, 9)]),
    ])
    var check = DatasetCheck(
      set, remarks: [DatasetRemark(.emptyBox, path: "good.xml", line: 3, "covers nothing")])
    check.note(otherPart: [AnnotatedPicture(name: "good", path: "good.png")])
    func texts(_ kind: DatasetCheck.Finding.Kind) -> [String] {
      check.findings.filter { $0.kind == kind }.map(\.text)
    }
    #expect(texts(.unreadable).count == 2)
    #expect(texts(.unreadable)[0].contains("broken.png"))
    #expect(texts(.unreadable)[1].contains("missing.png: cannot open it"))
    #expect(
      texts(.outside) == [
        "edge.png: a box of cat at (10, 10, 60, 20) crosses the edge of the picture of 40x30: cut",
        "edge.png: a box of cat at (41, 0, 50, 10) lies outside the picture of 40x30: left out",
      ])
    #expect(texts(.remark) == ["good.xml:3: covers nothing"])
    #expect(texts(.unknownLabel).first?.hasPrefix("1 objects are called bird") == true)
    #expect(texts(.rareClass).first?.contains("dog has one example") == true)
    #expect(texts(.otherSize).count == 1)
    #expect(texts(.inBothParts).count == 1)
    #expect(texts(.unmarked).first?.contains("1 of 4 pictures") == true)
    #expect(check.findings.map(\.kind.rawValue) == check.findings.map(\.kind.rawValue).sorted())
    #expect(check.usable.map(\.name) == ["good", "empty", "edge", "size"])
    #expect(check.objectCounts == [4, 1])
    #expect(check.hasObjects)
  }

  @Test func aSetThatMarksNothingHasNothingToLearn() throws {
    let folder = try PictureFolder(["a.png": plain()])
    let check = DatasetCheck(folder.set([AnnotatedPicture(name: "a", path: "a.png")]))
    #expect(!check.hasObjects)
    #expect(check.findings.filter { $0.kind == .rareClass }.count == 2)
  }

  @Test func boxesOfASetAreCutAndDifficultOnesMarked() throws {
    let folder = try PictureFolder(["a.png": plain()])
    var difficult = mark("dog", -5, -5, 10, 10)
    difficult.isDifficult = true
    let set = folder.set([
      AnnotatedPicture(
        name: "a", path: "a.png", unit: .parts,
        marks: [mark("cat", 0.5, 0.5, 1.5, 1.5), mark("bird", 0, 0, 1, 1)]),
      AnnotatedPicture(name: "a", path: "a.png", marks: [difficult, mark("cat", 50, 0, 60, 9)]),
    ])
    let parts = try set.example(at: 0)
    #expect(
      parts.objects == [
        .init(box: BoundingBox(yMin: 15, xMin: 20, yMax: 30, xMax: 40), classIndex: 0)
      ])
    let cut = try set.example(at: 1)
    #expect(
      cut.objects == [
        .init(
          box: BoundingBox(yMin: 0, xMin: 0, yMax: 10, xMax: 10), classIndex: 1, isIgnored: true)
      ])
  }
}

@Suite struct PictureFeedTests {
  @Test func picturesComeInTheirOrderFromAnyPlace() throws {
    let images = Dictionary(
      uniqueKeysWithValues: (0..<5).map { ("\($0).png", plain(8 + $0, 8)) })
    let folder = try PictureFolder(images)
    let set = folder.set(
      (0..<5).map {
        AnnotatedPicture(name: "\($0)", path: "\($0).png", marks: [mark("cat", 1, 1, 6, 6)])
      })
    let feed = try PictureFeed(set, augmentation: .standard, seed: 7)
    let items = try (0..<12).map { _ in try feed.next() }
    var order = PictureOrder(count: 5, seed: 7)
    #expect(items.map(\.position) == Array(0..<12))
    #expect(items.map(\.place) == (0..<12).map { order.place(at: $0) })
    let later = try PictureFeed(
      set, augmentation: .standard, seed: 7, from: 8, limits: .init(pictures: 1, bytes: 1))
    for position in 8..<12 {
      let item = try later.next()
      #expect(item.place == items[position].place)
      #expect(item.example.picture == items[position].example.picture)
      #expect(item.example.objects == items[position].example.objects)
    }
  }

  @Test func whatCannotBeReadIsToldWithItsName() throws {
    let folder = try PictureFolder([:], broken: ["x.png"])
    let set = folder.set([AnnotatedPicture(name: "x", path: "x.png")])
    let feed = try PictureFeed(set, augmentation: .none, seed: 0)
    #expect(throws: TrainingSetError.self) { try feed.next() }
    #expect(throws: TrainingSetError.self) { try feed.next() }
  }
}

@Suite struct AnchorScaleTests {
  @Test func anchorsAreAsLargeAsTheObjects() throws {
    // Squares of 20, 40 and 80 pixels in equal numbers; the picture is seen at twice its size.
    let folder = try PictureFolder(["a.png": plain(300, 240)])
    let marks = [Float(20), 40, 80].flatMap { side in
      (0..<5).map { mark("cat", Float($0), 0, Float($0) + side, side) }
    }
    let check = DatasetCheck(
      folder.set([AnnotatedPicture(name: "a", path: "a.png", marks: marks)]))
    #expect(check.anchorScales(minimumSide: 480, maximumSide: 1000) == [2.5, 5, 10])
    // The longer side allows no more than 1.5 times.
    #expect(check.anchorScales(minimumSide: 480, maximumSide: 450) == [1.9, 3.8, 7.5])
    let alike = DatasetCheck(
      folder.set([
        AnnotatedPicture(name: "a", path: "a.png", marks: [mark("cat", 0, 0, 64, 64)])
      ]))
    #expect(alike.anchorScales(minimumSide: 240, maximumSide: 1000) == [4, 6, 9])
    let empty = DatasetCheck(folder.set([AnnotatedPicture(name: "a", path: "a.png")]))
    #expect(empty.anchorScales(minimumSide: 240, maximumSide: 1000) == nil)
  }
}
