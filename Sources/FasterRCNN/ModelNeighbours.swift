internal import Families
internal import FoundationEssentials
internal import Tensors

/// The files beside a checkpoint that say more of it.
struct ModelNeighbours: Sendable {
  /// The checkpoint's path.
  let path: String

  private let url: URL

  init(of path: String) {
    self.path = path
    url = URL(fileURLWithPath: path)
  }

  /// The checkpoint's name with its extension.
  var fileName: String { url.lastPathComponent }

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
  var settingsPath: String {
    url.deletingLastPathComponent().appendingPathComponent(name + ".json").path
  }

  private static func stem(of name: String) -> String {
    guard let point = name.lastIndex(of: "."), point != name.startIndex else { return name }
    let ending = name[name.index(after: point)...]
    let isNumber = !ending.isEmpty && ending.allSatisfy { $0.isASCII && $0.isNumber }
    return isNumber ? name : String(name[..<point])
  }

  /// The settings in `NAME.json`; `nil` where there is no such file.
  func settings() throws(ModelError) -> (json: [UInt8], source: String)? {
    guard settingsPath != url.path else { return nil }
    do {
      return try Self.read(settingsPath).map { ($0, settingsPath) }
    } catch {
      throw .family(.unreadable(source: settingsPath, reason: error.reason))
    }
  }

  /// The bytes of a file in the checkpoint's folder; `nil` where there is none of the name.
  func contents(of name: String) throws(CardError) -> [UInt8]? {
    try Self.read(url.deletingLastPathComponent().appendingPathComponent(name).path)
  }

  /// A file that is there and cannot be read is an error: to pass over it would be to run another
  /// model than the one that was asked for.
  private static func read(_ path: String) throws(CardError) -> [UInt8]? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
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
