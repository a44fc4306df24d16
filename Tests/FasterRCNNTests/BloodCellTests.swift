import Detection
import Foundation
import Images
import Tensors
import Testing

@testable import FasterRCNN

/// The embedded model against what PyTorch answers with the same weights on pictures of BCCD.
///
/// The weights are stored as float16 and computed in float32; proposals whose scores are close swap
/// places, which moves what NMS keeps: hence 99 % of the proposals within half a pixel.
@Suite(.serialized) struct BloodCellTests {
  struct Reference: Decodable {
    struct Picture: Decodable {
      struct Object: Decodable {
        var class_id: Int
        var box: [Float]
        var score: Float
      }
      var proposals: [[Float]]
      var detections: [Object]
    }
    var pictures: [String: Picture]
  }

  static func box(_ xyxy: [Float]) -> BoundingBox {
    BoundingBox(yMin: xyxy[1], xMin: xyxy[0], yMax: xyxy[3], xMax: xyxy[2])
  }

  @Test(Golden.needsBloodCells) func referenceAnswersAreMet() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: Golden.path("bloodcell.golden.json")))
    let reference = try JSONDecoder().decode(Reference.self, from: data)
    #expect(reference.pictures.count >= 8)
    let detector = try Detector(model: .embedded())
    #expect(detector.model.labels == ["RBC", "WBC", "Platelets"])
    for (name, wanted) in reference.pictures {
      let image = try Golden.image(String(name.dropLast(4)))
      let result = try detector.detect(.image(image))
      let met = wanted.proposals.filter { proposal in
        result.proposals.contains { $0.box.distance(to: Self.box(proposal)) <= 0.5 }
      }
      #expect(met.count * 100 >= wanted.proposals.count * 99, "\(name): \(met.count) proposals")
      let objects = wanted.detections.map {
        ExpectedObject(box: Self.box($0.box), classID: $0.class_id, score: $0.score)
      }
      let left = ExpectedObject.pair(
        objects, with: result.objects, distance: 0.5, difference: 0.01)
      // Detections near the threshold of 0.05 may fall on either side of it.
      #expect(left.missing.filter { $0.score >= 0.06 } == [], "\(name)")
      #expect(left.surplus.filter { $0.score >= 0.07 } == [], "\(name)")
    }
  }

  /// Either is resized to fewer pixels than the four poolings leave one of.
  @Test(arguments: [(1, 100), (1000, 3)])
  func aPictureTooNarrowForTheNetworkIsRefused(height: Int, width: Int) throws {
    let detector = try Detector(model: .embedded())
    let pixels = [UInt8](repeating: 128, count: 3 * height * width)
    let error = #expect(throws: DetectorError.self) {
      try detector.detect(.image(Image(width: width, height: height, pixels: pixels)))
    }
    guard case .image(.unusableShape) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    // One that leaves a cell is looked at.
    let narrow = Image(width: 20, height: 1, pixels: Array(pixels.prefix(60)))
    #expect(try detector.detect(.image(narrow)).imageSize.width == 20)
  }

  /// Boxes and scores equal but for float32 sums in another order.
  static func expectSame(_ a: DetectionResult, _ b: DetectionResult, _ comment: Comment) {
    #expect(a.objects.count == b.objects.count, comment)
    for (x, y) in zip(a.objects, b.objects) {
      #expect(x.classID == y.classID && x.box.distance(to: y.box) < 0.05, comment)
      #expect(abs(x.score - y.score) < 1e-3, comment)
    }
  }

  /// The project's own picture, which a script draws.
  static func example() throws -> Image {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/images/example.jpg")
    return try ImageDecoder().decode(Array(Data(contentsOf: url))).image
  }

  @Test func theExampleShowsAllThreeClasses() throws {
    let result = try Detector(model: .embedded()).detect(.image(Self.example()))
    let sure = result.objects.filter { $0.score > 0.5 }
    #expect(Set(sure.map(\.classID)) == [0, 1, 2])
    #expect(result.proposals.count == 300)
    for stage in [Stage.resize, .backbone, .rpn, .proposals, .roiPooling, .head, .postprocess] {
      #expect(result.timings[stage] ?? .zero > .zero, "\(stage)")
    }
  }

  @Test func threadCountChangesNothingButRounding() throws {
    let image = try Self.example()
    let one = try Detector(model: .embedded(), options: .init(threadCount: 1))
    let three = try Detector(model: .embedded(), options: .init(threadCount: 3))
    Self.expectSame(try one.detect(.image(image)), try three.detect(.image(image)), "threads")
  }

  @Test func picturesThatShareARunGetWhatTheyGetAlone() throws {
    let image = try Self.example()
    var pixels: [UInt8] = []
    for y in 0..<image.height {
      for x in (0..<image.width).reversed() {
        pixels += image.pixels[(y * image.width + x) * 3..<(y * image.width + x + 1) * 3]
      }
    }
    let flipped = Image(width: image.width, height: image.height, pixels: pixels)
    let detector = try Detector(model: .embedded())
    let together = try detector.detect(batch: [image, flipped])
    Self.expectSame(together[0], try detector.detect(.image(image)), "first")
    Self.expectSame(together[1], try detector.detect(.image(flipped)), "second")
  }

  @Test func otherSizesInBetweenChangeNothing() throws {
    let image = try Self.example()
    let detector = try Detector(model: .embedded(), options: .init(keptPlans: 1))
    let before = try detector.detect(.image(image))
    let small = Image(
      width: 33, height: 57, pixels: [UInt8](repeating: 200, count: 3 * 33 * 57))
    _ = try detector.detect(.image(small))
    let after = try detector.detect(.image(image))
    #expect(before.objects == after.objects)
    #expect(before.proposals == after.proposals)
  }

  @Test func parametersNarrowTheAnswer() throws {
    let image = try Self.example()
    let detector = try Detector(model: .embedded())
    let all = try detector.detect(.image(image)).objects
    let sure = try detector.detect(.image(image), parameters: .init(scoreThreshold: 0.6)).objects
    #expect(sure == all.filter { $0.score > 0.6 })
    let white = try detector.detect(.image(image), parameters: .init(classes: [1])).objects
    #expect(white == all.filter { $0.classID == 1 })
    let three = try detector.detect(.image(image), parameters: .init(maximumDetections: 3)).objects
    #expect(three == Array(all.prefix(3)))
    let overlapping = try detector.detect(.image(image), parameters: .init(nmsThreshold: 1)).objects
    #expect(overlapping.count > all.count)
  }

  @Test func cancelledWorkStops() throws {
    let image = try Self.example()
    let detector = try Detector(model: .embedded())
    #expect {
      _ = try detector.detect(.image(image), isCancelled: { true })
    } throws: { error in
      if case .cancelled? = error as? DetectorError { true } else { false }
    }
    // And the next picture is served.
    #expect(try !detector.detect(.image(image)).objects.isEmpty)
  }

  @Test func eightCallersAtOnceGetWhatOneGets() async throws {
    let image = try Self.example()
    let detector = try Detector(model: .embedded())
    let alone = try detector.detect(.image(image))
    try await withThrowingTaskGroup(of: DetectionResult.self) { group in
      for _ in 0..<8 { group.addTask { try detector.detect(.image(image)) } }
      for try await result in group {
        #expect(result.objects == alone.objects && result.proposals == alone.proposals)
      }
    }
  }
}
