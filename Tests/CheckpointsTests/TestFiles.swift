import Checkpoints
import Tensors

/// Files beside the tests, and bytes put together by hand.
enum TestFiles {
  /// The families' checkpoints, which stand where their answers are tested.
  private static let families: Set<String> = [
    "bubbliiiing-resnet50.pth", "bubbliiiing-vgg.pth", "chainercv.npz",
    "simple-faster-rcnn-legacy.pth", "simple-faster-rcnn.pth", "simple-faster-rcnn.safetensors",
  ]

  /// The path of a file in `Fixtures`, or of a family's checkpoint.
  static func path(_ name: String) -> String {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let folder = families.contains(name) ? "FasterRCNNTests" : "CheckpointsTests"
    return "/\(tests)/\(folder)/Fixtures/\(name)"
  }

  /// The bytes of a file in `Fixtures`.
  static func bytes(_ name: String) throws -> [UInt8] {
    let storage = try ByteStorage.mapping(path: path(name))
    return unsafe storage.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}

extension FixedWidthInteger {
  /// The bytes, lowest first.
  var littleEndianBytes: [UInt8] {
    (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
  }
}

/// What reading some bytes throws; `nil` where they are read.
func readingError(_ bytes: [UInt8], as format: CheckpointFormat? = nil) -> CheckpointError? {
  do {
    _ = try Checkpoint(contentsOf: ByteStorage(copying: bytes), as: format)
    return nil
  } catch {
    return error
  }
}

extension StateDictionary {
  /// Whether two dictionaries hold the same names, types, shapes and bytes, in whatever order.
  func isIdentical(to other: StateDictionary) -> Bool {
    guard Set(names) == Set(other.names) else { return false }
    return names.allSatisfy { name in
      guard let mine = self[name], let theirs = other[name] else { return false }
      return mine.elementType == theirs.elementType && mine.shape == theirs.shape
        && mine.contiguousBytes() == theirs.contiguousBytes()
    }
  }
}
