/// Draws rectangles, lines and text on a picture; whatever lies outside the picture is cut off.
///
/// Coordinates are pixels from the top left corner.
public struct Canvas: Sendable {
  private let width: Int
  private let height: Int
  private var pixels: [UInt8]

  /// Begins to draw on a picture.
  public init(_ image: Image) {
    width = image.width
    height = image.height
    pixels = image.pixels
  }

  /// The picture as it is drawn so far.
  public var image: Image { Image(width: width, height: height, pixels: pixels) }

  /// Fills the columns and rows of a rectangle.
  public mutating func fill(columns: Range<Int>, rows: Range<Int>, colour: Colour) {
    let columns = columns.clamped(to: 0..<width)
    for y in rows.clamped(to: 0..<height) {
      for x in columns { set(x, y, colour) }
    }
  }

  /// Draws the frame of a rectangle, inwards from its edges.
  public mutating func stroke(
    columns: Range<Int>, rows: Range<Int>, lineWidth: Int, colour: Colour
  ) {
    precondition(lineWidth >= 1, "a line \(lineWidth) pixels wide")
    let top = rows.prefix(lineWidth)
    let bottom = rows.suffix(lineWidth)
    let sides = top.upperBound..<max(top.upperBound, bottom.lowerBound)
    fill(columns: columns, rows: top, colour: colour)
    fill(columns: columns, rows: bottom, colour: colour)
    fill(columns: columns.prefix(lineWidth), rows: sides, colour: colour)
    fill(columns: columns.suffix(lineWidth), rows: sides, colour: colour)
  }

  /// Draws a straight line from one pixel to another, both included.
  ///
  /// Only its part within the picture costs time, however far its ends lie outside.
  public mutating func line(
    from start: (x: Int, y: Int), to end: (x: Int, y: Int), lineWidth: Int = 1, colour: Colour
  ) {
    precondition(lineWidth >= 1, "a line \(lineWidth) pixels wide")
    let (x0, y0, x1, y1) = (Double(start.x), Double(start.y), Double(end.x), Double(end.y))
    let length = max(abs(x1 - x0), abs(y1 - y0))
    let before = (lineWidth - 1) / 2
    // One dot for each step along the longer axis; the steps outside the picture are left out.
    func steps(_ from: Double, _ to: Double, _ side: Int) -> ClosedRange<Double>? {
      let reach = -Double(lineWidth)...Double(side + lineWidth)
      let slope = length == 0 ? 0 : (to - from) / length
      if slope == 0 { return reach.contains(from) ? 0...length : nil }
      let crossings = [(reach.lowerBound - from) / slope, (reach.upperBound - from) / slope]
        .sorted()
      let (low, high) = (max(0, crossings[0]), min(length, crossings[1]))
      return low <= high ? low...high : nil
    }
    guard let first = steps(x0, x1, width), let second = steps(y0, y1, height),
      first.overlaps(second)
    else { return }
    let range = first.clamped(to: second)
    var step = range.lowerBound.rounded(.up)
    while step <= range.upperBound {
      let share = length == 0 ? 0 : step / length
      let x = Int((x0 + (x1 - x0) * share).rounded()) - before
      let y = Int((y0 + (y1 - y0) * share).rounded()) - before
      fill(columns: x..<x + lineWidth, rows: y..<y + lineWidth, colour: colour)
      step += 1
    }
  }

  /// Writes one line of text, of which (`x`, `y`) is the upper left corner.
  ///
  /// The typeface has ASCII 32 to 126; other characters show as hollow boxes.
  ///
  /// - Parameters:
  ///   - text: the characters.
  ///   - x: the left edge of the first one.
  ///   - y: the upper edge of the capitals.
  ///   - scale: the pixels that a dot of the typeface takes in each direction, at least 1.
  ///   - colour: the colour of the dots; what lies between them stays as it is.
  public mutating func text(_ text: String, x: Int, y: Int, scale: Int = 1, colour: Colour) {
    precondition(scale >= 1, "a scale of \(scale)")
    var left = x
    for scalar in text.unicodeScalars {
      guard left < width else { return }
      for (row, bits) in BitmapFont.rows(of: scalar).enumerated() {
        for column in 0..<5 where bits >> (4 - column) & 1 == 1 {
          let (dotX, dotY) = (left + scale * column, y + scale * row)
          fill(columns: dotX..<dotX + scale, rows: dotY..<dotY + scale, colour: colour)
        }
      }
      left += scale * BitmapFont.advance
    }
  }

  /// The pixels that a line of text takes.
  public static func textSize(_ text: String, scale: Int = 1) -> (width: Int, height: Int) {
    let count = text.unicodeScalars.count
    return (scale * max(0, BitmapFont.advance * count - 1), scale * BitmapFont.height)
  }

  private mutating func set(_ x: Int, _ y: Int, _ colour: Colour) {
    let index = 3 * (y * width + x)
    pixels[index] = colour.red
    pixels[index + 1] = colour.green
    pixels[index + 2] = colour.blue
  }
}
