internal import Detection
public import Tensors

/// What a person marked in one picture, as PASCAL VOC writes it down.
///
/// Of the XML are read `annotation/{filename,size/width,size/height}`,
/// `annotation/object/{name,difficult}` and `annotation/object/bndbox/{xmin,ymin,xmax,ymax}`; parts of
/// objects and all else are passed over.
///
/// Source: VOC2007 development kit, section "Ground truth annotation".
public struct VOCAnnotation: Sendable, Equatable {
  /// The number of the first pixel: VOC's own annotations count from 1, many others from 0.
  public enum Origin: Int, Sendable {
    /// Coordinates are taken as they are.
    case zero = 0
    /// Coordinates are lowered by one.
    case one = 1
  }

  /// The objects in the order of the file.
  public let objects: [AnnotatedObject]

  /// The picture's size as the file states it; `nil` where it does not, or states zero.
  public let statedSize: PictureSize?

  /// The name of the picture's file, if it is told.
  public let fileName: String?

  /// Boxes that were left out or turned, with their lines.
  public let remarks: [DatasetRemark]

  /// The most bytes that an annotation may have; real ones have a few thousand.
  public static let maximumByteCount = 4 << 20

  /// Reads an annotation.
  ///
  /// - Parameters:
  ///   - xml: The file's bytes, in UTF-8, UTF-16 or Latin-1.
  ///   - path: The file's name for error messages.
  ///   - origin: What the file calls the first pixel.
  ///   - countsLastPixel: Whether a box that begins and ends on one pixel covers that pixel; otherwise
  ///     it covers nothing and is left out.
  /// - Throws: `DatasetError` with the line where the XML or an object in it is broken.
  public init(
    xml: [UInt8], path: String, origin: Origin = .zero, countsLastPixel: Bool = false
  ) throws(DatasetError) {
    var parser = VOCAnnotationParser(
      path: path, origin: origin, countsLastPixel: countsLastPixel)
    do {
      var reader = XMLReader(try XMLEncoding.utf8(xml))
      while let event = try reader.next() { try parser.take(event, line: reader.line) }
    } catch {
      switch error {
      case .xml(let line, let detail):
        throw DatasetError(.malformedXML(detail), path: path, line: line)
      case .annotation(let line, let detail):
        throw DatasetError(.invalidAnnotation(detail), path: path, line: line)
      }
    }
    objects = parser.objects
    statedSize = parser.statedSize
    fileName = parser.fileName
    remarks = parser.remarks
  }
}

/// Collects the objects of an annotation from the XML's events.
private struct VOCAnnotationParser {
  let path: String
  let origin: VOCAnnotation.Origin
  let countsLastPixel: Bool
  private(set) var objects: [AnnotatedObject] = []
  private(set) var remarks: [DatasetRemark] = []
  private(set) var fileName: String?
  private var size: [String: Int] = [:]

  private var elements: [String] = []
  private var text = ""
  private var label: String?
  private var isDifficult = false
  private var edges: [String: Float] = [:]

  init(path: String, origin: VOCAnnotation.Origin, countsLastPixel: Bool) {
    self.path = path
    self.origin = origin
    self.countsLastPixel = countsLastPixel
  }

  var statedSize: PictureSize? {
    guard let width = size["width"], let height = size["height"], width > 0, height > 0 else {
      return nil
    }
    return PictureSize(height: height, width: width)
  }

  mutating func take(_ event: XMLReader.Event, line: Int) throws(XMLReader.Failure) {
    switch event {
    case .start(let name):
      guard !elements.isEmpty || name == "annotation" else {
        throw .annotation(
          line: line, detail: "the root element is '<\(name)>', not '<annotation>'")
      }
      elements.append(name)
      text = ""
      if elements == ["annotation", "object"] { (label, isDifficult, edges) = (nil, false, [:]) }
    case .text(let run):
      text += run
    case .end(let name):
      try close(name, value: String(text.trimmingWhitespace()), line: line)
      elements.removeLast()
      text = ""
    }
  }

  private mutating func close(
    _ name: String, value: String, line: Int
  ) throws(XMLReader.Failure) {
    func invalid(_ detail: String) -> XMLReader.Failure { .annotation(line: line, detail: detail) }
    switch elements.dropFirst() {
    case ["filename"]: fileName = value.isEmpty ? nil : value
    case ["size", "width"], ["size", "height"]: size[name] = Int(value)
    case ["object"]:
      guard let label else { throw invalid("an object has no '<name>'") }
      try add(label, line: line)
    case ["object", "name"]:
      guard !value.isEmpty else { throw invalid("an object's '<name>' is empty") }
      label = value
    case ["object", "difficult"]:
      // Empty and "Unspecified" are what labelling tools write where nobody chose.
      switch value.lowercased() {
      case "", "0", "0.0", "false", "no", "unspecified": isDifficult = false
      case "1", "1.0", "true", "yes", "2": isDifficult = true
      default: throw invalid("'<difficult>' is '\(value)', which is neither 0 nor 1")
      }
    case ["object", "bndbox", "xmin"], ["object", "bndbox", "ymin"],
      ["object", "bndbox", "xmax"], ["object", "bndbox", "ymax"]:
      // Beyond 2^24 a Float no longer tells neighbouring pixels apart, and no picture is as large.
      guard let number = Float(value), abs(number) <= 16_777_216 else {
        throw invalid("'<\(name)>' is '\(value)', which is no place in a picture")
      }
      edges[name] = number - Float(origin.rawValue)
    default: break
    }
  }

  private mutating func add(_ label: String, line: Int) throws(XMLReader.Failure) {
    func edge(_ name: String) throws(XMLReader.Failure) -> Float {
      guard let edge = edges[name] else {
        throw .annotation(line: line, detail: "an object's '<bndbox>' has no '<\(name)>'")
      }
      return edge
    }
    var box = BoundingBox(
      yMin: try edge("ymin"), xMin: try edge("xmin"), yMax: try edge("ymax"),
      xMax: try edge("xmax"))
    if box.width < 0 || box.height < 0 {
      remarks.append(
        DatasetRemark(
          .reversedBox, path: path, line: line,
          "a box of '\(label)' ends before it begins; its ends were exchanged"))
      box = BoundingBox(
        yMin: min(box.yMin, box.yMax), xMin: min(box.xMin, box.xMax),
        yMax: max(box.yMin, box.yMax), xMax: max(box.xMin, box.xMax))
    }
    guard countsLastPixel || box.width > 0 && box.height > 0 else {
      remarks.append(
        DatasetRemark(
          .emptyBox, path: path, line: line, "a box of '\(label)' covers nothing; it is left out"))
      return
    }
    objects.append(AnnotatedObject(label: label, box: box, isDifficult: isDifficult))
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
