import FuzzCorpus
import Testing

@Suite struct BodyFuzzReplayTests {
  @Test(arguments: BodyFuzzTarget.allCases)
  func theCorpusBreaksNoPromise(_ target: BodyFuzzTarget) throws {
    try FuzzCorpus.replay(target.rawValue, places: 200, run: target.run)
  }
}
