import Testing

@testable import HTTP1

@Suite struct CorpusTests {
  @Test("each request gives its events however it is cut", arguments: try Corpus.cases())
  func corpus(_ one: CorpusCase) throws {
    let bytes = one.bytes[...]
    #expect(EventLog.lines(of: [bytes], limits: one.limits) == one.events)
    let single = bytes.indices.map { bytes[$0...$0] }
    #expect(EventLog.lines(of: single, limits: one.limits) == one.events, "byte by byte")
    for cut in bytes.indices {
      let halves = [bytes[..<cut], bytes[cut...]]
      let lines = EventLog.lines(of: halves, limits: one.limits)
      try #require(lines == one.events, "cut at \(cut)")
    }
  }

  @Test("every reason for a refusal is in the corpus") func coverage() throws {
    let seen = Set(
      try Corpus.cases().compactMap { one in
        one.events.last.flatMap { $0.hasPrefix("error ") ? $0.split(separator: " ")[1] : nil }
      })
    for reason in RequestError.Reason.allCases {
      #expect(seen.contains(Substring("\(reason)")), "\(reason)")
    }
  }
}
