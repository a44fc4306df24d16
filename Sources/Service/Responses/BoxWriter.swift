internal import Detection
internal import FasterRCNN
internal import JSON
internal import Observability
internal import Tensors

/// Writes boxes in the form that a request chose.
struct BoxWriter {
  private let format: BoxFormat
  /// What coordinates along each axis are divided by.
  private let xDivisor, yDivisor: Float

  init(_ parameters: RequestParameters, imageSize: PictureSize) {
    format = parameters.boxFormat
    xDivisor = parameters.isNormalized ? Float(imageSize.width) : 1
    yDivisor = parameters.isNormalized ? Float(imageSize.height) : 1
  }

  /// Writes a member, `box` if it has no other name.
  func write(_ box: BoundingBox, key: String = "box", to json: inout JSONWriter) {
    let numbers = numbers(of: box)
    json.key(key)
    json.beginArray()
    for number in [numbers.0, numbers.1, numbers.2, numbers.3] { json.number(number) }
    json.endArray()
  }

  /// The four numbers, in order.
  func numbers(of box: BoundingBox) -> (Float, Float, Float, Float) {
    let (left, right) = (box.xMin / xDivisor, box.xMax / xDivisor)
    let (upper, lower) = (box.yMin / yDivisor, box.yMax / yDivisor)
    return switch format {
    case .xyxy: (left, upper, right, lower)
    case .yxyx: (upper, left, lower, right)
    case .xywh: (left, upper, right - left, lower - upper)
    case .cxcywh: ((left + right) / 2, (upper + lower) / 2, right - left, lower - upper)
    }
  }
}
