/// Sets laid out as PASCAL VOC: lists in `ImageSets/Main`, pictures in `JPEGImages`, XML in
/// `Annotations`; or, as exported by labelling services, pictures and XML side by side in a folder a split.
enum VOCDataset {
  /// Reads such a set; `nil` where the folder is none.
  static func read(
    _ files: some DatasetFiles, names: [String], options: Dataset.Options
  ) throws(DatasetError) -> Dataset? {
    if let base = try base(files, names: names) {
      return try readLists(files, base: base, options: options)
    }
    return try readFolders(files, names: names, options: options)
  }

  /// The folder that has `Annotations`: this one, a year of the development kit, or the only one.
  private static func base(
    _ files: some DatasetFiles, names: [String]
  ) throws(DatasetError) -> String? {
    if names.contains("Annotations") { return "" }
    var found: [String] = []
    for child in names.prefix(64) {
      guard let inner = try files.names(in: child) else { continue }
      if inner.contains("Annotations") { found.append(child) }
      guard child == "VOCdevkit" else { continue }
      for year in inner
      where try files.names(in: "\(child)/\(year)")?.contains("Annotations") == true {
        found.append("\(child)/\(year)")
      }
    }
    guard found.count > 1 else { return found.first }
    throw DatasetError(
      .layout("there are several sets; give the path of one: \(found.joined(separator: ", "))"),
      path: "")
  }

  // MARK: Lists

  private static func readLists(
    _ files: some DatasetFiles, base: String, options: Dataset.Options
  ) throws(DatasetError) -> Dataset {
    let lists = try lists(files, base: base)
    let annotations = files.join(base, "Annotations")
    var reader = VOCReader(files: files, annotations: annotations, options: options)
    try reader.find(pictures: ["JPEGImages", "images", "Images", "Annotations"], base: base)
    let split = try Dataset.choose(
      options.split, of: lists.keys.sorted(), usual: options.usualSplits)
    var entries: [String]
    if let split, let path = lists[split] {
      let bytes = try files.contents(of: path, limit: SplitList.maximumByteCount)
      entries = try SplitList(bytes, path: path) { reader.isAnnotated($0) }.names
    } else {
      entries = reader.annotated
      reader.remarks.append(
        DatasetRemark(
          .reading, path: files.join(base, "ImageSets"),
          "there are no lists; all \(entries.count) annotated pictures are taken"))
    }
    let pictures = try reader.read(entries)
    return Dataset(
      layout: .voc, split: split, splits: lists.keys.sorted(), labels: reader.labels(),
      pictures: pictures, remarks: reader.remarks)
  }

  /// The lists by the names of their splits; those of single classes (`cat_train.txt`) are none.
  private static func lists(
    _ files: some DatasetFiles, base: String
  ) throws(DatasetError) -> [String: String] {
    for folder in ["ImageSets/Main", "ImageSets", ""] {
      let folder = folder.isEmpty ? base : files.join(base, folder)
      guard let names = try files.names(in: folder) else { continue }
      var lists: [String: String] = [:]
      for name in names where name.hasSuffix(".txt") {
        let stem = String(name.dropLast(4))
        let isOfOneClass = ["train", "val", "trainval", "test"].contains {
          stem.hasSuffix("_\($0)")
        }
        let isNamedAsSplit = ["train", "val", "trainval", "test", "valid"].contains(stem)
        // Beside the pictures other texts lie about; below ImageSets everything is a list.
        guard !isOfOneClass, folder != base || isNamedAsSplit else { continue }
        lists[stem] = files.join(folder, name)
      }
      if !lists.isEmpty { return lists }
    }
    return [:]
  }

  // MARK: Folders

  private static func readFolders(
    _ files: some DatasetFiles, names: [String], options: Dataset.Options
  ) throws(DatasetError) -> Dataset? {
    func holdsAnnotations(_ names: [String]) -> Bool {
      names.contains { $0.hasSuffix(".xml") } && names.contains(where: PictureNames.isPicture)
    }
    var folders: [String] = []
    for child in names.prefix(64) {
      if let inner = try files.names(in: child), holdsAnnotations(inner) { folders.append(child) }
    }
    if folders.isEmpty, !holdsAnnotations(names) { return nil }
    let split = try Dataset.choose(options.split, of: folders, usual: options.usualSplits)
    let folder = split ?? ""
    var reader = VOCReader(files: files, annotations: folder, options: options)
    try reader.find(pictures: [""], base: folder)
    let pictures = try reader.read(reader.annotated)
    var labels = Set(reader.labels())
    for other in folders where other != folder {
      labels.formUnion(VOCReader(files: files, annotations: other, options: options).labels())
    }
    return Dataset(
      layout: .voc, split: split, splits: folders, labels: labels.sorted(), pictures: pictures,
      remarks: reader.remarks)
  }
}

/// Reads annotations of VOC and finds their pictures.
private struct VOCReader<Files: DatasetFiles> {
  let files: Files
  /// The folder of the XML files.
  let annotations: String
  let options: Dataset.Options
  var remarks: [DatasetRemark] = []

  /// The names of all annotations, in alphabetical order.
  let annotated: [String]
  private let annotatedNames: Set<String>
  private var pictureFolder = ""
  /// Pictures by their names without extension, for each folder that was looked at.
  private var picturesOfFolder: [String: [String: String]] = [:]
  private var known: [String: Set<String>] = [:]

  init(files: Files, annotations: String, options: Dataset.Options) {
    self.files = files
    self.annotations = annotations
    self.options = options
    let names = (try? files.names(in: annotations)) ?? []
    annotated = names.filter { $0.hasSuffix(".xml") }.map { String($0.dropLast(4)) }
    annotatedNames = Set(annotated)
  }

  /// Whether there is an annotation of a name; of names in folders below, that is seen later.
  func isAnnotated(_ name: String) -> Bool { annotatedNames.contains(name) || name.contains("/") }

  /// Chooses the folder of the pictures.
  mutating func find(pictures folders: [String], base: String) throws(DatasetError) {
    for folder in folders {
      let folder = folder.isEmpty ? base : files.join(base, folder)
      if try files.names(in: folder)?.isEmpty == false {
        pictureFolder = folder
        return
      }
    }
    throw DatasetError(
      .layout("there is no folder of pictures; VOC calls it JPEGImages"), path: base)
  }

  /// Reads the annotations of some pictures; all pictures must be there.
  mutating func read(_ names: [String]) throws(DatasetError) -> [AnnotatedPicture] {
    var pictures: [AnnotatedPicture] = []
    var missing: [String] = []
    for name in names {
      let path = files.join(annotations, "\(name).xml")
      let annotation = try VOCAnnotation(
        xml: files.contents(of: path, limit: VOCAnnotation.maximumByteCount), path: path,
        origin: options.origin, countsLastPixel: options.countsLastPixel)
      remarks += annotation.remarks
      known[name] = Set(annotation.objects.map(\.label))
      guard let picture = try picture(name, stated: annotation.fileName) else {
        missing.append(name)
        continue
      }
      pictures.append(
        AnnotatedPicture(
          name: name, path: picture, statedSize: annotation.statedSize,
          marks: annotation.objects))
    }
    guard missing.isEmpty else {
      throw DatasetError(.missingPictures(missing), path: pictureFolder)
    }
    return pictures
  }

  /// The picture of a name, whatever its extension.
  private mutating func picture(
    _ name: String, stated: String?
  ) throws(DatasetError) -> String? {
    var folder = pictureFolder
    var stem = name
    if let end = name.lastIndex(of: "/") {
      folder = files.join(folder, String(name[..<end]))
      stem = String(name[name.index(after: end)...])
    }
    if picturesOfFolder[folder] == nil {
      var pictures: [String: String] = [:]
      for file in try files.names(in: folder) ?? [] where PictureNames.isPicture(file) {
        pictures[PictureNames.stem(file)] = file
      }
      picturesOfFolder[folder] = pictures
    }
    let pictures = picturesOfFolder[folder]
    let file =
      pictures?[stem] ?? stated.flatMap { pictures?[PictureNames.stem(PictureNames.last($0))] }
    return file.map { files.join(folder, $0) }
  }

  /// The labels of all annotations in the folder, in alphabetical order; what cannot be read there is
  /// no matter of the pictures that were asked for.
  func labels() -> [String] {
    var labels = known.values.reduce(into: Set<String>()) { $0.formUnion($1) }
    for name in annotated where known[name] == nil {
      let path = files.join(annotations, "\(name).xml")
      guard let xml = try? files.contents(of: path, limit: VOCAnnotation.maximumByteCount),
        let annotation = try? VOCAnnotation(xml: xml, path: path)
      else { continue }
      labels.formUnion(annotation.objects.map(\.label))
    }
    return labels.sorted()
  }
}
