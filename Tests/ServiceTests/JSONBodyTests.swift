import FasterRCNN
import Foundation
import HTTPServer
import JSON
import Tensors
import Testing

@testable import Service

/// Bodies of JSON: pictures as text, lists of them, feature maps, parameters beside.
@Suite struct JSONBodyTests {
  private func post(
    _ json: String, to path: String = "/detect", query: String? = nil,
    backend: FakeBackend = FakeBackend()
  ) async throws -> HTTPResponse {
    let service = try await DetectionService.ready(backend)
    var request = HTTPRequest.detect(
      query, body: Array(json.utf8), type: "application/json",
      fields: [("X-Request-ID", "same")])
    request.path = path
    return try await service.answer(request)
  }

  private var text: String { Data(Pictures.png).base64EncodedString() }

  @Test func aPictureAsTextGivesWhatItsFileGives() async throws {
    let service = try await DetectionService.ready()
    let query = "include=detections,proposals&classes=RBC,WBC&score_threshold=0.25&normalized=true"
    let plain = try await service.detect(query, fields: [("X-Request-ID", "same")])
    let urlSafe = text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    for image in [
      text, "data:image/png;base64,\(text)", "DATA:;base64,\(text)", urlSafe,
      text.replacing("/", with: "\\/"), text.prefix(8) + "\\n" + text.dropFirst(8) + "\\r\\n",
    ] {
      let parameters = #""classes":["RBC",1],"score_threshold":0.25,"normalized":true"#
      let response = try await post(
        #"{"image":"\#(image)","include":"detections,proposals",\#(parameters)}"#)
      #expect(response.status == 200, "\(image)")
      #expect(response.body == plain.body)
    }
  }

  @Test func severalPicturesAreAnsweredEachForItself() async throws {
    let broken = Data(Pictures.png.prefix(40)).base64EncodedString()
    let response = try await post(
      #"{"images":["\#(text)","\#(broken)","not base64!","\#(text)"],"include":["detections"]}"#)
    #expect(response.status == 200)
    let results = try #require(try response.json["results"]).elements
    #expect(results.count == 4)
    #expect(results[0]["detections"]?.elements.count == 2)
    #expect(results[0] == results[3])
    #expect(results[1]["status"] == .number(422))
    #expect(results[2]["type"] == .string("urn:frcnn:problem:malformed-json"))
    #expect(results[2]["detail"]?.text?.contains("byte") == true)
  }

  @Test func severalFilesOfAFormAreAnsweredLikeAList() async throws {
    let service = try await DetectionService.ready()
    let form = Form([
      .file("image", Pictures.png), .file("image", []), .file("file", Pictures.rotatedJPEG),
    ])
    let response = try await service.detect(picture: form.body, type: form.type)
    let results = try #require(try response.json["results"]).elements
    #expect(results.count == 3)
    #expect(results[0]["image"]?["width"] == .number(16))
    #expect(results[1]["type"] == .string("urn:frcnn:problem:missing-picture"))
    #expect(results[2]["image"]?["orientation_applied"] == .number(6))
    #expect(try response.json["timings_ms"]?["total"] != nil)
  }

  @Test func featuresGoToTheDetector() async throws {
    let backend = FakeBackend()
    let response = try await post(
      #"{"data":1}"#.replacing(
        #""data":1"#,
        with:
          #""image_size":[32,48],"scale":[2,1.5],"features":{"data":[[[1,2,3],[4,5,6.5]]],"shape":[1,2,3]}"#
      ), backend: backend)
    #expect(response.status == 200)
    let map = try #require(backend.features.first)
    #expect(map.levels == [Tensor(shape: [1, 2, 3], values: [1, 2, 3, 4, 5, 6.5])])
    #expect(map.imageSize == PictureSize(height: 32, width: 48))
    #expect(map.originalSize == PictureSize(height: 16, width: 32))
    #expect(map.yScale == 2 && map.xScale == 1.5)
    #expect(try response.json["image"]?.keys == ["width", "height"])
  }

  @Test func theLevelsOfAPyramidAreAListAndComeBackAsOne() async throws {
    let backend = FakeBackend()
    let levels =
      #"{"levels":[{"shape":[1,1,2],"datatype":"FP32","data":[1,2.5]},"#
      + #"{"shape":[1,1,1],"datatype":"FP32","data":[-3]}]}"#
    let body = #"{"image_size":[32,48],"scale":2,"include":"features","features":"# + levels + "}"
    let response = try await post(body, backend: backend)
    #expect(response.status == 200)
    let map = try #require(backend.features.first)
    #expect(
      map.levels == [
        Tensor(shape: [1, 1, 2], values: [1, 2.5]), Tensor(shape: [1, 1, 1], values: [-3]),
      ])
    #expect(try response.json["features"] == JSONValue(parsing: Array(levels.utf8)))
    for wrong in [
      #"{"levels":[]}"#, #"{"levels":[{}]}"#, #"{"levels":[{"levels":[]}]}"#,
      #"{"levels":[{"shape":[1],"data":[1]}],"shape":[1],"data":[1]}"#,
    ] {
      let refused = try await post(
        #"{"image_size":[32,48],"scale":2,"features":\#(wrong)}"#, backend: backend)
      #expect(refused.status == 400, "\(wrong)")
    }
  }

  @Test(arguments: [
    (#"{}"#, "missing-picture"), (#"{"images":[]}"#, "missing-picture"),
    (#"{"image":""}"#, "missing-picture"), (#"{"image":5}"#, "malformed-json"),
    (#"{"image":"AAAA","images":["AAAA"]}"#, "malformed-json"),
    (#"{"image":"AAAA","image":"AAAA"}"#, "malformed-json"), (#"[1]"#, "malformed-json"),
    (#"{"image":"AAAA"} x"#, "malformed-json"), (#"{"image":"AAAA""#, "malformed-json"),
    (#"{"image":"data:image/png,AAAA"}"#, "malformed-json"),
    (#"{"image":"AAAA","treshold":1}"#, "unknown-parameter"),
    (#"{"image":"AAAA","score_threshold":2}"#, "invalid-parameter"),
    (#"{"image":"AAAA","score_threshold":{}}"#, "malformed-json"),
    (#"{"image":"AAAA","confidence":0.1,"score_threshold":0.1}"#, "duplicate-parameter"),
    (#"{"features":{"shape":[1,1,1],"data":[1]},"scale":1}"#, "invalid-parameter"),
    (#"{"features":{"shape":[1,1,1],"data":[1]},"image_size":[16,16]}"#, "invalid-parameter"),
    (#"{"features":{"shape":[1,1,2],"data":[1]}}"#, "malformed-json"),
    (#"{"features":{"shape":[1,2,1],"data":[[1,2]]}}"#, "malformed-json"),
    (#"{"features":{"shape":[1,-1,1],"data":[1]}}"#, "malformed-json"),
    (#"{"features":{"shape":[1,1,1],"datatype":"FP16","data":[1]}}"#, "malformed-json"),
    (#"{"features":{"data":[1]}}"#, "malformed-json"),
    (#"{"features":{"shape":[4000000000,4000000000,4],"data":[1]}}"#, "malformed-json"),
    (#"{"image":"iVBORw0KGgo=","image_size":[1,1]}"#, "invalid-parameter"),
  ])
  func whatCannotBeReadIsRefused(json: String, kind: String) async throws {
    try expectProblem(try await post(json), 400, kind)
  }

  @Test func nestingIsBounded() async throws {
    let deep = String(repeating: "[", count: 100_000)
    try expectProblem(try await post(#"{"classes":\#(deep)"#), 400, "malformed-json")
    let objects = String(repeating: #"{"a":"#, count: 100_000)
    try expectProblem(try await post(objects), 400, "malformed-json")
  }

  @Test func aRefusalNamesThePlace() {
    let text = #"{"features":{"shape":[1,1,3],"data":[1,2,x]}}"#
    let problem = #expect(throws: Problem.self) { try RequestBody.json(Array(text.utf8)) }
    #expect(problem?.kind == .malformedJSON)
    #expect(
      problem?.detail.contains("at byte 41 in 'features.data'") == true, "\(problem?.detail ?? "")")
    #expect(problem?.parameter == "features.data")
  }

  @Test func everyTruncationIsRefused() {
    let whole = Array(
      #"{"image_size":[32,48],"scale":1.5,"classes":["a"],"features":{"data":[1,2],"shape":[1,1,2]}}"#
        .utf8)
    for count in whole.indices {
      #expect(throws: Problem.self) { try RequestBody.json(Array(whole[..<count])) }
    }
  }
}
