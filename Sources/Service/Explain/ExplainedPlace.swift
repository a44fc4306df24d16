internal import Detection

/// The place in a picture that is asked about, and how near boxes are to it.
enum ExplainedPlace {
  /// A box in pixels of the original picture.
  case box(BoundingBox)
  /// A point in pixels of the original picture.
  case point(x: Float, y: Float)

  /// The place that a request names.
  ///
  /// - Throws: a `Problem` unless it is one box, the right way round, or one point.
  init(_ parameters: RequestParameters) throws(Problem) {
    switch (parameters.box, parameters.point) {
    case (let box?, nil):
      guard box[0] < box[2], box[1] < box[3] else {
        throw Problem(
          .invalidParameter, "The parameter 'box' has to be x1,y1,x2,y2 with x1 < x2 and y1 < y2.",
          parameter: Parameter.box.rawValue)
      }
      self = .box(BoundingBox(yMin: box[1], xMin: box[0], yMax: box[3], xMax: box[2]))
    case (nil, let point?): self = .point(x: point[0], y: point[1])
    default:
      throw Problem(
        .invalidParameter,
        "Say what is to be explained: either box=x1,y1,x2,y2 or point=x,y, in pixels of the picture.",
        parameter: Parameter.box.rawValue)
    }
  }

  /// What `nearness` is called in an answer.
  var measureName: String {
    switch self {
    case .box: "iou"
    case .point: "distance"
    }
  }

  /// How near a box is: the IoU with a box; for a point the distance of its centre, in half sides
  /// along the axis where it is larger, which is at most 1 within the box.
  func measure(_ other: BoundingBox) -> Float {
    switch self {
    case .box(let box): return IntersectionOverUnion.of(box, other)
    case .point(let x, let y):
      // A box without a side has nothing inside of it.
      let (width, height) = (max(other.width, 1e-3), max(other.height, 1e-3))
      return max(
        abs(2 * x - other.xMin - other.xMax) / width,
        abs(2 * y - other.yMin - other.yMax) / height)
    }
  }

  /// The indices of the nearest boxes, the nearest first, ties by index.
  func nearest(_ boxes: [BoundingBox], count: Int, where isTaken: (Int) -> Bool) -> [Int] {
    // Ascending order is nearest first, of an IoU and of a distance.
    let sign: Float = if case .box = self { -1 } else { 1 }
    let measured = boxes.indices.filter(isTaken).map { (sign * measure(boxes[$0]), $0) }
    return measured.sorted { $0 < $1 }.prefix(count).map(\.1)
  }
}
