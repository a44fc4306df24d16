public import Detection
public import Tensors

/// An object that a person marked in a picture.
public struct AnnotatedObject: Sendable, Equatable {
  /// The name of its class.
  public var label: String

  /// The box, in pixels of the picture, or in parts of its sides where the picture says so.
  public var box: BoundingBox

  /// Whether the annotator called it hard to recognise: finding it is neither right nor wrong.
  public var isDifficult: Bool

  /// Whether the box stands for a crowd of objects (COCO's `iscrowd`): it is no single object.
  public var isCrowd: Bool

  /// The area that counts as the object's size, in pixels, where the annotation has one of its own.
  public var area: Float?

  /// Makes an object.
  public init(
    label: String, box: BoundingBox, isDifficult: Bool = false, isCrowd: Bool = false,
    area: Float? = nil
  ) {
    self.label = label
    self.box = box
    self.isDifficult = isDifficult
    self.isCrowd = isCrowd
    self.area = area
  }
}

/// A picture and what a person marked in it.
public struct AnnotatedPicture: Sendable, Equatable {
  /// What boxes are measured in.
  public enum Unit: Sendable {
    case pixels
    /// Parts of the picture's width and height, as YOLO's labels have.
    case parts
  }

  /// The name for people: of a file without its folder and extension.
  public var name: String

  /// The picture's file, relative to the dataset's folder.
  public var path: String

  /// The size that the annotation states, if it states one.
  public var statedSize: PictureSize?

  /// What the boxes are measured in.
  public var unit: Unit

  /// What is marked, in the order of the annotation.
  public var marks: [AnnotatedObject]

  /// Makes a picture.
  public init(
    name: String, path: String, statedSize: PictureSize? = nil, unit: Unit = .pixels,
    marks: [AnnotatedObject] = []
  ) {
    self.name = name
    self.path = path
    self.statedSize = statedSize
    self.unit = unit
    self.marks = marks
  }

  /// What is marked, with boxes in pixels of a picture of this size.
  public func objects(in size: PictureSize) -> [AnnotatedObject] {
    guard unit == .parts else { return marks }
    let (height, width) = (Float(size.height), Float(size.width))
    return marks.map { mark in
      var mark = mark
      mark.box = BoundingBox(
        yMin: mark.box.yMin * height, xMin: mark.box.xMin * width, yMax: mark.box.yMax * height,
        xMax: mark.box.xMax * width)
      return mark
    }
  }
}

/// Something in a dataset that is worth a word but stops nothing: a box inside out, a size that is not
/// the picture's.
public struct DatasetRemark: Sendable, Equatable, CustomStringConvertible {
  /// What was seen.
  public enum Kind: String, Sendable {
    /// A box that covers nothing was left out.
    case emptyBox = "empty_box"
    /// A box whose ends were the wrong way round was turned.
    case reversedBox = "reversed_box"
    /// A list, a folder or a name was understood otherwise than written.
    case reading
    /// A label that the dataset does not declare, or an entry without a picture.
    case leftOut = "left_out"
  }

  /// What was seen.
  public let kind: Kind

  /// The file, relative to the dataset's folder.
  public let path: String

  /// The line, counted from 1, where the file has lines.
  public let line: Int?

  /// What was seen, in words.
  public let detail: String

  /// Makes a remark.
  public init(_ kind: Kind, path: String, line: Int? = nil, _ detail: String) {
    self.kind = kind
    self.path = path
    self.line = line
    self.detail = detail
  }

  /// The place and the words in one line.
  public var description: String {
    "\(path)\(line.map { ":\($0)" } ?? ""): \(detail)".printable
  }
}
