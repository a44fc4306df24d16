internal import Detection
internal import JSON
internal import Tensors

/// The parts of COCO's JSON that detection needs.
struct COCODocument {
  private struct Picture {
    var id = 0
    var fileName = ""
    var size: PictureSize?
  }

  private struct Mark {
    var picture = 0
    var category = 0
    var box: BoundingBox?
    var area: Float?
    var isCrowd = false
  }

  private let path: String
  private var pictures: [Picture] = []
  private var marks: [Mark] = []
  private var names: [Int: String] = [:]
  private var hasMarks = false

  /// The names of the categories by their identifiers.
  var labels: [String] { names.sorted { $0.key < $1.key }.map(\.value) }

  /// Reads a document.
  init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    self.path = path
    var reader = JSONReader(bytes, limits: JSONLimits(depth: 64, members: 1000))
    do throws(JSONError) {
      try read(&reader)
    } catch {
      throw DatasetError(.malformedJSON("\(error)"), path: path)
    }
    guard hasMarks, !names.isEmpty else {
      throw DatasetError(
        .invalidAnnotation("it has no 'annotations' or no 'categories', so it is not COCO's"),
        path: path)
    }
    guard Set(names.values).count == names.count else {
      throw DatasetError(.invalidAnnotation("two categories have one name"), path: path)
    }
  }

  private mutating func read(_ reader: inout JSONReader) throws(JSONError) {
    var (pictures, marks, names) = ([Picture](), [Mark](), [Int: String]())
    var hasMarks = false
    try reader.object { (name, reader) throws(JSONError) in
      switch name {
      case "images":
        try reader.array { (_, reader) throws(JSONError) in
          pictures.append(try Self.picture(&reader))
        }
      case "annotations":
        hasMarks = true
        try reader.array { (_, reader) throws(JSONError) in marks.append(try Self.mark(&reader)) }
      case "categories":
        try reader.array { (_, reader) throws(JSONError) in
          let category = try Self.category(&reader)
          names[category.id] = category.name
        }
      default: try reader.skip()
      }
    }
    try reader.finish()
    (self.pictures, self.marks, self.names, self.hasMarks) = (pictures, marks, names, hasMarks)
  }

  private static func picture(_ reader: inout JSONReader) throws(JSONError) -> Picture {
    var picture = Picture()
    var (width, height) = (0, 0)
    try reader.object { (name, reader) throws(JSONError) in
      switch name {
      case "id": picture.id = try reader.identifier()
      case "file_name": picture.fileName = try reader.text()
      case "width": width = try reader.extent()
      case "height": height = try reader.extent()
      default: try reader.skip()
      }
    }
    guard PictureNames.isInside(picture.fileName) else {
      throw reader.failure("'\(picture.fileName)' is no file of a picture in this folder")
    }
    if width > 0, height > 0 { picture.size = PictureSize(height: height, width: width) }
    return picture
  }

  private static func mark(_ reader: inout JSONReader) throws(JSONError) -> Mark {
    var mark = Mark()
    try reader.object { (name, reader) throws(JSONError) in
      switch name {
      case "image_id": mark.picture = try reader.identifier()
      case "category_id": mark.category = try reader.identifier()
      case "area": mark.area = reader.takeNull() ? nil : Float(try reader.number())
      case "iscrowd": mark.isCrowd = reader.takeNull() ? false : try reader.identifier() != 0
      case "bbox": mark.box = reader.takeNull() ? nil : try reader.box()
      default: try reader.skip()
      }
    }
    return mark
  }

  private static func category(
    _ reader: inout JSONReader
  ) throws(JSONError) -> (id: Int, name: String) {
    var id: Int?
    var label = ""
    try reader.object { (name, reader) throws(JSONError) in
      switch name {
      case "id": id = try reader.identifier()
      case "name": label = try reader.text()
      default: try reader.skip()
      }
    }
    guard let id, !label.isEmpty else { throw reader.failure("a category has no id or no name") }
    return (id, label)
  }

  /// The pictures with their objects; their paths are the file names.
  func pictures(remarks: inout [DatasetRemark]) -> [AnnotatedPicture] {
    var objects: [Int: [AnnotatedObject]] = [:]
    let known = Set(pictures.map(\.id))
    for mark in marks {
      guard let label = names[mark.category], known.contains(mark.picture) else {
        remarks.append(
          DatasetRemark(
            .leftOut, path: path,
            "an annotation of picture \(mark.picture) and category \(mark.category), one of which "
              + "is not there"))
        continue
      }
      guard let box = mark.box, box.width > 0, box.height > 0 else {
        remarks.append(
          DatasetRemark(
            .emptyBox, path: path,
            "a box of '\(label)' in picture \(mark.picture) covers nothing; it is left out"))
        continue
      }
      objects[mark.picture, default: []].append(
        AnnotatedObject(label: label, box: box, isCrowd: mark.isCrowd, area: mark.area))
    }
    return pictures.map { picture in
      AnnotatedPicture(
        name: PictureNames.stem(PictureNames.last(picture.fileName)), path: picture.fileName,
        statedSize: picture.size, marks: objects[picture.id] ?? [])
    }
  }
}

extension JSONReader {
  /// A whole number, also where it is written as a text or with `.0`.
  fileprivate mutating func identifier() throws(JSONError) -> Int {
    if try kind() == .string {
      let text = try text()
      guard let number = Int(text) else { throw failure("'\(text)' is no whole number") }
      return number
    }
    guard let whole = Int(exactly: try number()) else {
      throw failure("a whole number should stand here")
    }
    return whole
  }

  /// A side of a picture; 0 where it is not told, or is none that a picture can have.
  fileprivate mutating func extent() throws(JSONError) -> Int {
    if takeNull() { return 0 }
    let number = try number()
    return number >= 1 && number < 1e7 ? Int(number) : 0
  }

  /// `[x, y, width, height]`.
  fileprivate mutating func box() throws(JSONError) -> BoundingBox {
    var values: [Double] = []
    try array { (index, reader) throws(JSONError) in
      guard index < 4 else { throw reader.failure("a box has more than four numbers") }
      values.append(try reader.number())
    }
    guard values.count == 4, values.allSatisfy({ $0.isFinite && abs($0) < 1e7 }) else {
      throw failure("a box is x, y, width and height in pixels")
    }
    // In double precision: x + width is then the float that is nearest to the right edge.
    return BoundingBox(
      yMin: Float(values[1]), xMin: Float(values[0]), yMax: Float(values[1] + values[3]),
      xMax: Float(values[0] + values[2]))
  }
}
