import Checkpoints
import Files
import Glibc

/// A checkpoint that is served, and what it is called; `nil` as path is the model of the program itself.
struct ModelFile: Sendable, Equatable {
  /// The name that requests use; `nil` for the model's own.
  var name: String?
  var path: String?
}

/// A folder of checkpoints, as model servers are given one: with one file in it, as KServe mounts it, or with
/// a folder for each model.
enum ModelFolder {
  /// The models that an entry of `--model` stands for.
  static func models(of entry: ServedModelSettings.Entry) throws(Failure) -> [ModelFile] {
    guard isFolder(entry.path) else { return [ModelFile(name: entry.name, path: entry.path)] }
    if let file = try checkpoint(in: entry.path) {
      return [ModelFile(name: entry.name, path: file)]
    }
    guard entry.name == nil else {
      throw Failure(.missingInput, "there is no checkpoint in \(entry.path)")
    }
    var models: [ModelFile] = []
    for name in try names(in: entry.path) {
      let path = entry.path + "/" + name
      guard isFolder(path), let file = try checkpoint(in: path) else { continue }
      guard ServedModelSettings.Entry.isName(name) else {
        throw Failure(
          .usage, "the folder '\(name)' cannot name a model: letters, digits and -._~ can")
      }
      models.append(ModelFile(name: name, path: file))
    }
    guard !models.isEmpty else {
      throw Failure(
        .missingInput, "there is no checkpoint in \(entry.path), nor in a folder of it")
    }
    return models
  }

  /// The one checkpoint in a folder; `nil` where there is none.
  private static func checkpoint(in folder: String) throws(Failure) -> String? {
    do {
      return try CheckpointFolder.checkpoint(at: folder)
    } catch {
      let hasSome = try names(in: folder).contains { name in
        let ending = name.split(separator: ".").last.map(String.init) ?? ""
        return CheckpointFolder.extensions.contains(ending)
      }
      guard hasSome else { return nil }
      throw Failure(.usage, "\(error)")
    }
  }

  /// What is in a folder, sorted; without what is hidden, as the links of a mounted volume.
  private static func names(in folder: String) throws(Failure) -> [String] {
    do {
      return try FolderContents.names(in: folder)
        .filter { !$0.hasPrefix(".") }.sorted()
    } catch {
      throw Failure(.missingInput, "the folder \(folder) cannot be listed")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
