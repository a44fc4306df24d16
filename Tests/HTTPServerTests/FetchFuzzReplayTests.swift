import Foundation
import Testing

/// A bounded run of the fuzz targets without libFuzzer: the corpora, whole and cut off at each byte.
@Suite struct FetchFuzzReplayTests {
  @Test(arguments: FetchFuzzTarget.allCases)
  func theCorpusBreaksNoPromise(_ target: FetchFuzzTarget) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fuzz/corpus/\(target.rawValue)")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: file))
      for end in 0...bytes.count { target.run(Array(bytes[..<end])) }
    }
  }
}
