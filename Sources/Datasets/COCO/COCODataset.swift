internal import Detection

/// Sets annotated as COCO does: a JSON file a split with `images`, `annotations` and `categories`.
///
/// Source: the section "Object detection" of the COCO data format.
enum COCODataset {
  /// The most bytes of an annotation file: COCO's own largest has 450 million.
  static let maximumByteCount = 1 << 30

  /// Reads such a set; `nil` where the folder is none.
  static func read(
    _ files: some DatasetFiles, names: [String], options: Dataset.Options
  ) throws(DatasetError) -> Dataset? {
    let annotationFiles = try annotationFiles(files, names: names)
    guard !annotationFiles.isEmpty else { return nil }
    let splits = annotationFiles.keys.sorted()
    let split = try Dataset.choose(options.split, of: splits, usual: options.usualSplits)
    guard let split, let file = annotationFiles[split] else { return nil }
    return try read(files, file: file, splits: splits, split: split)
  }

  /// Reads one annotation file.
  static func read(
    _ files: some DatasetFiles, file: String, splits: [String], split: String?
  ) throws(DatasetError) -> Dataset {
    let document = try COCODocument(
      files.contents(of: file, limit: maximumByteCount), path: file)
    var remarks: [DatasetRemark] = []
    let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? ""
    let pictures = try place(
      document.pictures(remarks: &remarks), in: files,
      folders: [folder] + folders(of: split) + ["images", "JPEGImages", "data", ""], file: file)
    return Dataset(
      layout: .coco, split: split, splits: splits, labels: document.labels, pictures: pictures,
      remarks: remarks)
  }

  /// Where the pictures of a split lie by convention.
  private static func folders(of split: String?) -> [String] {
    guard let split else { return [] }
    return [split, "images/\(split)", "\(split)/images", "\(split)/data"]
  }

  /// The annotation files by their splits: `annotations/instances_val2017.json`,
  /// `valid/_annotations.coco.json`, or one beside the pictures.
  private static func annotationFiles(
    _ files: some DatasetFiles, names: [String]
  ) throws(DatasetError) -> [String: String] {
    var found: [String: String] = [:]
    let all = (try files.names(in: "annotations") ?? []).filter { $0.hasSuffix(".json") }
    let instances = all.filter { $0.hasPrefix("instances_") }
    for name in instances.isEmpty ? all : instances {
      var split = String(name.dropLast(".json".count))
      if split.hasPrefix("instances_") { split.removeFirst("instances_".count) }
      found[split] = "annotations/\(name)"
    }
    guard found.isEmpty else { return found }
    for child in names.prefix(64) {
      guard let inner = try files.names(in: child) else { continue }
      if let name = inner.first(where: isAnnotationFile) { found[child] = "\(child)/\(name)" }
    }
    guard found.isEmpty else { return found }
    if let name = names.first(where: isAnnotationFile) { found["all"] = name }
    return found
  }

  private static func isAnnotationFile(_ name: String) -> Bool {
    name == "_annotations.coco.json" || name == "annotations.json" || name == "labels.json"
      || name.hasPrefix("instances_") && name.hasSuffix(".json")
  }

  /// Gives the pictures their paths: in the first of some folders that has the first of them.
  private static func place(
    _ pictures: [AnnotatedPicture], in files: some DatasetFiles, folders: [String], file: String
  ) throws(DatasetError) -> [AnnotatedPicture] {
    var listed: [String: Set<String>] = [:]
    func isThere(_ path: String) throws(DatasetError) -> Bool {
      let end = path.lastIndex(of: "/")
      let folder = end.map { String(path[..<$0]) } ?? ""
      if listed[folder] == nil { listed[folder] = Set(try files.names(in: folder) ?? []) }
      return listed[folder]?.contains(PictureNames.last(path)) == true
    }
    guard let first = pictures.first else { return pictures }
    var chosen: String?
    for folder in folders where chosen == nil {
      if try isThere(files.join(folder, first.path)) { chosen = folder }
    }
    guard let chosen else {
      throw DatasetError(
        .layout(
          "its first picture, \(first.path), is in none of the folders "
            + Set(folders.map { $0.isEmpty ? "." : $0 }).sorted().joined(separator: ", ")),
        path: file)
    }
    var missing: [String] = []
    var placed: [AnnotatedPicture] = []
    for picture in pictures {
      var picture = picture
      picture.path = files.join(chosen, picture.path)
      if try isThere(picture.path) { placed.append(picture) } else { missing.append(picture.path) }
    }
    guard missing.isEmpty else { throw DatasetError(.missingPictures(missing), path: file) }
    return placed
  }
}
