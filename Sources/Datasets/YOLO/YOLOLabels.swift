internal import Detection

/// Reads YOLO's labels: a text file a picture, a line an object: its class, and its box (centre and
/// sides) or the corners of its outline, in parts of the picture's sides.
struct YOLOLabels<Files: DatasetFiles> {
  let files: Files
  /// The names of the classes.
  let labels: [String]
  private(set) var remarks: [DatasetRemark] = []
  private var names: [String: Set<String>] = [:]

  private static var maximumByteCount: Int { 16 << 20 }

  init(files: Files, labels: [String]) {
    self.files = files
    self.labels = labels
  }

  /// Reads the labels of a picture; one without a file of labels shows nothing.
  mutating func read(_ picture: String) throws(DatasetError) -> AnnotatedPicture {
    let name = PictureNames.stem(PictureNames.last(picture))
    var parts = picture.split(separator: "/").dropLast().map(String.init)
    if let place = parts.lastIndex(of: "images") { parts[place] = "labels" }
    let folder = parts.joined(separator: "/")
    if names[folder] == nil { names[folder] = Set(try files.names(in: folder) ?? []) }
    var marks: [AnnotatedObject] = []
    if names[folder]?.contains("\(name).txt") == true {
      let path = files.join(folder, "\(name).txt")
      let bytes = try files.contents(of: path, limit: Self.maximumByteCount)
      let lines = String(decoding: bytes, as: UTF8.self).split(
        omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      for (index, line) in lines.enumerated() {
        if let mark = try mark(line, path: path, number: index + 1) { marks.append(mark) }
      }
    }
    return AnnotatedPicture(name: name, path: picture, unit: .parts, marks: marks)
  }

  private mutating func mark(
    _ line: Substring, path: String, number: Int
  ) throws(DatasetError) -> AnnotatedObject? {
    let words = line.split(whereSeparator: \.isWhitespace)
    guard let first = words.first else { return nil }
    func invalid(_ detail: String) -> DatasetError {
      DatasetError(.invalidAnnotation(detail), path: path, line: number)
    }
    guard let value = Double(first), let classID = Int(exactly: value),
      labels.indices.contains(classID)
    else { throw invalid("'\(first)' is no number of one of the \(labels.count) classes") }
    let values = words.dropFirst().compactMap { Float($0) }
    // Labelling tools round to a little beyond the edge.
    guard values.count == words.count - 1, values.allSatisfy({ (-0.01...1.01).contains($0) })
    else { throw invalid("coordinates are parts of the picture's sides, from 0 to 1") }
    guard let box = Self.box(values) else {
      throw invalid("behind the class stand four numbers, or the corners of an outline")
    }
    guard box.width > 0, box.height > 0 else {
      remarks.append(
        DatasetRemark(
          .emptyBox, path: path, line: number,
          "a box of '\(labels[classID])' covers nothing; it is left out"))
      return nil
    }
    return AnnotatedObject(label: labels[classID], box: box)
  }

  /// A box of its centre and sides, or around the corners of an outline.
  private static func box(_ values: [Float]) -> BoundingBox? {
    if values.count == 4 {
      let (x, y, width, height) = (values[0], values[1], values[2], values[3])
      return BoundingBox(
        yMin: y - height / 2, xMin: x - width / 2, yMax: y + height / 2, xMax: x + width / 2)
    }
    guard values.count >= 6, values.count.isMultiple(of: 2) else { return nil }
    let xs = stride(from: 0, to: values.count, by: 2).map { values[$0] }
    let ys = stride(from: 1, to: values.count, by: 2).map { values[$0] }
    guard let xMin = xs.min(), let xMax = xs.max(), let yMin = ys.min(), let yMax = ys.max() else {
      return nil
    }
    return BoundingBox(yMin: yMin, xMin: xMin, yMax: yMax, xMax: xMax)
  }
}
