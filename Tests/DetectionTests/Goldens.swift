import Detection
import Foundation

/// The arrays of a file in `Fixtures`, cut by running the reference implementations.
///
/// Detection imports no file format, so the tests read this one file themselves.
struct Goldens {
  /// What was found where an array was looked for.
  struct MissingArray: Error {
    let name: String
  }

  private struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]
  }

  private let entries: [String: Entry]
  private let data: Data

  /// Opens `Fixtures/<file>.safetensors`.
  init(_ file: String = "algorithms") throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/\(file).safetensors")
    let file = try Data(contentsOf: url)
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    entries = try JSONDecoder().decode([String: Entry].self, from: file[8..<8 + length])
    data = file.dropFirst(8 + length)
  }

  /// The names that start so.
  func names(startingWith prefix: String) -> [String] {
    entries.keys.filter { $0.hasPrefix(prefix) }.sorted()
  }

  func shape(_ name: String) throws -> [Int] {
    guard let entry = entries[name] else { throw MissingArray(name: name) }
    return entry.shape
  }

  func floats(_ name: String) throws -> [Float] { try elements(name, type: "F32") }

  func integers(_ name: String) throws -> [Int] {
    let values: [Int64] = try elements(name, type: "I64")
    return values.map { Int($0) }
  }

  func boxes(_ name: String) throws -> [BoundingBox] {
    let values = try floats(name)
    return stride(from: 0, to: values.count, by: 4).map {
      BoundingBox(values[$0], values[$0 + 1], values[$0 + 2], values[$0 + 3], as: .yxyx)
    }
  }

  private func elements<Element: BitwiseCopyable>(
    _ name: String, type: String
  ) throws -> [Element] {
    guard let entry = entries[name], entry.dtype == type else { throw MissingArray(name: name) }
    let bytes = data.dropFirst(entry.data_offsets[0])
      .prefix(entry.data_offsets[1] - entry.data_offsets[0])
    let size = MemoryLayout<Element>.size
    return unsafe Array(bytes).withUnsafeBytes { bytes in
      (0..<bytes.count / size).map {
        // Safety: the offset and the size of an element end at or before bytes.count.
        unsafe bytes.loadUnaligned(fromByteOffset: $0 * size, as: Element.self)
      }
    }
  }
}
