import Tensors

/// The stream that `torch.save` wrote before PyTorch 1.6: pickles of a magic number, a version, the
/// writer's machine, the object and the storages' keys, then the storages in the order of the keys.
///
/// Each storage is its number of elements in 8 bytes and the elements, little-endian whatever the
/// machine was.
///
/// Source: torch/serialization.py (`_legacy_save`, `_legacy_load`), torch/csrc/serialization.cpp.
struct PyTorchLegacy: PyTorchStorageSource {
  /// 0x1950a86a20f9469cfc6c, lowest byte first.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  private static let version = 1001

  private let storage: ByteStorage
  private var parts: [String: Range<Int>] = [:]

  /// Whether the first pickle of a file is the magic number.
  static func recognises(_ graph: PickleGraph) -> Bool {
    guard case .hugeInteger(let part) = graph[graph.root].content else { return false }
    return graph.storage.bytes(in: part) == magic
  }

  /// Reads what follows the magic number; tensors point into the file.
  static func read(_ reader: inout ByteReader) throws(CheckpointError) -> PickledWeights {
    let start = reader.offset
    let version = try PickleMachine.run(&reader)
    guard version.integer(version.root) == Self.version else {
      throw CheckpointError(
        .malformed("the version of the stream is not \(Self.version)"), byteOffset: start)
    }
    _ = try PickleMachine.run(&reader)
    let graph = try PickleMachine.run(&reader)
    let keys = try PickleMachine.run(&reader)
    let source = try PyTorchLegacy(&reader, graph: graph, keys: keys)
    return try PickledWeights(graph, source: source, fileByteCount: reader.storage.count)
  }

  private init(
    _ reader: inout ByteReader, graph: PickleGraph, keys: PickleGraph
  ) throws(CheckpointError) {
    self.storage = reader.storage
    var references: [String: PyTorchStorageReference] = [:]
    for index in graph.nodes.indices {
      guard let reference = PyTorchStorageReference(graph, PickleGraph.Index(index)) else {
        continue
      }
      if let other = references.updateValue(reference, forKey: reference.key),
        other.count != reference.count
          || other.type.elementByteCount != reference.type.elementByteCount
      {
        throw CheckpointError(
          .malformed(
            "the storage \(CheckpointError.quoted(reference.key)) is described in two ways"),
          byteOffset: graph.nodes[index].byteOffset)
      }
    }
    guard let list = keys.sequence(keys.root) else {
      throw CheckpointError(
        .malformed("the keys of the storages are no list"),
        byteOffset: keys[keys.root].byteOffset)
    }
    guard list.count <= CheckpointLimits.tensorCount else {
      throw CheckpointError(
        .limitExceeded(
          what: "the number of storages", value: UInt64(list.count),
          limit: CheckpointLimits.tensorCount), byteOffset: keys[keys.root].byteOffset)
    }
    for index in list {
      let place = reader.offset
      guard let key = keys.name(index), let reference = references[key] else {
        throw CheckpointError(
          .malformed("a storage belongs to no tensor"), byteOffset: keys[index].byteOffset)
      }
      let count = try reader.read(UInt64.self, "the size of a storage")
      guard count == UInt64(reference.count) else {
        throw CheckpointError(
          .sizeMismatch(needed: reference.count, found: Int(clamping: count)), byteOffset: place)
      }
      let (byteCount, overflow) = count.multipliedReportingOverflow(
        by: UInt64(reference.type.elementByteCount))
      let part = try reader.readPart(overflow ? .max : byteCount, "a storage")
      guard parts.updateValue(part, forKey: key) == nil else {
        throw CheckpointError(.duplicateName, byteOffset: place, tensorName: key)
      }
    }
  }

  mutating func storage(
    _ reference: PyTorchStorageReference
  ) throws(CheckpointError) -> (storage: ByteStorage, part: Range<Int>) {
    guard let part = parts[reference.key] else {
      throw CheckpointError(
        .malformed("the file lacks the storage \(CheckpointError.quoted(reference.key))"),
        byteOffset: 0)
    }
    // `init` held every reference of the graph against the file.
    return (storage, part)
  }
}
