import Testing

@testable import Images

struct DrawingTests {
  static func blank(_ width: Int, _ height: Int) -> Image {
    Image(width: width, height: height, pixels: [UInt8](repeating: 255, count: 3 * width * height))
  }

  /// The picture's rows, `#` where the red channel is dark.
  static func rows(_ image: Image) -> [String] {
    (0..<image.height).map { y in
      String((0..<image.width).map { image.pixels[3 * (y * image.width + $0)] < 128 ? "#" : "." })
    }
  }

  @Test
  func `A frame is drawn inwards from its edges`() {
    var canvas = Canvas(Self.blank(8, 6))
    canvas.stroke(columns: 1..<7, rows: 1..<6, lineWidth: 2, colour: .black)
    #expect(
      Self.rows(canvas.image) == [
        "........", ".######.", ".######.", ".##..##.", ".######.", ".######.",
      ])
  }

  @Test
  func `Whatever lies outside is cut off`() {
    var canvas = Canvas(Self.blank(4, 3))
    canvas.fill(columns: -5..<2, rows: 2..<9, colour: .black)
    canvas.fill(columns: 10..<20, rows: 0..<3, colour: .black)
    canvas.stroke(columns: -9..<99, rows: -9..<99, lineWidth: 1, colour: .black)
    canvas.text("far away", x: 50, y: -50, scale: 3, colour: .black)
    #expect(Self.rows(canvas.image) == ["....", "....", "##.."])
  }

  @Test
  func `Lines join their ends`() {
    var canvas = Canvas(Self.blank(5, 5))
    canvas.line(from: (0, 0), to: (4, 4), colour: .black)
    canvas.line(from: (4, 0), to: (4, 2), colour: .black)
    canvas.line(from: (0, 4), to: (0, 4), colour: .black)
    #expect(Self.rows(canvas.image) == ["#...#", ".#..#", "..#.#", "...#.", "#...#"])
  }

  @Test
  func `A line far beyond the picture costs no more than its visible part`() {
    var canvas = Canvas(Self.blank(5, 3))
    let far = 1 << 50
    canvas.line(from: (-far, 1), to: (far, 1), colour: .black)
    canvas.line(from: (-far, -far), to: (-far, far), colour: .black)
    #expect(Self.rows(canvas.image) == [".....", "#####", "....."])
  }

  @Test
  func `Letters are legible and scale`() {
    var canvas = Canvas(Self.blank(11, 9))
    canvas.text("Ag", x: 0, y: 0, colour: .black)
    #expect(
      Self.rows(canvas.image) == [
        ".###.......", "#...#......", "#...#..####", "#####.#...#", "#...#.#...#", "#...#.#...#",
        "#...#..####", "..........#", ".......###.",
      ])
    #expect(Canvas.textSize("Ag") == (11, 9))
    #expect(Canvas.textSize("Ag", scale: 3) == (33, 27))
    #expect(Canvas.textSize("") == (0, 9))
  }

  @Test
  func `Every printable ASCII character has a drawing of its own, others a box`() {
    let printable = (32...126).compactMap { Unicode.Scalar($0 as UInt32) }
    let drawings = printable.map { Array(BitmapFont.rows(of: $0)) }
    #expect(Set(drawings).count == 95)
    #expect(drawings[0] == [UInt8](repeating: 0, count: 9))
    #expect(drawings.allSatisfy { $0.allSatisfy { $0 < 32 } })
    #expect(Array(BitmapFont.rows(of: "é")) == [31, 17, 17, 17, 17, 17, 31, 0, 0])
  }

  @Test
  func `Class colours differ, and their text can be read`() {
    let colours = (0..<91).map { Colour.ofClass($0) }
    #expect(Set(colours).count == 91)
    for colour in colours {
      let text = colour.readableText == .black ? Float(0) : 1
      let (light, dark) = (max(colour.luminance, text), min(colour.luminance, text))
      // WCAG 2.2 asks for a contrast of 4.5 for text.
      #expect((light + 0.05) / (dark + 0.05) >= 4.5, "\(colour)")
      #expect(colour.luminance > 0.02 && colour.luminance < 0.8, "\(colour)")
    }
  }

  @Test
  func `Tags lie within the picture wherever the box is`() {
    let image = Self.blank(120, 90)
    for (x, y) in [(0, 0), (119, 0), (0, 89), (119, 89), (60, 45), (-500, 1000)] {
      let annotation = Annotation(
        xMin: Float(x), yMin: Float(y), xMax: Float(x + 3), yMax: Float(y + 3), label: "cat",
        score: 0.995, classID: 2)
      let drawn = image.annotated(with: [annotation])
      let colour = Colour.ofClass(2)
      let count = stride(from: 0, to: drawn.pixels.count, by: 3).count {
        drawn.pixels[$0] == colour.red && drawn.pixels[$0 + 1] == colour.green
          || drawn.pixels[$0] == colour.readableText.red
            && drawn.pixels[$0 + 1] == colour.readableText.green && colour.readableText != .white
      }
      let size = Canvas.textSize("cat 1.00")
      #expect(count >= (size.width + 2) * (size.height + 1))
    }
  }

  @Test
  func `Scores are shown with two places`() {
    func text(_ score: Float) -> String {
      Annotation(xMin: 0, yMin: 0, xMax: 1, yMax: 1, label: "a", score: score, classID: 0).text
    }
    #expect(text(0.984) == "a 0.98")
    #expect(text(0.999) == "a 1.00")
    #expect(text(0.05) == "a 0.05")
    #expect(text(.nan) == "a 0.00")
  }

  @Test
  func `Boxes that are not finite or not in the picture are drawn without harm`() {
    let image = Self.blank(20, 20)
    for value in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -1e30] {
      let annotation = Annotation(
        xMin: value, yMin: 3, xMax: 5, yMax: value, label: "x", score: 1, classID: 0)
      #expect(image.annotated(with: [annotation]).width == 20)
    }
  }

  @Test
  func `PNG gives back the same pixels, JPEG nearly the same`() throws {
    let image = try ImageDecoder().decode(Fixture.drawn("portrait_487x331.png")).image
    let png = try ImageDecoder().decode(image.encoded(as: .png))
    #expect(png.image == image)
    let jpeg = try image.encoded(as: .jpeg, quality: 95)
    let decoded = try ImageDecoder().decode(jpeg)
    #expect((decoded.image.width, decoded.image.height) == (image.width, image.height))
    let error = zip(decoded.image.pixels, image.pixels).reduce(0.0) {
      $0 + Double(abs(Int($1.0) - Int($1.1)))
    }
    // Pillow's encoder at quality 95 and 4:2:0 differs from this noisy picture by 9.94 on average.
    #expect(abs(error / Double(image.pixels.count) - 9.94) < 0.05)
    #expect(try image.encoded(as: .jpeg, quality: 50).count < jpeg.count)
  }
}
