/// Sets annotated for YOLO: `data.yaml`, pictures in a folder `images`, and beside it `labels` with a
/// text file a picture (`YOLOLabels`).
///
/// Source: Ultralytics' documentation, "Object detection datasets".
enum YOLODataset {
  /// Reads such a set; `nil` where the folder is none.
  static func read(
    _ files: some DatasetFiles, names: [String], options: Dataset.Options
  ) throws(DatasetError) -> Dataset? {
    let yaml = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }
    let usual = ["data.yaml", "dataset.yaml", "data.yml"].filter(yaml.contains)
    for name in usual + yaml.filter({ !usual.contains($0) }) {
      let bytes = try files.contents(of: name, limit: YOLOConfiguration.maximumByteCount)
      guard let configuration = try YOLOConfiguration(bytes, path: name),
        !configuration.splits.isEmpty
      else { continue }
      return try read(files, configuration: configuration, path: name, options: options)
    }
    return nil
  }

  private static func read(
    _ files: some DatasetFiles, configuration: YOLOConfiguration, path: String,
    options: Dataset.Options
  ) throws(DatasetError) -> Dataset {
    let wanted = options.split == "valid" || options.split == "validation" ? "val" : options.split
    // A part that is declared and not there, as a test set that nobody made, is no part.
    var folders: [String: [String]] = [:]
    for (split, places) in configuration.splits {
      var found: [String] = []
      for place in places {
        if let folder = try Self.place(of: place, in: files) { found.append(folder) }
      }
      if !found.isEmpty { folders[split] = found }
    }
    let splits = folders.keys.sorted()
    guard let split = try Dataset.choose(wanted, of: splits, usual: options.usualSplits),
      let places = folders[split]
    else {
      throw DatasetError(
        .layout(
          "the folders that it names are not here: "
            + configuration.splits.values.flatMap { $0 }.sorted().joined(separator: ", ")),
        path: path)
    }
    var pictures: [AnnotatedPicture] = []
    var labels = YOLOLabels(files: files, labels: configuration.labels)
    for place in places {
      for picture in try self.pictures(at: place, in: files) {
        pictures.append(try labels.read(picture))
      }
    }
    guard !pictures.isEmpty else {
      throw DatasetError(.layout("there is no picture"), path: places.joined(separator: ", "))
    }
    return Dataset(
      layout: .yolo, split: split, splits: splits, labels: configuration.labels,
      pictures: pictures, remarks: labels.remarks)
  }

  /// The file or folder below the set's folder that an entry means: sets are moved, so that only the last
  /// parts of a path are sure (`../train/images`, `/home/x/set/images/val`).
  private static func place(
    of entry: some StringProtocol, in files: some DatasetFiles
  ) throws(DatasetError) -> String? {
    var parts = entry.split(separator: "/").filter { $0 != "." && $0 != ".." }
    while let last = parts.last {
      let path = parts.joined(separator: "/")
      let folder = parts.dropLast().joined(separator: "/")
      if try files.names(in: folder)?.contains(String(last)) == true { return path }
      parts.removeFirst()
    }
    return nil
  }

  /// The pictures of a folder, also in its `images`, or those that a list names.
  private static func pictures(
    at place: String, in files: some DatasetFiles
  ) throws(DatasetError) -> [String] {
    guard place.hasSuffix(".txt") else {
      for folder in [place, files.join(place, "images")] {
        let names = (try files.names(in: folder) ?? []).filter(PictureNames.isPicture)
        if !names.isEmpty { return names.map { files.join(folder, $0) } }
      }
      return []
    }
    let bytes = try files.contents(of: place, limit: SplitList.maximumByteCount)
    var found: [String] = []
    var missing: [String] = []
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let entry = line.trimmingWhitespace()
      guard !entry.isEmpty else { continue }
      if let picture = try Self.place(of: entry, in: files) {
        found.append(picture)
      } else {
        missing.append(String(entry))
      }
    }
    guard missing.isEmpty else { throw DatasetError(.missingPictures(missing), path: place) }
    return found
  }
}
