import Checkpoints
import Detection
import Foundation
import Images
import Tensors
import Testing

@testable import FasterRCNN

/// What a family's own code answers, cut with PyTorch 2.15, torchvision 0.29, Chainer 7.8.1 and
/// chainercv 0.13.1 in float32 on a CPU.
struct Golden {
  let state: StateDictionary

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  init(_ name: String) throws {
    state = try Checkpoint.open(Self.path(name)).stateDictionary
  }

  func values(_ name: String) throws -> [Float] {
    try #require(state[name], "no golden \(name)").float32Values()
  }

  /// Boxes stored as rows of (y_min, x_min, y_max, x_max).
  func boxes(_ name: String) throws -> [BoundingBox] {
    let values = try values(name)
    return stride(from: 0, to: values.count, by: 4).map {
      BoundingBox(
        yMin: values[$0], xMin: values[$0 + 1], yMax: values[$0 + 2], xMax: values[$0 + 3])
    }
  }

  /// Proposals in pixels of the resized picture, in the order in which their family stores them.
  func proposals(_ name: String) throws -> [BoundingBox] {
    if state[name] != nil { return try boxes(name) }
    if state[name + "_yxyx"] != nil { return try boxes(name + "_yxyx") }
    return try boxes(name + "_xyxy").map {
      BoundingBox(yMin: $0.xMin, xMin: $0.yMin, yMax: $0.xMax, xMax: $0.yMax)
    }
  }

  /// The folder of the BCCD data set, whose pictures the project does not hold.
  private static let bloodCells = ProcessInfo.processInfo.environment["FRCNN_BCCD"]

  /// The trait of tests that read pictures of BCCD.
  static let needsBloodCells = ConditionTrait.enabled(
    if: bloodCells != nil, "FRCNN_BCCD does not name the folder of the BCCD data set")

  /// A picture of the fixtures, or of the folder that FRCNN_BCCD names.
  static func image(_ name: String) throws -> Image {
    var path = path(name + ".png")
    if name.hasPrefix("BloodImage") {
      path = try #require(bloodCells) + "/JPEGImages/" + name + ".jpg"
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try ImageDecoder().decode(Array(data)).image
  }
}

extension BoundingBox {
  /// The largest difference of two boxes' edges.
  func distance(to other: BoundingBox) -> Float {
    max(
      max(abs(yMin - other.yMin), abs(xMin - other.xMin)),
      max(abs(yMax - other.yMax), abs(xMax - other.xMax)))
  }

  /// The part inside a picture.
  func clipped(to size: PictureSize) -> BoundingBox {
    func clip(_ value: Float, _ limit: Int) -> Float { min(max(value, 0), Float(limit)) }
    return BoundingBox(
      yMin: clip(yMin, size.height), xMin: clip(xMin, size.width), yMax: clip(yMax, size.height),
      xMax: clip(xMax, size.width))
  }
}
