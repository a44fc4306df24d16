import FuzzCorpus
import Testing

@Suite struct HTTPFuzzReplayTests {
  @Test func theCorpusBreaksNoPromise() throws {
    try FuzzCorpus.replay("http", run: HTTPFuzzTarget.run)
  }
}
