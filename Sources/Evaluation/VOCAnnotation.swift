public import Detection

/// What a person marked in one picture, as PASCAL VOC writes it down.
///
/// Of the XML are read `annotation/object/{name,difficult}` and
/// `annotation/object/bndbox/{xmin,ymin,xmax,ymax}`; parts of objects and all else are passed over.
///
/// Source: VOC2007 development kit, section "Ground truth annotation".
public struct VOCAnnotation: Sendable, Equatable {
  /// One marked object.
  public struct Object: Sendable, Equatable {
    /// The name of its class.
    public var label: String

    /// The box in pixels; each side is longer than 0.
    public var box: BoundingBox

    /// Whether the annotator called it hard to recognise.
    public var isDifficult: Bool

    /// Makes an object.
    public init(label: String, box: BoundingBox, isDifficult: Bool = false) {
      self.label = label
      self.box = box
      self.isDifficult = isDifficult
    }
  }

  /// The number of the first pixel: VOC's own annotations count from 1, many others from 0.
  public enum Origin: Int, Sendable {
    /// Coordinates are taken as they are.
    case zero = 0
    /// Coordinates are lowered by one.
    case one = 1
  }

  /// The objects in the order of the file.
  public let objects: [Object]

  /// How many boxes were left out because they cover nothing.
  public let droppedCount: Int

  /// The most bytes that an annotation may have; real ones have a few thousand.
  public static let maximumByteCount = 4 << 20

  /// Reads an annotation.
  ///
  /// - Parameters:
  ///   - xml: The file's bytes, in UTF-8.
  ///   - path: The file's name for error messages.
  ///   - origin: What the file calls the first pixel.
  /// - Throws: `VOCError` with the line where the XML or an object in it is broken.
  public init(xml: [UInt8], path: String, origin: Origin = .zero) throws(VOCError) {
    var reader = XMLReader(xml)
    var parser = VOCAnnotationParser(origin: origin)
    do {
      while let event = try reader.next() { try parser.take(event, line: reader.line) }
    } catch {
      switch error {
      case .xml(let line, let detail):
        throw VOCError(reason: .malformedXML(detail), path: path, line: line)
      case .annotation(let line, let detail):
        throw VOCError(reason: .invalidAnnotation(detail), path: path, line: line)
      }
    }
    objects = parser.objects
    droppedCount = parser.droppedCount
  }
}

/// Collects the objects of an annotation from the XML's events.
private struct VOCAnnotationParser {
  let origin: VOCAnnotation.Origin
  private(set) var objects: [VOCAnnotation.Object] = []
  private(set) var droppedCount = 0

  private var elements: [String] = []
  private var text = ""
  private var label: String?
  private var isDifficult = false
  private var edges: [String: Float] = [:]

  init(origin: VOCAnnotation.Origin) {
    self.origin = origin
  }

  mutating func take(_ event: XMLReader.Event, line: Int) throws(XMLReader.Failure) {
    func invalid(_ detail: String) -> XMLReader.Failure { .annotation(line: line, detail: detail) }
    switch event {
    case .start(let name):
      guard !elements.isEmpty || name == "annotation" else {
        throw invalid("the root element is '<\(name)>', not '<annotation>'")
      }
      elements.append(name)
      text = ""
      if elements == ["annotation", "object"] { (label, isDifficult, edges) = (nil, false, [:]) }
    case .text(let run):
      text += run
    case .end(let name):
      let value = String(text.trimmingWhitespace())
      switch elements.dropFirst() {
      case ["object"]:
        guard let label else { throw invalid("an object has no '<name>'") }
        let box = try box(line: line)
        if box.width > 0, box.height > 0 {
          objects.append(.init(label: label, box: box, isDifficult: isDifficult))
        } else {
          droppedCount += 1
        }
      case ["object", "name"]:
        guard !value.isEmpty else { throw invalid("an object's '<name>' is empty") }
        label = value
      case ["object", "difficult"]:
        guard value == "0" || value == "1" else {
          throw invalid("'<difficult>' is '\(value)', which is neither 0 nor 1")
        }
        isDifficult = value == "1"
      case ["object", "bndbox", "xmin"], ["object", "bndbox", "ymin"],
        ["object", "bndbox", "xmax"], ["object", "bndbox", "ymax"]:
        // Beyond 2^24 a Float no longer tells neighbouring pixels apart, and no picture is as large.
        guard let number = Float(value), abs(number) <= 16_777_216 else {
          throw invalid("'<\(name)>' is '\(value)', which is no place in a picture")
        }
        edges[name] = number - Float(origin.rawValue)
      default: break
      }
      elements.removeLast()
      text = ""
    }
  }

  private func box(line: Int) throws(XMLReader.Failure) -> BoundingBox {
    func edge(_ name: String) throws(XMLReader.Failure) -> Float {
      guard let edge = edges[name] else {
        throw .annotation(line: line, detail: "an object's '<bndbox>' has no '<\(name)>'")
      }
      return edge
    }
    return BoundingBox(
      yMin: try edge("ymin"), xMin: try edge("xmin"), yMax: try edge("ymax"),
      xMax: try edge("xmax"))
  }
}

extension StringProtocol {
  /// The string without the whitespace at its ends.
  func trimmingWhitespace() -> SubSequence {
    let head = drop(while: \.isWhitespace)
    guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return head }
    return head[...last]
  }
}
