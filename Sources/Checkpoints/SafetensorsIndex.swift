internal import JSON
import Tensors

/// The index of a checkpoint in several safetensors files, as Hugging Face's libraries write it:
/// `{"metadata": {...}, "weight_map": {"tensor": "model-00001-of-00002.safetensors", ...}}`.
struct SafetensorsIndex {
  /// For each tensor, the name of its file in the index's folder.
  private(set) var fileOfTensor: [String: String] = [:]

  /// The largest index that is read, and the most files that one may name.
  private static let longest = 16 << 20
  private static let mostFiles = 1000

  /// Whether bytes look like an index: a JSON object that speaks of a `weight_map` at its start or end.
  static func recognises(_ storage: ByteStorage) -> Bool {
    guard storage.count <= longest, storage.contains("{".utf8, at: 0) else { return false }
    let key = Array("\"weight_map\"".utf8)
    let bytes = storage.bytes(in: 0..<storage.count)
    guard let first = key.first else { return false }
    var place = bytes.startIndex
    while let next = bytes[place...].firstIndex(of: first) {
      if bytes[next...].starts(with: key) { return true }
      place = next + 1
    }
    return false
  }

  /// How many files a shard says that there are; `nil` where the name is not that of a shard.
  static func fileCount(ofShard path: String) -> Int? {
    let name = path.split(separator: "/").last ?? ""
    guard name.hasSuffix(".safetensors") else { return nil }
    let parts = name.dropLast(".safetensors".count).split(separator: "-")
    guard parts.count >= 4, parts[parts.count - 2] == "of", let last = parts.last,
      last.count == 5, parts[parts.count - 3].count == 5, Int(parts[parts.count - 3]) != nil,
      let count = Int(last), count > 1
    else { return nil }
    return count
  }

  /// Reads an index.
  init(_ storage: ByteStorage) throws(CheckpointError) {
    let limits = JSONLimits(
      depth: 8, textBytes: CheckpointLimits.pickleNameByteCount * 4,
      members: CheckpointLimits.tensorCount)
    var reader = JSONReader(storage.bytes(in: 0..<storage.count), limits: limits)
    do throws(JSONError) {
      var map: [String: String] = [:]
      try reader.object { (name, reader) throws(JSONError) in
        guard name == "weight_map" else { return try reader.skip() }
        try reader.object { (tensor, reader) throws(JSONError) in
          map[tensor] = try reader.text()
        }
      }
      try reader.finish()
      fileOfTensor = map
    } catch {
      throw CheckpointError(
        .malformed("the index of the checkpoint cannot be read: \(error.description)"),
        byteOffset: error.offset)
    }
    // A name is a name in the index's own folder, whatever an index would like to reach.
    for file in Set(fileOfTensor.values)
    where file.isEmpty || file.hasPrefix(".") || file.utf8.contains(UInt8(ascii: "/"))
      || file.utf8.contains(0)
    {
      throw CheckpointError(
        .malformed("the index names \(CheckpointError.quoted(file)), which is no file beside it"),
        byteOffset: 0)
    }
    guard Set(fileOfTensor.values).count <= Self.mostFiles else {
      throw CheckpointError(
        .limitExceeded(
          what: "the number of files", value: UInt64(Set(fileOfTensor.values).count),
          limit: Self.mostFiles), byteOffset: 0)
    }
  }

  /// Opens the files that the index names.
  ///
  /// - Parameter path: the index's own path.
  /// - Returns: the tensors of all of them; each must be in the file that the index says.
  /// - Throws: `CheckpointError` with the file that is missing or broken.
  func open(besides path: String) throws(CheckpointError) -> Checkpoint {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var dictionary = StateDictionary()
    var files: [ByteStorage] = []
    for file in Set(fileOfTensor.values).sorted() {
      let filePath = folder + file
      let storage: ByteStorage
      do {
        storage = try ByteStorage.mapping(path: filePath)
      } catch {
        throw CheckpointError(.unreadable(error), path: filePath)
      }
      let shard: StateDictionary
      do throws(CheckpointError) {
        shard = try Safetensors.read(storage)
      } catch {
        var located = error
        located.path = filePath
        throw located
      }
      files.append(storage)
      if dictionary.metadata.isEmpty { dictionary.metadata = shard.metadata }
      for name in shard.names where fileOfTensor[name] == file { dictionary[name] = shard[name] }
    }
    if let missing = fileOfTensor.keys.sorted().first(where: { dictionary[$0] == nil }) {
      throw CheckpointError(
        .malformed("the file that the index names does not hold the tensor"), byteOffset: 0,
        tensorName: missing)
    }
    return Checkpoint(.safetensors, dictionary, files: files)
  }
}
