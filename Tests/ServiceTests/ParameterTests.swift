import HTTP1
import HTTPServer
import Testing

@testable import Service

/// What may and may not stand in a query.
@Suite struct ParameterTests {
  private func parse(_ query: String) throws -> RequestParameters {
    // No route has them all.
    let isOfExplanations = ["box=", "point=", "nearest="].contains { query.hasPrefix($0) }
    return try RequestParameters(
      QueryString.pairs(of: query), at: isOfExplanations ? .explain : .detect, model: .cells)
  }

  private func problem(_ query: String) -> Problem? {
    do {
      _ = try parse(query)
      return nil
    } catch { return error as? Problem }
  }

  @Test(arguments: Parameter.allCases)
  func theEndsOfEachRangeAreTakenAndWhatLiesBeyondIsRefused(parameter: Parameter) throws {
    let (good, bad): ([String], [String]) =
      switch parameter.values {
      case .number(let range):
        (
          ["\(range.lowerBound)", "\(range.upperBound)", "5e-1", ".5"],
          [
            "-0.001", "\(range.upperBound + 0.001)", "50000", "nan", "inf", "0x1p-2", "0.5%20",
            "half", "", "0,5", "1e999",
          ]
        )
      case .integer(let range):
        (
          ["\(range.lowerBound)", "\(range.upperBound)"],
          [
            "\(range.lowerBound - 1)", "\(range.upperBound + 1)", "1.5", "", "ten", "1e2",
            "99999999999999999999",
          ]
        )
      case .oneOf(let words): (words, ["", "other", words[0] + "x", words[0].uppercased() + "X"])
      case .listOf(let words):
        (words + [words.joined(separator: ",")], ["", ",", "other", "\(words[0]),\(words[0])"])
      case .numbers(let count, let range):
        (
          [
            Array(repeating: "1", count: count.lowerBound).joined(separator: ","),
            Array(repeating: "\(range.upperBound)", count: count.upperBound).joined(separator: ","),
          ],
          [
            "", ",", "1,", "nan", "1,2,3", "1,2,3,4,5", "a,b",
            Array(repeating: "1e9", count: count.upperBound).joined(separator: ","),
          ]
        )
      case .size(let range):
        (
          ["1,1", "600,\(range.upperBound)"],
          [
            "", "600", "600,800,3", "0,1", "600,\(range.upperBound + 1)", "600x800", "6.5,8",
            "1,x,2",
          ]
        )
      case .modelName: (["cells"], ["", "other", "Cells"])
      case .classes:
        (["0", "2", "WBC", "RBC,1,2", "0,RBC"], ["", "3", "-1", "wbc", "RBC,", "1;2"])
      }
    for name in [parameter.rawValue] + parameter.aliases {
      for value in good { #expect(throws: Never.self) { try parse("\(name)=\(value)") } }
      for value in bad {
        let problem = problem("\(name)=\(value)")
        #expect(problem?.kind == .invalidParameter, "\(name)=\(value)")
        #expect(problem?.parameter == parameter.rawValue)
        #expect(problem?.detail.contains("'\(name)'") == true)
      }
    }
  }

  @Test func aRefusalTellsTheRange() {
    #expect(
      problem("confidence=50")?.detail
        == "The parameter 'confidence' is '50', but has to be a number from 0 to 1.")
    #expect(
      problem("classes=RBC,cat")?.detail
        == "The parameter 'classes' is 'RBC,cat', but has to list numbers from 0 to 2 or labels of "
        + "RBC, WBC, Platelets; 'cat' is neither.")
  }

  @Test(arguments: [
    "treshold=0.5", "Score_Threshold=0.5", "score_threshold%00=1", "=1", "timeout=5", "%20",
  ])
  func anUnknownNameIsRefusedByName(query: String) throws {
    let problem = problem(query)
    #expect(problem?.kind == .unknownParameter)
    let name = try QueryString.pairs(of: query)[0].name
    #expect(problem?.parameter == name)
    #expect(problem?.detail.contains("'\(name)'") == true)
  }

  @Test(arguments: [
    "iou=0.5&iou=0.5", "iou=0.5&nms_threshold=0.4", "overlap=0.1&iou_threshold=0.1",
    "classes=1&class_filter=2", "normalized=true&box_format=xyxy&normalized=true",
  ])
  func aParameterGivenTwiceIsRefused(query: String) {
    #expect(problem(query)?.kind == .duplicateParameter)
  }

  @Test func proposalsHaveNoDetectionsToInclude() throws {
    func sections(_ query: String) throws -> Set<ResponseSection> {
      try RequestParameters(QueryString.pairs(of: query), at: .proposals, model: .cells).sections
    }
    #expect(try sections("") == [.proposals, .model, .image, .timings])
    #expect(try sections("include=proposals,features") == [.proposals, .features, .image])
    #expect(try sections("include=proposals,-image") == [.proposals])
    #expect(try sections("include=-image") == [.proposals, .model, .timings])
    let problem = #expect(throws: Problem.self) { try sections("include=detections,proposals") }
    #expect(problem?.kind == .invalidParameter && problem?.parameter == "include")
    let rule = "has to list some of proposals, model, image, timings, features, -image, each once."
    #expect(problem?.detail.hasSuffix(rule) == true)
  }

  @Test func longInputIsNotRepeatedAtLength() {
    // The answer to an unknown name lists those that are known, which are some 360 characters.
    let name = String(repeating: "n", count: 10_000)
    #expect((problem("\(name)=1")?.detail.count ?? .max) < 500)
    #expect((problem("iou=\(name)")?.detail.count ?? .max) < 400)
    #expect((problem("classes=\(name)")?.detail.count ?? .max) < 400)
    let part = String(repeating: "n", count: 100)
    for query in ["\(name)=1", "iou=\(name)", "classes=\(name)"] {
      #expect(problem(query)?.detail.contains(part) == false)
    }
  }

  @Test(
    arguments: [
      ("", []), ("&&", []), ("a=1&b=2", [("a", "1"), ("b", "2")]), ("a", [("a", "")]),
      ("a=b=c", [("a", "b=c")]), ("a=%41%2b+%26", [("a", "A+ &")]), ("%C3%A9=%c3%a9", [("é", "é")]),
      ("a=1;b=2", [("a", "1;b=2")]),
    ] as [(String, [(String, String)])])
  func queriesAreDecoded(query: String, pairs: [(String, String)]) throws {
    #expect(
      try QueryString.pairs(of: query) == pairs.map { NamedValue(name: $0.0, value: $0.1) })
  }

  @Test(arguments: ["a=%", "a=%4", "%zz=1", "a=%ff", "a=%C3", "a=% 41", "a=%+1"])
  func brokenEncodingIsRefused(query: String) {
    #expect(problem(query)?.kind == .malformedRequest)
  }

  @Test func aQueryHasABoundedNumberOfPairs() {
    let query = Array(repeating: "iou=1", count: 65).joined(separator: "&")
    #expect(problem(query)?.limit?.value == 64)
  }

  @Test func refusalsComeBeforeTheBodyAndNameTheParameter() async throws {
    let service = try await DetectionService.ready()
    let head = HTTPRequest.detect("score_threshold=2", body: [])
    var announcing = head
    announcing.fields["Content-Length"] = "1000"
    let response = try #require(service.refuse(head: announcing))
    try expectProblem(response, 400, "invalid-parameter", parameter: "score_threshold")
    try expectProblem(
      try await service.detect("x=1"), 400, "unknown-parameter", parameter: "x")
    try expectProblem(
      try await service.detect("iou=0&iou=0"), 400, "duplicate-parameter",
      parameter: "nms_threshold")
  }
}
