import Detection
import Images
import Tensors
import Testing
import Training

@testable import TrainingData

/// Pictures in which objects are full rectangles of a colour that occurs nowhere else, so that a box can
/// be read from the pixels again.
private func drawn(_ boxes: [BoundingBox], width: Int = 120, height: Int = 80) -> TrainingExample {
  var canvas = Canvas(
    Image(width: width, height: height, pixels: [UInt8](repeating: 60, count: 3 * width * height)))
  for (index, box) in boxes.enumerated() {
    canvas.fill(
      columns: Int(box.xMin)..<Int(box.xMax), rows: Int(box.yMin)..<Int(box.yMax),
      colour: [Colour(red: 255, green: 0, blue: 0), Colour(red: 0, green: 0, blue: 255)][index])
  }
  return TrainingExample(
    name: "drawn", picture: canvas.image,
    objects: boxes.enumerated().map { .init(box: $1, classIndex: $0) })
}

/// The edges of what has an object's colour: halfway between its pixels and the others.
private func box(ofColour channel: Int, in image: Image) -> BoundingBox? {
  var box: BoundingBox?
  for y in 0..<image.height {
    for x in 0..<image.width {
      let pixel = (0..<3).map { Int(image.pixels[3 * (y * image.width + x) + $0]) }
      let others = (0..<3).filter { $0 != channel }.map { pixel[$0] }
      // Between the colour (255) and the ground (60) lies 157; the surround is grey.
      guard pixel[channel] > 157, others.allSatisfy({ $0 < 40 }) else { continue }
      let (left, top) = (Float(x), Float(y))
      let known = box ?? BoundingBox(yMin: top, xMin: left, yMax: top + 1, xMax: left + 1)
      box = BoundingBox(
        yMin: min(known.yMin, top), xMin: min(known.xMin, left), yMax: max(known.yMax, top + 1),
        xMax: max(known.xMax, left + 1))
    }
  }
  return box
}

@Suite struct AugmentationTests {
  private let boxes = [
    BoundingBox(yMin: 10, xMin: 15, yMax: 35, xMax: 45),
    BoundingBox(yMin: 45, xMin: 70, yMax: 75, xMax: 105),
  ]

  @Test func nothingChangesWhereNothingIsAskedFor() {
    let example = drawn(boxes)
    let seen = Augmentation.none.seen(example, seed: 3, epoch: 5, index: 7)
    #expect(seen.picture == example.picture)
    #expect(seen.objects == example.objects)
  }

  @Test func mirroredPixelsAndBoxesAreThoseOfTheOtherSide() {
    let example = drawn(boxes)
    let seen = Augmentation(horizontalFlip: 1).seen(example, seed: 1, epoch: 0, index: 0)
    for y in stride(from: 0, to: 80, by: 7) {
      for x in 0..<120 {
        let (from, to) = (3 * (y * 120 + x), 3 * (y * 120 + 119 - x))
        #expect(seen.picture.pixels[to..<to + 3] == example.picture.pixels[from..<from + 3])
      }
    }
    #expect(seen.objects[0].box == BoundingBox(yMin: 10, xMin: 75, yMax: 35, xMax: 105))
    let upside = Augmentation(verticalFlip: 1).seen(example, seed: 1, epoch: 0, index: 0)
    #expect(upside.objects[1].box == BoundingBox(yMin: 5, xMin: 70, yMax: 35, xMax: 105))
    #expect(box(ofColour: 2, in: upside.picture) == upside.objects[1].box)
  }

  @Test(arguments: 0..<40)
  func boxesFollowWhatIsSeen(of index: Int) throws {
    let example = drawn(boxes)
    let augmentation = Augmentation(
      horizontalFlip: 0.5, verticalFlip: 0.5, scaleJitter: 1.5, crop: 0.5, minimumCropShare: 0.5)
    let seen = augmentation.seen(example, seed: 11, epoch: 2, index: index)
    #expect(seen.picture.size == example.picture.size)
    #expect(!seen.objects.isEmpty, "every object is gone")
    for object in seen.objects {
      let found = try #require(box(ofColour: object.classIndex * 2, in: seen.picture))
      // An edge lies up to half a source pixel, 0.75 at this zoom, from where a colour turns.
      #expect(IntersectionOverUnion.of(found, object.box) > 0.9, "\(found) \(object.box)")
      #expect(abs(found.xMin - object.box.xMin) <= 1.5 && abs(found.yMax - object.box.yMax) <= 1.5)
    }
    for channel in [0, 2] where !seen.objects.contains(where: { $0.classIndex * 2 == channel }) {
      // An object that is not told any more is nearly out of sight: a tenth of its area at most, at a
      // zoom of up to 3.
      let rest = box(ofColour: channel, in: seen.picture)
      let original = boxes[channel / 2]
      let area = rest.map { $0.width * $0.height } ?? 0
      #expect(area <= 0.1 * original.width * original.height * 9 + 8)
    }
  }

  @Test func whatIsDrawnDependsOnSeedEpochAndPictureAlone() {
    let example = drawn(boxes)
    let standard = Augmentation.standard
    let once = standard.seen(example, seed: 1, epoch: 2, index: 3)
    let again = standard.seen(example, seed: 1, epoch: 2, index: 3)
    #expect(once.picture == again.picture && once.objects == again.objects)
    for (seed, epoch, index) in [(2, 2, 3), (1, 3, 3), (1, 2, 4)] {
      let other = standard.seen(example, seed: UInt64(seed), epoch: epoch, index: index)
      #expect(other.picture != once.picture)
    }
  }

  @Test func coloursStayWithinTheirBounds() {
    let grey = TrainingExample(
      name: "grey",
      picture: Image(width: 4, height: 4, pixels: [UInt8](repeating: 100, count: 48)), objects: [])
    var seen: Set<UInt8> = []
    for epoch in 0..<200 {
      let picture = Augmentation(brightness: 0.2, colour: 0.1)
        .seen(grey, seed: 0, epoch: epoch, index: 0).picture
      seen.formUnion(picture.pixels)
    }
    // 100 * (1 ± 0.2) * (1 ± 0.1) ± 255 * 0.2 / 4, rounded.
    #expect(seen.allSatisfy { (59...145).contains($0) })
    #expect((seen.min() ?? 255) < 85 && (seen.max() ?? 0) > 115)
  }

  @Test func aPictureWithoutObjectsIsCroppedToo() {
    let empty = TrainingExample(
      name: "empty", picture: drawn(boxes).picture, objects: [])
    let seen = Augmentation(crop: 1, minimumCropShare: 0.5).seen(empty, seed: 4, epoch: 0, index: 0)
    #expect(seen.objects.isEmpty && seen.picture != empty.picture)
  }
}
