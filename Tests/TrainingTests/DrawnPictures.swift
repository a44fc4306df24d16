import Detection
import Images
import Tensors

@testable import Training

/// Small pictures drawn here: squares and crosses on noise.
enum DrawnPictures {
  static let labels = ["square", "cross"]

  static let side = 96

  /// The picture of a number: two or three objects of both kinds, nowhere overlapping.
  static func example(_ number: Int) -> TrainingExample {
    var generator = SplitMix64(seed: UInt64(number) &* 0x1234_5678_9ABC)
    func draw(_ count: Int) -> Int { Int(generator.next() >> 33) % count }
    var pixels = (0..<3 * side * side).map { _ in UInt8(100 + draw(20)) }
    var objects: [TrainingExample.Object] = []
    for quarter in 0..<(2 + number % 2) {
      let size = 24 + draw(14)
      let top = quarter / 2 * 48 + draw(46 - size), left = quarter % 2 * 48 + draw(46 - size)
      let kind = (quarter + number) % 2
      for y in 0..<size {
        for x in 0..<size {
          let isArm = abs(2 * y - size) < size / 2 || abs(2 * x - size) < size / 2
          guard kind == 0 || isArm else { continue }
          let place = 3 * ((top + y) * side + left + x)
          pixels[place] = kind == 0 ? 220 : 30
          pixels[place + 1] = kind == 0 ? 60 : 200
          pixels[place + 2] = UInt8(60 + draw(10))
        }
      }
      objects.append(
        TrainingExample.Object(
          box: BoundingBox(
            yMin: Float(top), xMin: Float(left), yMax: Float(top + size), xMax: Float(left + size)),
          classIndex: kind))
    }
    return TrainingExample(
      name: "drawn \(number)", picture: Image(width: side, height: side, pixels: pixels),
      objects: objects)
  }
}
