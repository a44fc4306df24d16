@testable import Checkpoints
import Tensors

/// What is fuzzed of checkpoints: one reader each, the telling of formats, and deflated entries of
/// archives.
///
/// Shared by the tests (a replay of the corpus with seeded mutations) and by libFuzzer
/// (`scripts/fuzz`).
enum FuzzTarget: String, CaseIterable, Sendable {
  case safetensors
  case npy
  case npz
  case torch
  case legacy
  case pickle
  case caffe
  case index
  case any
  case deflate

  private var format: CheckpointFormat? {
    switch self {
    case .safetensors: .safetensors
    case .npy: .numPyArray
    case .npz: .numPyArchive
    case .torch: .pyTorchArchive
    case .legacy: .pyTorchLegacy
    case .pickle: .pickle
    case .caffe: .caffeModel
    case .any, .deflate, .index: nil
    }
  }

  /// Reads some bytes, and if they are read, everything that came of them.
  ///
  /// Traps where a promise is broken: a tensor that cannot be read to its last element, a refusal
  /// without a place, or a dictionary that does not survive being written and read again.
  func run(_ bytes: [UInt8]) {
    if self == .deflate { return Self.inflate(bytes) }
    if self == .index { return Self.index(bytes) }
    let storage = ByteStorage(copying: bytes)
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(contentsOf: storage, as: format)
    } catch {
      precondition(!error.description.isEmpty && error.byteOffset != nil, "\(error)")
      return
    }
    let dictionary = checkpoint.stateDictionary
    var byteCount = 0
    for name in dictionary.names {
      guard let tensor = dictionary[name] else { preconditionFailure("\(name) has no tensor") }
      // Small files may hold large views; a run must stay short.
      byteCount += tensor.byteCount
      guard byteCount < 1 << 20 else { return }
      let values = tensor.float32Values()
      precondition(values.count == tensor.shape.count, "\(values.count) of \(tensor.shape)")
      precondition(tensor.contiguousBytes().count == tensor.byteCount, "\(tensor.shape)")
    }
    _ = Self.depth(of: checkpoint.attributes)
    if let writer = try? SafetensorsWriter(dictionary) {
      let copy = ByteStorage(copying: writer.bytes())
      guard let again = try? Checkpoint(contentsOf: copy, as: .safetensors) else {
        preconditionFailure("what was written is not read again")
      }
      precondition(again.stateDictionary.count == dictionary.count, "tensors were lost")
    }
  }

  /// Reads an index of shards, whose files must be names without folders.
  private static func index(_ bytes: [UInt8]) {
    guard let index = try? SafetensorsIndex(ByteStorage(copying: bytes)) else { return }
    for file in index.fileOfTensor.values {
      precondition(!file.isEmpty && !file.contains("/") && !file.hasPrefix("."), file)
    }
  }

  /// Inflates all bytes but the first two, which say how long the result has to be.
  private static func inflate(_ bytes: [UInt8]) {
    guard bytes.count > 2 else { return }
    let length = Int(bytes[0]) | Int(bytes[1] & 0x0f) << 8
    let storage = ByteStorage(copying: bytes)
    guard
      let result = try? Deflate.inflate(
        storage, 2..<bytes.count, byteCount: length, name: "input")
    else { return }
    precondition(result.count == length, "\(result.count) bytes instead of \(length)")
  }

  /// Walks the whole tree.
  private static func depth(of value: PickleValue) -> Int {
    switch value {
    case .list(let values), .tuple(let values), .set(let values):
      return 1 + (values.map { depth(of: $0) }.max() ?? 0)
    case .dictionary(let entries):
      return 1 + (entries.map { max(depth(of: $0.key), depth(of: $0.value)) }.max() ?? 0)
    case .object(_, let arguments, let state):
      return 1 + max(arguments.map { depth(of: $0) }.max() ?? 0, state.map { depth(of: $0) } ?? 0)
    default: return 1
    }
  }
}
