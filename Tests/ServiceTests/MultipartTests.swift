import Glibc
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// Forms as clients write them, and forms that no client writes.
@Suite struct MultipartTests {
  private func parts(
    _ body: String, boundary: String = "B", limits: MultipartLimits = MultipartLimits()
  ) throws -> [String: String] {
    let bytes = Array(body.replacing("\n", with: "\r\n").utf8)
    var parser = MultipartParser(bytes, boundary: boundary, limits: limits)
    let parts = try parser.parts().map { part in
      (part.name, String(decoding: bytes[part.content], as: UTF8.self))
    }
    return Dictionary(parts) { first, second in first + "|" + second }
  }

  private func failure(_ body: String, limits: MultipartLimits = MultipartLimits()) -> Problem? {
    do {
      _ = try parts(body, limits: limits)
      return nil
    } catch { return error as? Problem }
  }

  private static let disposition = "Content-Disposition: form-data; name="

  @Test func partsAreReadInOrder() throws {
    let body = """
      --B
      Content-Disposition: form-data; name="a"

      1
      --B \t
      content-type: text/plain; charset=utf-8
      CONTENT-DISPOSITION:form-data;name=b

      two
      lines
      --B
      Content-Disposition: form-data; name="a"; filename="x.jpg"
      X-Other: ignored


      --B--

      """
    #expect(try parts(body) == ["a": "1|", "b": "two\r\nlines"])
    #expect(try parts("--B--") == [:])
    #expect(try parts("--B--\n") == [:])
  }

  @Test func whatLooksLikeADelimiterIsContent() throws {
    let content = "--B\n--\n-\n--b\n--A\r\r\r\n\r--B\n"
    let body = "--B\n\(Self.disposition)x\n\n\(content)\n--B--\n"
    // A line "--B" within the content would be a delimiter, so the first one stands at its start.
    #expect(throws: Problem.self) {
      try parts(body.replacing("\n\n--B\n--\n", with: "\n\n\n--B\n--\n"))
    }
    #expect(try parts(body)["x"] == content.replacing("\n", with: "\r\n"))
  }

  @Test func namesMayBeQuoted() throws {
    let body = "--B\n\(Self.disposition)\"a \\\"b\\\" é; c\"\n\n1\n--B--"
    #expect(try parts(body) == [#"a "b" é; c"#: "1"])
  }

  @Test(arguments: [
    "", "B", "--", "--A\n", "-B--", "preamble--B--", "--B", "--B-", "--B\n", "--Bx\n", "--B--x",
    // No header, or one that is not.
    "--B\n\n1\n--B--", "--B\nContent-Disposition\n\n1\n--B--", "--B\n: x\n\n1\n--B--",
    "--B\nContent-Disposition : form-data; name=a\n\n1\n--B--",
    "--B\n\(disposition)a\n folded: x\n\n1\n--B--", "--B\n\(disposition)a\u{0}\n\n1\n--B--",
    // A disposition that names nothing, twice, or something else.
    "--B\nContent-Disposition: form-data\n\n1\n--B--",
    "--B\nContent-Disposition: attachment; name=a\n\n1\n--B--",
    "--B\n\(disposition)\"\"\n\n1\n--B--",
    "--B\n\(disposition)a; name=b\n\n1\n--B--", "--B\n\(disposition)\"a\n\n1\n--B--",
    "--B\n\(disposition)a; filename=x; filename=y\n\n1\n--B--",
    "--B\n\(disposition)a\n\(disposition)b\n\n1\n--B--", "--B\n\(disposition)a; b\n\n1\n--B--",
    // Parts that ask for more than their bytes.
    "--B\n\(disposition)a\nContent-Type: multipart/mixed; boundary=C\n\n--C\n\n1\n--C--\n--B--",
    "--B\n\(disposition)a\nContent-Transfer-Encoding: base64\n\nAAAA\n--B--",
    // The end is missing.
    "--B\n\(disposition)a\n\n1", "--B\n\(disposition)a\n\n1\n--", "--B\n\(disposition)a\n\n1\n--B",
    "--B\n\(disposition)a\n\n1\n--B-", "--B\n\(disposition)a", "--B\n\(disposition)a\n",
  ])
  func whatIsMalformedIsRefused(body: String) {
    #expect(failure(body)?.kind == .malformedMultipart)
  }

  @Test func everyTruncationIsRefused() throws {
    let form = Form([.text("iou", "0.5"), .file("image", Pictures.png)])
    // Without the last line's end the body is whole too.
    let whole = Array(form.body.dropLast(2))
    var parser = MultipartParser(whole, boundary: Form.boundary, limits: MultipartLimits())
    #expect(try parser.parts().count == 2)
    for count in whole.indices {
      var parser = MultipartParser(
        Array(whole[..<count]), boundary: Form.boundary, limits: MultipartLimits())
      #expect(throws: Problem.self, "\(count) bytes") { try parser.parts() }
    }
  }

  @Test func noByteMakesTheParserTrap() throws {
    let whole = Form([.text("iou", "0.5"), .file("image", Pictures.png)]).body
    for index in whole.indices {
      for byte: UInt8 in [0, 0x0A, 0x0D, 0x22, 0x2D, 0x3B, 0x5C, 0xFF] {
        var body = whole
        body[index] = byte
        var parser = MultipartParser(body, boundary: Form.boundary, limits: MultipartLimits())
        // Whatever becomes of it, what is taken lies in the body.
        guard let parts = try? parser.parts() else { continue }
        #expect(
          parts.allSatisfy { 0 <= $0.content.lowerBound && $0.content.upperBound <= body.count })
      }
    }
  }

  @Test func limitsAreKept() {
    let part = "--B\n\(Self.disposition)a\n\n1\n"
    let many = String(repeating: part, count: 1000) + "--B--"
    #expect(failure(many)?.limit == .init(name: "parts", value: 32, unit: "parts"))
    #expect(failure(String(repeating: part, count: 32) + "--B--") == nil)
    let long = "--B\n\(Self.disposition)a\nX: \(String(repeating: "x", count: 100_000))\n\n1\n--B--"
    #expect(failure(long)?.limit == .init(name: "part_header", value: 4096, unit: "bytes"))
    let lines = "--B\n\(Self.disposition)a\n\(String(repeating: "X: y\n", count: 16))\n1\n--B--"
    #expect(
      failure(lines)?.limit == .init(name: "part_header_lines", value: 16, unit: "lines"))
  }

  @Test func aHostileBodyTakesLinearTime() throws {
    // Each line is all but the last byte of the delimiter. A search that starts anew behind each
    // first byte would look at each of these 8 MiB seventy times.
    let boundary = String(repeating: "b", count: 70)
    let line = Array(("\r\n--" + boundary.dropLast()).utf8)
    var body = Array("--\(boundary)\r\n\(Self.disposition)a\r\n\r\n".utf8)
    while body.count < 8 << 20 { body += line }
    var parser = MultipartParser(body, boundary: boundary, limits: MultipartLimits())
    // Of the thread's own work, whatever else the machine does meanwhile.
    var (start, end) = (timespec(), timespec())
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
    #expect(throws: Problem.self) { try parser.parts() }
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
    // A pass takes about 0.3 s without optimisation.
    #expect(end.tv_sec - start.tv_sec < 10)
  }

  @Test(arguments: [
    ("multipart/form-data; boundary=B", "B"), ("Multipart/Form-Data;Boundary=\"a b\"", "a b"),
    ("multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary7MA4YWxk", nil),
    ("multipart/form-data; boundary=\"'()+_,-./:=?\"", "'()+_,-./:=?"),
  ])
  func boundariesAreFound(type: String, boundary: String?) throws {
    let parsed = try #require(MediaType(parsing: type) ?? nil)
    let found = try MultipartParser.boundary(of: parsed)
    if let boundary { #expect(found == boundary) }
    #expect(!found.isEmpty)
  }

  @Test(arguments: [
    "multipart/form-data", "multipart/form-data; boundary=\"\"",
    "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a; boundary=b",
    "multipart/form-data; boundary=\"\(String(repeating: "b", count: 71))\"",
    "multipart/form-data; boundary=\"a;b\"", "multipart/form-data; boundary=\"é\"",
  ])
  func boundariesThatMayNotBeAreRefusedFromTheHead(type: String) async throws {
    let service = try await DetectionService.ready()
    var head = HTTPRequest.detect(body: [], type: type)
    head.fields["Content-Length"] = "100"
    let response = try #require(service.refuse(head: head))
    try expectProblem(response, 400, "malformed-multipart")
  }

  @Test func aFormHoldsPicturesAndKnownFields() async throws {
    let service = try await DetectionService.ready()
    func send(_ parts: [Form.Part], _ query: String? = nil) async throws -> HTTPResponse {
      let form = Form(parts)
      return try await service.detect(query, picture: form.body, type: form.type)
    }
    let picture = Form.Part.file("image", Pictures.png)
    #expect(try await send([picture]).status == 200)
    try expectProblem(try await send([]), 400, "missing-picture")
    try expectProblem(try await send([.text("iou", "0.5")]), 400, "missing-picture")
    try expectProblem(try await send([.file("image", [])]), 400, "missing-picture")
    #expect(try await send([picture, picture]).status == 200)
    try expectProblem(
      try await send([picture, .file("photo", Pictures.png)]), 400, "malformed-multipart",
      parameter: "photo")
    try expectProblem(
      try await send([picture, .text("treshold", "1")]), 400, "unknown-parameter",
      parameter: "treshold")
    try expectProblem(
      try await send([picture, .text("iou", "5")]), 400, "invalid-parameter",
      parameter: "nms_threshold")
    try expectProblem(
      try await send([picture, .text("iou", "0.5")], "nms_threshold=0.5"), 400,
      "duplicate-parameter", parameter: "nms_threshold")
    let long = String(repeating: "1", count: 5000)
    try expectProblem(
      try await send([picture, .text("iou", long)]), 400, "malformed-multipart", parameter: "iou")
  }
}
