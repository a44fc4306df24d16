import Foundation
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// Content codings, both ways.
@Suite struct CodingTests {
  /// "frcnn frcnn frcnn frcnn\n" by Python's `gzip`, `zlib` and raw `zlib.compressobj(wbits=-15)`.
  private static let text = Array("frcnn frcnn frcnn frcnn\n".utf8)
  private static let gzip = bytes("H4sIAAAAAAACA0srSs7LU0hDJ7kATbSLARgAAAA=")
  private static let zlib = bytes("eNpLK0rOy1NIQye5AHF+CMc=")
  private static let raw = bytes("SytKzstTSEMnuQA=")

  private static func bytes(_ base64: String) -> [UInt8] {
    Data(base64Encoded: base64).map { [UInt8]($0) } ?? []
  }

  @Test func whatOthersCodedIsUndone() throws {
    #expect(try Inflation.undo(Self.gzip, .gzip, limit: 100) == Self.text)
    #expect(try Inflation.undo(Self.zlib, .deflate, limit: 100) == Self.text)
    #expect(try Inflation.undo(Self.raw, .deflate, limit: 100) == Self.text)
    // RFC 1952 section 2.2: members one behind the other.
    #expect(
      try Inflation.undo(Self.gzip + Self.gzip, .gzip, limit: 100) == Self.text + Self.text)
  }

  @Test(arguments: ContentCoding.allCases, [0, 1, 1000, 65_535, 65_536, 300_000])
  func undoingIsTheReverse(coding: ContentCoding, length: Int) throws {
    var state: UInt32 = 1
    let bytes = (0..<length).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24) & 15
    }
    let coded = try #require(Compression.apply(coding, to: bytes))
    #expect(try Inflation.undo(coded, coding, limit: max(length, 1)) == bytes)
    if length > 1 {
      #expect(throws: Inflation.Fault.tooLong(limit: length - 1)) {
        try Inflation.undo(coded, coding, limit: length - 1)
      }
    }
  }

  @Test(arguments: ContentCoding.allCases)
  func everyCutAndEveryFlippedByteIsSeenOrHarmless(coding: ContentCoding) throws {
    let coded = try #require(Compression.apply(coding, to: Self.text))
    for length in 0..<coded.count {
      #expect(throws: Inflation.Fault.self) {
        try Inflation.undo(Array(coded[..<length]), coding, limit: 1000)
      }
    }
    #expect(throws: Inflation.Fault.self) {
      try Inflation.undo(coded + [0], coding, limit: 1000)
    }
    // Both formats have a checksum: what is undone without a fault is what it was. (Bits of gzip's
    // header, as its time, may change freely.)
    for index in coded.indices {
      var damaged = coded
      damaged[index] ^= 0x10
      let undone = try? Inflation.undo(damaged, coding, limit: 1000)
      #expect(undone == nil || undone == Self.text, "byte \(index)")
    }
  }

  @Test(arguments: ContentCoding.allCases)
  func aBombIsRefusedBeforeItGrows(coding: ContentCoding) throws {
    let bomb = try #require(
      Compression.apply(coding, to: [UInt8](repeating: 0, count: 64 << 20)))
    #expect(bomb.count < 400_000)
    #expect(throws: Inflation.Fault.tooDense(ratio: 100)) {
      try Inflation.undo(bomb, coding, limit: 1 << 30)
    }
    // One that is small enough to be harmless may be as dense as it likes.
    let small = try #require(
      Compression.apply(coding, to: [UInt8](repeating: 0, count: 1 << 20)))
    #expect(try Inflation.undo(small, coding, limit: 1 << 30).count == 1 << 20)
  }

  // MARK: In requests

  @Test(arguments: [("gzip", ContentCoding.gzip), ("x-gzip", .gzip), ("Deflate", .deflate)])
  func aCodedPictureIsThePicture(name: String, coding: ContentCoding) async throws {
    let service = try await DetectionService.ready()
    let body = try #require(Compression.apply(coding, to: Pictures.png))
    let response = try await service.detect(picture: body, fields: [("Content-Encoding", name)])
    #expect(response.status == 200)
    let form = Form([.file("image", Pictures.png), .text("max_proposals", "1")])
    let coded = try #require(Compression.apply(coding, to: form.body))
    let answer = try await service.detect(
      picture: coded, type: form.type, fields: [("Content-Encoding", name)])
    #expect(try answer.json["proposals"]?.elements.count == 1)
  }

  @Test func aBodyThatIsNotWhatItsCodingSaysIsRefused() async throws {
    let service = try await DetectionService.ready()
    for coding in ContentCoding.allCases {
      let response = try await service.detect(
        fields: [("Content-Encoding", coding.rawValue)])
      try expectProblem(response, 400, "malformed-request")
      let coded = try #require(Compression.apply(coding, to: Pictures.png))
      let cut = try await service.detect(
        picture: Array(coded.dropLast(3)), fields: [("Content-Encoding", coding.rawValue)])
      try expectProblem(cut, 400, "malformed-request")
    }
  }

  @Test func theLimitCountsForWhatABodyStandsFor() async throws {
    var settings = ServiceSettings.testing()
    settings.maximumBodyBytes = 200_000
    let service = try await DetectionService.ready(settings: settings)
    let body = try #require(Compression.apply(.gzip, to: [UInt8](repeating: 7, count: 300_000)))
    let response = try await service.detect(picture: body, fields: [("Content-Encoding", "gzip")])
    try expectProblem(response, 413, "body-too-large")
    #expect(try response.json["limit"]?["value"] == .number(200_000))
  }

  @Test func whatABodyStandsForCountsAmongTheBodiesUnderWay() async throws {
    let service = try await DetectionService.ready()
    let padded = Pictures.png + [UInt8](repeating: 0, count: 50_000)
    let coded = try #require(Compression.apply(.gzip, to: padded))
    var request = HTTPRequest.detect(body: coded, fields: [("Content-Encoding", "gzip")])
    request.memory = BodyMemory(limit: 49_000)
    let refused = try await service.answer(request)
    try expectProblem(refused, 503, "out-of-body-memory")
    #expect(refused.fields["Retry-After"] == "1")
    let memory = BodyMemory(limit: 200_000)
    request.memory = memory
    #expect(try await service.answer(request).status == 200)
    // It is given back with the request's end, which the lane comes to after the answer.
    #expect(await eventually { memory.free == 200_000 })
  }

  @Test func picturesAsTextCountAsWell() async throws {
    let service = try await DetectionService.ready()
    let text = Data(Pictures.png).base64EncodedString()
    var request = HTTPRequest.detect(
      body: Array(#"{"image":"\#(text)"}"#.utf8), type: "application/json")
    request.memory = BodyMemory(limit: Pictures.png.count - 1)
    try expectProblem(try await service.answer(request), 503, "out-of-body-memory")
    request.memory = BodyMemory(limit: Pictures.png.count)
    #expect(try await service.answer(request).status == 200)
  }

  @Test(arguments: ["br", "zstd", "gzip, gzip", "deflate, gzip", "compress", "gzip;q=1", "*"])
  func otherCodingsAreRefusedFromTheHead(value: String) async throws {
    let service = try await DetectionService.ready()
    let response = try await service.detect(fields: [("Content-Encoding", value)])
    try expectProblem(response, 415, "unsupported-content-coding")
    #expect(response.fields["Accept-Encoding"] == "gzip, deflate")
  }

  // MARK: In answers

  @Test(
    arguments: [
      ("gzip", .gzip), ("deflate", .deflate), ("gzip, deflate, br", .gzip), ("br", nil), ("", nil),
      ("gzip;q=0", nil), ("gzip;q=0, deflate", .deflate), ("gzip;q=0.5, deflate;q=0.8", .deflate),
      ("*", .gzip), ("*;q=0", nil), ("identity", nil), ("identity;q=1, gzip;q=0.5", nil),
      ("identity;q=0.5, gzip;q=0.5", .gzip), ("GZIP", .gzip), ("x-gzip", .gzip),
      ("gzip;q=2", nil), ("gzip;q=x", nil), ("gzip; q=0.001", .gzip), ("identity;q=0", nil),
      ("*;q=0.5, gzip;q=0", .deflate),
    ] as [(String, ContentCoding?)])
  func theClientsWeightsDecide(value: String, coding: ContentCoding?) {
    var fields = HTTPFields()
    fields.append("Accept-Encoding", value)
    #expect(ContentCoding.accepted(by: fields) == coding)
  }

  @Test func aLongAnswerIsCodedWhereThatIsAskedFor() async throws {
    let service = try await DetectionService.ready()
    let plain = try await service.get("/openapi.yaml")
    #expect(plain.fields["Content-Encoding"] == nil)
    #expect(plain.fields["Vary"] == "Accept-Encoding")
    for coding in ContentCoding.allCases {
      var request = HTTPRequest(method: "GET", path: "/openapi.yaml")
      request.fields.append("Accept-Encoding", coding.rawValue)
      let coded = try await service.answer(request)
      #expect(coded.fields["Content-Encoding"] == coding.rawValue)
      #expect(coded.fields["Vary"] == "Accept-Encoding")
      #expect(coded.body.count < plain.body.count / 2)
      #expect(try Inflation.undo(coded.body, coding, limit: 1 << 20) == plain.body)
    }
  }

  @Test func aTextThatNeverChangesIsCodedOnce() throws {
    let text = StaticText([UInt8](repeating: 65, count: 5000))
    var request = HTTPRequest(method: "GET", path: "/openapi.yaml")
    #expect(text.response(to: request).body.count == 5000)
    request.fields.append("Accept-Encoding", "gzip")
    let answers = [text.response(to: request), text.response(to: request)]
    #expect(try Inflation.undo(answers[0].body, .gzip, limit: 5000).count == 5000)
    // The same bytes, and not bytes that are the same.
    let places = answers.map { answer in
      unsafe answer.body.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }
    #expect(places[0] == places[1])
  }

  @Test func errorsShortAnswersAndTheProtocolsMetadataStayPlain() {
    func isCoded(_ path: String, status: Int = 200, type: String, length: Int = 5000) -> Bool {
      var request = HTTPRequest(method: "GET", path: path)
      request.fields.append("Accept-Encoding", "gzip")
      var response = HTTPResponse(status: status, body: [UInt8](repeating: 65, count: length))
      response.fields.append("Content-Type", type)
      ResponseCoding.apply(to: &response, request)
      return response.fields["Content-Encoding"] != nil
    }
    #expect(isCoded("/detect", type: "application/json"))
    #expect(!isCoded("/detect", type: "application/json", length: 1023))
    #expect(!isCoded("/detect", status: 400, type: "application/problem+json"))
    #expect(!isCoded("/detect", type: "image/png"))
    #expect(isCoded("/v2/models/m/infer", type: "application/json"))
    #expect(isCoded("/v2/models/m/infer", type: "application/octet-stream"))
    #expect(!isCoded("/v2/models/m/infer", status: 400, type: "application/json"))
    #expect(!isCoded("/v2", type: "application/json"))
    #expect(!isCoded("/v2/models/m/config", type: "application/json"))
  }
}
