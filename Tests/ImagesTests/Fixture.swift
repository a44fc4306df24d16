import Foundation
import Testing

@testable import Images

/// The files beside the tests.
enum Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures")

  /// The drawn pictures, which stand beside what the families answer for them.
  private static let drawn = folder.appending(path: "../../FasterRCNNTests/Fixtures")
    .standardizedFileURL

  /// The bytes of a file.
  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }

  /// The bytes of one of the drawn pictures.
  static func drawn(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: drawn.appending(path: name)))
  }

  /// The bytes of one of the small pictures.
  static func picture(_ name: String) throws -> [UInt8] { try bytes("pictures/" + name) }

  /// The names of the small pictures, in order.
  static let pictureNames: [String] = {
    let path = folder.appending(path: "pictures").path(percentEncoded: false)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
    // Formats may be left out of a build.
    return names.filter { name in ImageFormat.all.contains { $0.isFormat(ofFileNamed: name) } }
  }()

  static let pictures = Result { try Goldens("pictures.safetensors") }
  static let resampling = Result { try Goldens("resampling.safetensors") }
  static let byteResampling = Result { try Goldens("byte-resampling.safetensors") }
  static let networkInputs = Result { try Goldens("network-inputs.safetensors") }
}

extension ImageFormat {
  /// Whether a file's name ends as this format's do.
  func isFormat(ofFileNamed name: String) -> Bool {
    fileExtensions.contains { name.hasSuffix("." + $0) }
  }
}

/// The tensors of a safetensors file: enough of the format for files that are known to be right.
struct Goldens {
  struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
  }

  private var entries: [String: Entry] = [:]
  private let bytes: [UInt8]
  private let start: Int

  init(_ name: String) throws {
    bytes = try Fixture.bytes(name)
    let bytes = self.bytes
    let start = 8 + (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
    self.start = start
    let header = try #require(
      try JSONSerialization.jsonObject(with: Data(bytes[8..<start])) as? [String: Any])
    for (key, value) in header where key != "__metadata__" {
      let data = try JSONSerialization.data(withJSONObject: value)
      entries[key] = try JSONDecoder().decode(Entry.self, from: data)
    }
  }

  var names: [String] { entries.keys.sorted() }

  func contains(_ name: String) -> Bool { entries[name] != nil }

  func shape(_ name: String) throws -> [Int] { try #require(entries[name], "\(name)").shape }

  func uint8(_ name: String) throws -> [UInt8] {
    let entry = try #require(entries[name], "\(name)")
    try #require(entry.dtype == "U8")
    return Array(bytes[(start + entry.data_offsets[0])..<(start + entry.data_offsets[1])])
  }

  func int64(_ name: String) throws -> [Int] {
    let entry = try #require(entries[name], "\(name)")
    try #require(entry.dtype == "I64")
    return stride(from: entry.data_offsets[0], to: entry.data_offsets[1], by: 8).map { offset in
      (0..<8).reduce(0) { $0 | Int(bytes[start + offset + $1]) << (8 * $1) }
    }
  }

  func float32(_ name: String) throws -> [Float] {
    let entry = try #require(entries[name], "\(name)")
    try #require(entry.dtype == "F32")
    return stride(from: entry.data_offsets[0], to: entry.data_offsets[1], by: 4).map { offset in
      Float(
        bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + offset + $1]) << (8 * $1) })
    }
  }

  /// The elements as float32, whatever they are stored as.
  func values(_ name: String) throws -> [Float] {
    try #require(entries[name], "\(name)").dtype == "U8"
      ? uint8(name).map { Float($0) } : float32(name)
  }
}

/// The largest absolute difference of two equally long arrays.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  precondition(a.count == b.count, "\(a.count) and \(b.count) values")
  return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
