import FasterRCNN
import Foundation
import HTTPServer
import Images
import Testing

@testable import Service

/// Requests as other programs write them; a test's name begins with the case's row.
@Suite struct RequestCaseTests {
  private static let text = Pictures.pngText

  /// What a picture's file itself is answered, without what differs from one request to the next.
  private func answer(_ response: HTTPResponse) throws -> JSONValue {
    #expect(response.status == 200, "\(String(decoding: response.body, as: UTF8.self))")
    return .array([try response.json["detections"] ?? .null, try response.json["image"] ?? .null])
  }

  private func expectThePicturesAnswer(
    _ body: [UInt8], _ type: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let service = try await DetectionService.ready()
    let plain = try answer(try await service.detect())
    let other = try answer(try await service.detect(picture: body, type: type))
    #expect(other == plain, sourceLocation: sourceLocation)
  }

  private func expectThePicturesAnswer(
    json: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await expectThePicturesAnswer(
      Array(json.utf8), "application/json", sourceLocation: sourceLocation)
  }

  /// A form as a client writes it, its lines ended by CRLF.
  private func form(
    header: String = #"Content-Disposition: form-data; name="image"; filename="a.jpg""#,
    before: String = "", after: String = "", extra: [UInt8] = []
  ) -> [UInt8] {
    Array("\(before)--BB\r\n\(header)\r\n\r\n".utf8) + Pictures.png + Array("\r\n".utf8) + extra
      + Array("--BB--\(after)".utf8)
  }

  private static let formType = "multipart/form-data; boundary=BB"

  @Test(arguments: [#"\u003d"#, #"\u003D"#]) func f07AnEscapedEqualsSignIsBase64(
    escape: String
  ) async throws {
    #expect(Self.text.contains("="))
    try await expectThePicturesAnswer(
      json: #"{"image":"\#(Self.text.replacing("=", with: escape))"}"#)
  }

  @Test func f07EveryCharacterMayBeEscaped() async throws {
    let escaped = Self.text.utf8.map { byte in
      let digits = String(byte, radix: 16)
      return "\\u00" + (digits.count == 1 ? "0" : "") + digits
    }.joined()
    try await expectThePicturesAnswer(json: #"{"image":"\#(escaped)"}"#)
    try await expectThePicturesAnswer(
      json: #"{"image":"data:image\/png;base64,\#(Self.text.replacing("/", with: "\\/"))"}"#)
  }

  @Test func f07cAnEscapedPlusIsBase64InTheInferenceProtocol() async throws {
    let service = try await DetectionService.ready()
    let text = Self.text.replacing("+", with: #"\u002B"#).replacing("=", with: #"\u003d"#)
    let json =
      #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["\#(text)"]}]}"#
    var request = HTTPRequest.detect(body: Array(json.utf8), type: "application/json")
    request.path = "/v2/models/cells/infer"
    let response = try await service.answer(request)
    #expect(response.status == 200)
    #expect(try response.json["outputs"]?[1]?["data"]?.elements.count == 2)
  }

  @Test func f08AParameterThatIsNullIsLeftOut() async throws {
    try await expectThePicturesAnswer(
      json: #"{"image":"\#(Self.text)","images":null,"classes":null,"max_detections":null}"#)
    let service = try await DetectionService.ready()
    let json =
      #"{"id":null,"parameters":{"max_detections":null},"outputs":null,"inputs":[{"name":"image","#
      + #""shape":[1],"datatype":"BYTES","parameters":null,"data":["\#(Self.text)"]}]}"#
    var request = HTTPRequest.detect(body: Array(json.utf8), type: nil)
    request.path = "/v2/models/cells/infer"
    #expect(try await service.answer(request).status == 200)
  }

  @Test(arguments: ["300", "300.0", "3e2", "3.0E+2"]) func f09AWholeNumberMayHaveAPoint(
    number: String
  ) async throws {
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    let json =
      #"{"image":"\#(Self.text)","max_detections":\#(number),"rpn_pre_nms_top_n":\#(number)}"#
    let response = try await service.detect(picture: Array(json.utf8), type: "application/json")
    #expect(response.status == 200)
    #expect(backend.calls.first?.parameters.maximumDetections == 300)
    #expect(backend.calls.first?.parameters.proposalCountBeforeNMS == 300)
  }

  @Test func f09AFractionIsNoWholeNumber() async throws {
    let service = try await DetectionService.ready()
    let json = #"{"image":"\#(Self.text)","max_detections":300.5}"#
    let response = try await service.detect(picture: Array(json.utf8), type: "application/json")
    try expectProblem(response, 400, "invalid-parameter", parameter: "max_detections")
  }

  @Test(arguments: [
    "data:image/png;base64, ", "data:image/png; base64,", "data:image/png;base64,  ", " ",
    "data: image/png;base64,",
  ])
  func f10BlanksOfADataURIArePassedOver(head: String) async throws {
    try await expectThePicturesAnswer(json: #"{"image":"\#(head)\#(Self.text)"}"#)
  }

  @Test(arguments: ["", "\r\n", "\r\n\r\n", " \r\n", "\r\nan epilogue\r\n--BB\r\nno part"])
  func f11WhatStandsBehindAFormIsPassedOver(epilogue: String) async throws {
    try await expectThePicturesAnswer(form(after: epilogue), Self.formType)
  }

  @Test func f13AFileNameNeedNotBeUTF8() async throws {
    let name = Array(#"Content-Disposition: form-data; name="image"; filename=""#.utf8)
    let body =
      Array("--BB\r\n".utf8) + name + [0xD0, 0xB4, 0xD5, 0xE6] + Array(".jpg\"\r\n\r\n".utf8)
      + Pictures.png + Array("\r\n--BB--\r\n".utf8)
    try await expectThePicturesAnswer(body, Self.formType)
  }

  @Test func f14AnEmptyFileInputIsNoPicture() async throws {
    let empty =
      "--BB\r\nContent-Disposition: form-data; name=\"%\"; filename=\"\"\r\n"
      + "Content-Type: application/octet-stream\r\n\r\n\r\n"
    for name in ["image", "file", "attachment"] {
      let extra = Array(empty.replacing("%", with: name).utf8)
      try await expectThePicturesAnswer(form(extra: extra), Self.formType)
    }
    let service = try await DetectionService.ready()
    let alone = Array((empty.replacing("%", with: "image") + "--BB--\r\n").utf8)
    try expectProblem(
      try await service.detect(picture: alone, type: Self.formType), 400, "missing-picture")
  }

  @Test(arguments: [
    "name=image; filename=my photo (1).jpg", #"name="image"; filename="a"b".jpg""#,
    #"name="image"; filename="C:\photos\""#, "name=image; filename=",
    "filename=a b.jpg; name=image",
    #"name="image"; filename="a\"b.jpg"; filename*=UTF-8''a%22b.jpg"#,
    #"name="image"; filename = "x.jpg""#, #"name="image"; filename=[1]{2}.jpg;"#,
  ])
  func f16AFileNameMayBeWrittenAnyhow(parameters: String) async throws {
    try await expectThePicturesAnswer(
      form(header: "Content-Disposition: form-data; \(parameters)"), Self.formType)
  }

  @Test(arguments: ["\r\n", "This is a form.\r\n", "--B\r\n--A\r\n"])
  func x3WhatStandsBeforeAFormIsPassedOver(preamble: String) async throws {
    try await expectThePicturesAnswer(form(before: preamble), Self.formType)
  }

  @Test func x4TheFrameOfBoxesStaysUnlessItIsTakenOut() async throws {
    let service = try await DetectionService.ready()
    let json = try await service.detect("include=detections").json
    #expect(json["image"]?["width"] == .number(16) && json["model"] == nil)
    #expect(try await service.detect("include=detections,-image").json["image"] == nil)
    let all = try await service.detect("include=-image").json
    #expect(all["image"] == nil && all["proposals"] != nil && all["model"] != nil)
  }

  @Test func n03AShapeOfNoUseIsAProblemOfItsOwn() async throws {
    let service = try await DetectionService.ready(
      FakeBackend { _, _ in
        throw ImageError.unusableShape(
          width: 5000, height: 1, resizedWidth: 1_000_000, resizedHeight: 0)
      })
    let response = try await service.detect()
    try expectProblem(response, 422, "unusable-picture")
    #expect(try response.json["title"] == .string("The picture's shape is of no use"))
  }
}
