import FuzzCorpus
import Testing

@Suite struct FetchFuzzReplayTests {
  @Test(arguments: FetchFuzzTarget.allCases)
  func theCorpusBreaksNoPromise(_ target: FetchFuzzTarget) throws {
    try FuzzCorpus.replay(target.rawValue, run: target.run)
  }
}
