import Foundation

/// The corpora of the fuzz targets, played again in bounded runs without libFuzzer.
public enum FuzzCorpus {
  /// Why there is nothing to play.
  public struct Failure: Error, CustomStringConvertible {
    /// Which corpus is empty.
    public let description: String
  }

  /// The inputs of a target.
  ///
  /// - Parameter target: the name of its folder in `Tests/Fuzz/corpus`.
  /// - Returns: the bytes of each.
  /// - Throws: where there is no such folder, or nothing in it.
  public static func inputs(of target: String) throws -> [[UInt8]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "corpus/\(target)")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    guard !files.isEmpty else { throw Failure(description: "\(folder.path) is empty") }
    return try files.sorted { $0.path < $1.path }.map { [UInt8](try Data(contentsOf: $0)) }
  }

  /// Plays each input whole, cut off at places of it, and with the byte there changed.
  ///
  /// - Parameters:
  ///   - target: as for `inputs`.
  ///   - places: how many of an input; each of its bytes where it is left out.
  ///   - run: reads some bytes; traps where a promise is broken.
  /// - Throws: as `inputs`.
  public static func replay(_ target: String, places: Int = .max, run: ([UInt8]) -> Void) throws {
    for bytes in try inputs(of: target) {
      run(bytes)
      for place in stride(from: 0, to: bytes.count, by: max(bytes.count / places, 1)) {
        run(Array(bytes[..<place]))
        var changed = bytes
        changed[place] ^= 0x41
        run(changed)
      }
    }
  }
}
