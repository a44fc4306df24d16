@testable import Datasets

/// Files that exist for one test.
struct MemoryFiles: DatasetFiles {
  var files: [String: [UInt8]] = [:]

  init(_ texts: [String: String]) { files = texts.mapValues { Array($0.utf8) } }

  func names(in folder: String) throws(DatasetError) -> [String]? {
    let prefix = folder.isEmpty ? "" : folder + "/"
    var names: Set<String> = []
    for path in files.keys where path.hasPrefix(prefix) && path != folder {
      names.insert(path.dropFirst(prefix.count).split(separator: "/").first.map(String.init) ?? "")
    }
    return names.isEmpty ? nil : names.sorted()
  }

  func contents(of path: String, limit: Int) throws(DatasetError) -> [UInt8] {
    guard let bytes = files[path] else {
      throw DatasetError(.unreadable("cannot open it: No such file or directory"), path: path)
    }
    guard bytes.count <= limit else { throw DatasetError(.tooLarge(limit: limit), path: path) }
    return bytes
  }
}

extension Dataset {
  static func read(_ texts: [String: String], split: String? = nil) throws(DatasetError) -> Dataset
  {
    try read(MemoryFiles(texts), options: Options(split: split))
  }
}
