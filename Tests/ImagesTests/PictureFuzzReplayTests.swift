import FuzzCorpus
import Testing

@Suite struct PictureFuzzReplayTests {
  @Test(arguments: PictureFuzzTarget.allCases)
  func theCorpusBreaksNoPromise(_ target: PictureFuzzTarget) throws {
    try FuzzCorpus.replay(target.rawValue, places: 40, run: target.run)
  }
}
