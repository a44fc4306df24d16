/// A box with what is in it, to be drawn on a picture.
public struct Annotation: Sendable, Hashable {
  /// The edges in pixels of the picture.
  public var xMin, yMin, xMax, yMax: Float

  /// The name of what is in the box.
  public var label: String

  /// How sure the detector is, 0 to 1; `nil` where a person marked the box.
  public var score: Float?

  /// The class, counted from 0; it gives the colour.
  public var classID: Int

  /// Makes an annotation.
  public init(
    xMin: Float, yMin: Float, xMax: Float, yMax: Float, label: String, score: Float?,
    classID: Int
  ) {
    self.xMin = xMin
    self.yMin = yMin
    self.xMax = xMax
    self.yMax = yMax
    self.label = label
    self.score = score
    self.classID = classID
  }

  /// The label with the score, if it has one, rounded to two places.
  var text: String {
    guard let score else { return label }
    let hundredths = Int((100 * min(max(score.isFinite ? score : 0, 0), 1)).rounded())
    let places = hundredths % 100
    return "\(label) \(hundredths / 100).\(places < 10 ? "0" : "")\(places)"
  }
}

extension Image {
  /// The picture with boxes drawn on it, each in its class's colour with label and score on a tag.
  ///
  /// Boxes with lower scores are drawn first. Lines and letters grow with the picture. A tag stands on
  /// its box, or hangs in it where there is no room above, and is moved to lie within the picture.
  public func annotated(with annotations: [Annotation]) -> Image {
    var canvas = Canvas(self)
    let side = min(width, height)
    let lineWidth = max(1, (side + 120) / 240)
    let scale = max(1, (side + 120) / 300)
    let ascending = annotations.sorted { $0.score ?? 0 < $1.score ?? 0 }
    for annotation in ascending {
      let colour = Colour.ofClass(max(0, annotation.classID))
      canvas.stroke(
        columns: pixels(annotation.xMin, annotation.xMax, limit: width),
        rows: pixels(annotation.yMin, annotation.yMax, limit: height),
        lineWidth: lineWidth, colour: colour)
    }
    for annotation in ascending {
      drawTag(of: annotation, on: &canvas, lineWidth: lineWidth, scale: scale)
    }
    return canvas.image
  }

  private func drawTag(
    of annotation: Annotation, on canvas: inout Canvas, lineWidth: Int, scale: Int
  ) {
    let colour = Colour.ofClass(max(0, annotation.classID))
    let columns = pixels(annotation.xMin, annotation.xMax, limit: width)
    let rows = pixels(annotation.yMin, annotation.yMax, limit: height)
    let text = Canvas.textSize(annotation.text, scale: scale)
    let size = (width: text.width + 2 * scale, height: text.height + scale)
    let left = max(0, min(columns.lowerBound, width - size.width))
    let above = rows.lowerBound - size.height
    let top = max(0, min(above >= 0 ? above : rows.lowerBound, height - size.height))
    canvas.fill(columns: left..<left + size.width, rows: top..<top + size.height, colour: colour)
    canvas.text(
      annotation.text, x: left + scale, y: top + scale, scale: scale, colour: colour.readableText)
  }

  /// The whole pixels between two edges, at least one, within the picture.
  private func pixels(_ from: Float, _ to: Float, limit: Int) -> Range<Int> {
    func whole(_ edge: Float) -> Int {
      edge.isNaN ? 0 : Int(min(max(edge.rounded(), 0), Float(limit)))
    }
    let low = min(whole(from), limit - 1)
    return low..<max(low + 1, whole(to))
  }
}
