internal import Images

/// Pictures that people marked, read from one of the layouts in which such sets are passed on.
///
/// Labels are those of the whole set in a fixed order, whichever part of it is read: a class has the
/// same number in every split.
public struct Dataset: Sendable {
  /// How the set is laid out.
  public enum Layout: String, Sendable, CaseIterable {
    /// PASCAL VOC: an XML file a picture.
    case voc
    /// COCO: one JSON file for all pictures.
    case coco
    /// YOLO: a text file a picture, and `data.yaml`.
    case yolo
  }

  /// What is read, and how.
  public struct Options: Sendable {
    /// The part of the set, as `test`; `nil` for the one that is there, or all.
    public var split: String?

    /// What VOC annotations call the first pixel.
    public var origin: VOCAnnotation.Origin

    /// Whether a box of VOC that begins and ends on one pixel covers that pixel.
    public var countsLastPixel: Bool

    /// The parts to take where `split` is `nil`, the first that is there.
    public var usualSplits: [String]

    /// What is measured with.
    public static let evaluationSplits = ["test", "val", "valid", "validation"]

    /// What is trained on.
    public static let trainingSplits = ["train", "training", "trainval"]

    /// What is measured with while training; never `test`, which is for the end.
    public static let validationSplits = ["val", "valid", "validation"]

    /// Makes a set of options.
    public init(
      split: String? = nil, origin: VOCAnnotation.Origin = .zero, countsLastPixel: Bool = false,
      usualSplits: [String] = Options.evaluationSplits
    ) {
      self.split = split
      self.origin = origin
      self.countsLastPixel = countsLastPixel
      self.usualSplits = usualSplits
    }
  }

  /// How the set is laid out.
  public let layout: Layout

  /// The part that was read; `nil` where the set has no parts.
  public let split: String?

  /// The parts that the set has.
  public let splits: [String]

  /// The names of the classes: VOC's in alphabetical order, COCO's by identifier, YOLO's as declared.
  public let labels: [String]

  /// The pictures in the order of the list.
  public let pictures: [AnnotatedPicture]

  /// What is worth a word.
  public let remarks: [DatasetRemark]

  init(
    layout: Layout, split: String?, splits: [String], labels: [String],
    pictures: [AnnotatedPicture], remarks: [DatasetRemark]
  ) {
    self.layout = layout
    self.split = split
    self.splits = splits
    self.labels = labels
    self.pictures = pictures
    self.remarks = remarks
  }

  /// Opens a folder, or COCO's JSON file.
  ///
  /// - Parameters:
  ///   - path: the dataset's folder, or a JSON file whose pictures lie beside it.
  ///   - options: which part, and how coordinates are counted.
  /// - Returns: the dataset, and the folder that the pictures' paths are relative to.
  /// - Throws: `DatasetError`.
  public static func open(
    _ path: String, options: Options = Options()
  ) throws(DatasetError) -> (dataset: Dataset, root: String) {
    if path.lowercased().hasSuffix(".json") {
      let end = path.lastIndex(of: "/")
      let root = end.map { String(path[..<$0]) } ?? "."
      let file = end.map { String(path[path.index(after: $0)...]) } ?? path
      let files = FolderFiles(root: root)
      return (try COCODataset.read(files, file: file, splits: [], split: nil), root)
    }
    return (try read(FolderFiles(root: path), options: options), path)
  }

  /// Reads a dataset from its files; the layout is told by what is there.
  ///
  /// - Throws: `DatasetError` where no layout is known, the split is not there, or a file is broken.
  public static func read(
    _ files: some DatasetFiles, options: Options = Options()
  ) throws(DatasetError) -> Dataset {
    guard let names = try files.names(in: "") else {
      throw DatasetError(.unreadable("there is no such folder"), path: "")
    }
    if let dataset = try YOLODataset.read(files, names: names, options: options) { return dataset }
    if let dataset = try COCODataset.read(files, names: names, options: options) { return dataset }
    if let dataset = try VOCDataset.read(files, names: names, options: options) { return dataset }
    throw DatasetError(
      .layout(
        "no dataset is here that is known: VOC has Annotations/NAME.xml and JPEGImages, COCO a JSON "
          + "file in annotations, YOLO a data.yaml"), path: "")
  }

  /// The first of some usual names that a part has, a year behind it or not (`train2017`).
  public static func split(named names: [String], in splits: [String]) -> String? {
    for name in names {
      if splits.contains(name) { return name }
      let ofYears = splits.filter { split in
        split.hasPrefix(name) && split.count == name.count + 4
          && split.dropFirst(name.count).allSatisfy { ("0"..."9").contains($0) }
      }
      if ofYears.count == 1 { return ofYears[0] }
    }
    return nil
  }

  /// The part to read: the one that is asked for, or else one of a usual name, or the only one.
  static func choose(
    _ wanted: String?, of splits: [String], usual: [String]
  ) throws(DatasetError) -> String? {
    if let wanted {
      guard splits.contains(wanted) else {
        throw DatasetError(
          .layout(
            splits.isEmpty
              ? "the set has no parts, so there is none called \(wanted)"
              : "there is no part \(wanted); there are: \(splits.joined(separator: ", "))"),
          path: "")
      }
      return wanted
    }
    if let split = split(named: usual, in: splits) { return split }
    guard splits.count > 1 else { return splits.first }
    throw DatasetError(
      .layout("the set has several parts; choose one: \(splits.joined(separator: ", "))"), path: "")
  }
}

/// The names of picture files.
enum PictureNames {
  /// Whether a name is that of a picture.
  static func isPicture(_ name: String) -> Bool {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
    return ImageFormat.pictureExtensions.contains(name[name.index(after: dot)...].lowercased())
  }

  /// A name without the extension of a picture or of an annotation.
  static func stem(_ name: String) -> String {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    let end = name[name.index(after: dot)...].lowercased()
    return ImageFormat.pictureExtensions.contains(end) || ["xml", "txt", "json"].contains(end)
      ? String(name[..<dot]) : name
  }

  /// The last part of a path.
  static func last(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// Whether a path stays below the folder that it begins in.
  static func isInside(_ path: String) -> Bool {
    !path.isEmpty && path.utf8.count <= 1000 && !path.hasPrefix("/") && !path.utf8.contains(0)
      && !path.split(separator: "/", omittingEmptySubsequences: false).contains {
        $0 == ".." || $0.isEmpty
      }
  }
}
