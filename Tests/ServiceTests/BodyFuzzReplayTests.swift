import Foundation
import Testing

/// A bounded run of the fuzz targets without libFuzzer: the corpora, whole, cut off at each byte, and
/// with each byte changed.
@Suite struct BodyFuzzReplayTests {
  @Test(arguments: BodyFuzzTarget.allCases)
  func theCorpusBreaksNoPromise(_ target: BodyFuzzTarget) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fuzz/corpus/\(target.rawValue)")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: file))
      target.run(bytes)
      for place in stride(from: 0, to: bytes.count, by: max(bytes.count / 200, 1)) {
        target.run(Array(bytes[..<place]))
        var changed = bytes
        changed[place] ^= 0x41
        target.run(changed)
      }
    }
  }
}
