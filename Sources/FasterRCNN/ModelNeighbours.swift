internal import Families
internal import Glibc
internal import Tensors

/// The files beside a checkpoint that say more of it.
struct ModelNeighbours: Sendable {
  /// The checkpoint's path.
  let path: String

  /// The checkpoint's folder, with the slash that ends it; empty for the working folder.
  private let folder: String

  /// The checkpoint's name with its extension.
  let fileName: String

  init(of path: String) {
    self.path = path
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    (folder, fileName) = (String(path[..<start]), String(path[start...]))
  }

  /// The checkpoint's name without its extension.
  ///
  /// What follows a point is an extension only where it is one of a checkpoint's: a training script
  /// that names files `fasterrcnn_07221234_0.7011` ends them with a score.
  var name: String {
    // The index of a checkpoint in several files stands for them all.
    let index = ".safetensors.index.json"
    return fileName.hasSuffix(index)
      ? String(fileName.dropLast(index.count)) : Self.stem(of: fileName)
  }

  /// The path of the settings, there or not.
  var settingsPath: String { folder + name + ".json" }

  private static func stem(of name: String) -> String {
    guard let point = name.lastIndex(of: "."), point != name.startIndex else { return name }
    let ending = name[name.index(after: point)...]
    let isNumber = !ending.isEmpty && ending.allSatisfy { $0.isASCII && $0.isNumber }
    return isNumber ? name : String(name[..<point])
  }

  /// The settings in `NAME.json`; `nil` where there is no such file.
  func settings() throws(ModelError) -> (json: [UInt8], source: String)? {
    guard settingsPath != path else { return nil }
    do {
      return try Self.read(settingsPath).map { ($0, settingsPath) }
    } catch {
      throw .family(.unreadable(source: settingsPath, reason: error.reason))
    }
  }

  /// The bytes of a file in the checkpoint's folder; `nil` where there is none of the name.
  func contents(of name: String) throws(CardError) -> [UInt8]? {
    try Self.read(folder + name)
  }

  /// A file that is there and cannot be read is an error: to pass over it would be to run another
  /// model than the one that was asked for.
  private static func read(_ path: String) throws(CardError) -> [UInt8]? {
    guard unsafe access(path, F_OK) == 0 else { return nil }
    let storage: ByteStorage
    do {
      storage = try ByteStorage.mapping(path: path)
    } catch {
      throw CardError(reason: "\(error)")
    }
    guard storage.count <= ModelCard.maximumByteCount else {
      throw CardError(reason: "\(storage.count) bytes are more than 1 MiB")
    }
    return unsafe storage.withUnsafeBytes { unsafe Array($0) }
  }
}
