import Foundation
import Testing

/// A bounded run of the fuzz target without libFuzzer: the corpus, whole and cut off at each byte.
@Suite struct HTTPFuzzReplayTests {
  @Test func theCorpusBreaksNoPromise() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fuzz/corpus/http")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: file))
      for end in 0...bytes.count { HTTPFuzzTarget.run(Array(bytes[..<end])) }
    }
  }
}
