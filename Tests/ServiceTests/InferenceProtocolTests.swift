import FasterRCNN
import Foundation
import HTTP1
import HTTPServer
import Images
import Tensors
import Testing

@testable import Service

/// The Open Inference Protocol, version 2: what the server says of itself, and inference.
@Suite struct InferenceProtocolTests {
  private func infer(
    _ service: DetectionService, _ body: [UInt8], headerLength: Int? = nil, query: String? = nil,
    model: String = "cells"
  ) async throws -> HTTPResponse {
    var request = HTTPRequest.detect(query, body: body, type: nil)
    request.path = "/v2/models/\(model)/infer"
    if let headerLength {
      request.fields.append("Inference-Header-Content-Length", String(headerLength))
    }
    return try await service.answer(request)
  }

  private func infer(
    _ service: DetectionService, _ json: String, _ binary: [UInt8] = []
  ) async throws -> HTTPResponse {
    let header = Array(json.utf8)
    return try await infer(
      service, header + binary, headerLength: binary.isEmpty ? nil : header.count)
  }

  /// The outputs of an answer by name, JSON and binary alike.
  static func outputs(_ response: HTTPResponse) throws -> [String: [Float]] {
    #expect(response.status == 200)
    let length = response.fields["Inference-Header-Content-Length"].flatMap { Int($0) }
    let json = try JSONValue(parsing: Array(response.body.prefix(length ?? response.body.count)))
    var rest = response.body.dropFirst(length ?? response.body.count)
    var outputs: [String: [Float]] = [:]
    for output in try #require(json["outputs"]).elements {
      let name = try #require(output["name"]?.text)
      let count = (output["shape"]?.floats ?? []).reduce(1, *)
      if let size = output["parameters"]?["binary_data_size"]?.double {
        let bytes = Array(rest.prefix(Int(size)))
        rest = rest.dropFirst(Int(size))
        let isInteger = output["datatype"] == .string("INT64")
        outputs[name] = stride(from: 0, to: bytes.count, by: isInteger ? 8 : 4).map { start in
          let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) }
          return isInteger ? Float(bits) : Float(bitPattern: bits)
        }
      } else {
        outputs[name] = output["data"]?.floats
      }
      #expect(outputs[name]?.count == Int(count), "\(name)")
    }
    #expect(rest.isEmpty)
    return outputs
  }

  private static let text = Pictures.pngText

  /// A BYTES element: its length and itself.
  private static func element(_ bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytesOf(UInt32(bytes.count)) + bytes
  }

  private static func withUnsafeBytesOf(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  @Test func theModelsNameInABodyIsPassedOver() async throws {
    let service = try await DetectionService.ready()
    let body = Array(
      (#"{"id":"1","model_name":"other","model_version":null,"inputs":[{"name":"image","#
        + #""shape":[1],"datatype":"BYTES","data":["\#(Pictures.pngText)"]}]}"#).utf8)
    let response = try await service.answer(
      .detect(body: body, type: nil, path: "/v2/models/cells/infer"))
    #expect(response.status == 200)
  }

  @Test func healthFollowsTheModel() async throws {
    let service = DetectionService(settings: .testing())
    #expect(try await service.get("/v2/health/live").json == .object(["live": .boolean(true)]))
    for path in ["/v2/health/ready", "/v2/models/cells/ready", "/v2/models/cells"] {
      try expectProblem(try await service.get(path), 503, "loading")
    }
    #expect(
      try await service.get("/v2/repository/index", method: "POST").json == .array([]))
    try await service.load(FakeBackend())
    #expect(try await service.get("/v2/health/ready").json == .object(["ready": .boolean(true)]))
    #expect(try await service.get("/v2/models/cells/versions/7/ready").status == 200)
    let index = try await service.get("/v2/repository/index", method: "POST").json
    #expect(index[0]?["name"] == .string("cells") && index[0]?["state"] == .string("READY"))
    service.beginDraining()
    for path in ["/v2/health/ready", "/v2/models/cells/ready", "/v2/models/cells/versions/7/ready"]
    {
      try expectProblem(try await service.get(path), 503, "draining")
    }
    let draining = try await service.get("/v2/repository/index", method: "POST").json
    #expect(draining[0]?["state"] == .string("READY"))
    #expect(try await service.get("/v2/health/live").status == 200)
    // Whoever has not been told yet is served.
    #expect(try await infer(service, Pictures.png, headerLength: 0).status == 200)
  }

  @Test func theTimeThatARequestStatesIsItsDeadline() async throws {
    let gate = Gate()
    let service = try await DetectionService.ready(
      FakeBackend { size, _ in
        gate.pass()
        return .sample(size)
      })
    func request(_ timeout: String) -> String {
      #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["\#(Self.text)"]}],"#
        + #""parameters":{"timeout":\#(timeout)}}"#
    }
    let late = try await infer(service, request("30000"))
    try expectProblem(late, 504, "deadline-exceeded")
    #expect(try late.json["limit"]?["value"] == .number(30))
    gate.open()
    // None, and enough.
    for timeout in ["0", "60000000"] {
      #expect(try await infer(service, request(timeout)).status == 200)
    }
    for timeout in ["-1", "1.5", "true", #""soon""#, "86400000001"] {
      try expectProblem(try await infer(service, request(timeout)), 400, "malformed-json")
    }
  }

  @Test func theServerAndTheModelDescribeThemselves() async throws {
    let service = try await DetectionService.ready()
    let server = try await service.get("/v2").json
    #expect(server["name"] == .string("frcnn"))
    #expect(server["extensions"]?.elements.contains(.string("binary_tensor_data")) == true)
    for path in ["/v2/models/cells", "/v2/models/cells/versions/7"] {
      let model = try await service.get(path).json
      #expect(model["versions"] == .array([.string("7")]))
      #expect(model["inputs"]?.elements.compactMap { $0["name"]?.text } == ["image", "features"])
      let configuration = try await service.get(path + "/config").json
      #expect(configuration["input"]?[0]?["data_type"] == .string("TYPE_STRING"))
      #expect(
        configuration["parameters"]?["labels"]?["string_value"]
          == .string("RBC,WBC,Platelets"))
    }
    for path in ["/v2/models/cats", "/v2/models/cells/versions/8", "/v2/models/cats/ready"] {
      try expectProblem(try await service.get(path), 404, "not-found")
    }
    let missing = try await infer(service, Pictures.png, headerLength: 0, model: "cats")
    try expectProblem(missing, 404, "not-found")
  }

  @Test(arguments: [
    ("GET", "/v2/systemsharedmemory/status"), ("POST", "/v2/cudasharedmemory/region/a/register"),
    ("GET", "/v2/trace/setting"), ("POST", "/v2/models/cells/trace/setting"),
    ("GET", "/v2/logging"),
  ])
  func whatIsLeftOutIsSaidInTheProtocolsForm(method: String, path: String) async throws {
    let service = try await DetectionService.ready()
    let response = try await service.get(path, method: method)
    try expectProblem(response, 501, "not-implemented")
    #expect(try response.json["error"]?.text?.contains("extension") == true)
  }

  @Test func everyFormOfARequestGivesTheSame() async throws {
    let service = try await DetectionService.ready()
    let wanted: [String: [Float]] = [
      "boxes": [2, 1, 10, 5, 1 / 3, 0.1, 7.1, 4], "scores": [0.75, 1 / 3], "labels": [1, 0],
      "proposals": [2, 1, 10, 5, 1 / 3, 0, 7.1, 4, 0, 0, 8, 8],
      "objectness": [0.99999994, 0.5, 1e-9],
    ]
    let binary = Self.element(Pictures.png)
    let size = binary.count
    let decoded = try ImageDecoder().decode(Pictures.png).image
    let pixels = decoded.pixels.map(String.init).joined(separator: ",")
    let input = #""name":"image","shape":[1],"datatype":"BYTES""#
    let responses = [
      try await infer(service, #"{"inputs":[{\#(input),"data":["\#(Self.text)"]}]}"#),
      try await infer(service, #"{"inputs":[{"data":["\#(Self.text)"],\#(input)}]}"#),
      try await infer(
        service, #"{"inputs":[{\#(input),"parameters":{"binary_data_size":\#(size)}}]}"#, binary),
      try await infer(
        service,
        #"{"inputs":[{\#(input),"data":["\#(Self.text)"]}],"parameters":{"binary_data_output":true}}"#
      ),
      try await infer(service, Pictures.png, headerLength: 0),
      try await infer(
        service,
        #"{"inputs":[{"name":"image","shape":[8,16,3],"datatype":"UINT8","data":[\#(pixels)]}]}"#),
      try await infer(
        service,
        #"{"inputs":[{"name":"image","shape":[1,8,16,3],"datatype":"UINT8","parameters":{"binary_data_size":384}}]}"#,
        decoded.pixels),
    ]
    for response in responses { #expect(try Self.outputs(response) == wanted) }
    #expect(responses[0].fields["Content-Type"] == "application/json")
    #expect(responses[4].fields["Content-Type"] == "application/octet-stream")
  }

  @Test func outputsAreThoseAskedForInTheFormAskedFor() async throws {
    let service = try await DetectionService.ready()
    let response = try await infer(
      service,
      #"{"id":"é 42","inputs":[{"name":"image","shape":[2],"datatype":"BYTES","data":["\#(Self.text)","\#(Self.text)"]}],"#
        + #""outputs":[{"name":"labels"},{"name":"scores","parameters":{"binary_data":false}},"#
        + #"{"name":"detection_counts","parameters":{"classification":0}},{"name":"proposal_indices"},{"name":"proposal_counts"}],"#
        + #""parameters":{"binary_data_output":true,"score_threshold":0.2,"priority":1,"triton_x":true}}"#
    )
    let outputs = try Self.outputs(response)
    let third: Float = 1 / 3
    let wanted: [String: [Float]] = [
      "labels": [1, 0, 1, 0], "scores": [0.75, third, 0.75, third], "detection_counts": [2, 2],
      "proposal_indices": [0, 2, 0, 2], "proposal_counts": [3, 3],
    ]
    #expect(outputs == wanted)
    let length = try #require(
      response.fields["Inference-Header-Content-Length"].flatMap { Int($0) })
    let json = try JSONValue(parsing: Array(response.body.prefix(length)))
    #expect(json["id"] == .string("é 42") && json["model_version"] == .string("7"))
    #expect(json["outputs"]?[1]?["data"] != nil && json["outputs"]?[0]?["data"] == nil)
  }

  @Test func anAnswerWithoutDetectionsHasEmptyTensors() async throws {
    let backend = FakeBackend { size, _ in
      DetectionResult(proposals: [], objects: [], imageSize: size)
    }
    let service = try await DetectionService.ready(backend)
    let outputs = try Self.outputs(try await infer(service, Pictures.png, headerLength: 0))
    #expect(outputs["boxes"] == [] && outputs["labels"] == [])
  }

  @Test func featuresGoToTheDetector() async throws {
    for isBinary in [false, true] {
      let backend = FakeBackend()
      let service = try await DetectionService.ready(backend)
      let values: [Float] = [1, 2.5, -3, 4]
      let bytes = values.flatMap { Self.withUnsafeBytesOf($0.bitPattern) }
      let data =
        isBinary ? #""parameters":{"binary_data_size":16}"# : #""data":[[[1,2.5],[-3,4]]]"#
      let response = try await infer(
        service,
        #"{"inputs":[{"name":"features","shape":[1,2,2],"datatype":"FP32",\#(data)}],"#
          + #""parameters":{"image_size":"32,32","scale":2}}"#, isBinary ? bytes : [])
      #expect(response.status == 200)
      let map = try #require(backend.features.first)
      #expect(map.levels.map(\.values) == [values])
      #expect(map.originalSize == PictureSize(height: 16, width: 16))
    }
  }

  @Test func theLevelsOfAPyramidAreInputsOfTheirOwnInAnyOrder() async throws {
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    let fine: [Float] = [1, 2, 3, 4]
    let sizes = #""parameters":{"image_size":"32,32","scale":2}"#
    let response = try await infer(
      service,
      #"{"inputs":[{"name":"features.1","shape":[1,1,1],"datatype":"FP32","data":[9.5]},"#
        + #"{"name":"features.0","shape":[1,2,2],"datatype":"FP32","parameters":{"binary_data_size":16}}],"#
        + #""outputs":[{"name":"features"}],\#(sizes)}"#,
      fine.flatMap { Self.withUnsafeBytesOf($0.bitPattern) })
    let outputs = try Self.outputs(response)
    #expect(outputs == ["features.0": fine, "features.1": [9.5]])
    #expect(
      backend.features.map(\.levels) == [
        [Tensor(shape: [1, 2, 2], values: fine), Tensor(shape: [1, 1, 1], values: [9.5])]
      ])
    for names in [["features.1"], ["features.0", "features.0"], ["features.0", "image"]] {
      let inputs = names.map {
        #"{"name":"\#($0)","shape":[1,1,1],"datatype":"FP32","data":[1]}"#
      }
      let refused = try await infer(
        service, #"{"inputs":[\#(inputs.joined(separator: ","))],\#(sizes)}"#)
      #expect(refused.status == 400, "\(names)")
    }
  }

  @Test func theLevelsOfAPyramidAreListedAndAskedForByTheirNames() async throws {
    var model = ModelDescription.cells
    model.featureLevelCount = 2
    let service = try await DetectionService.ready(FakeBackend(model: model))
    let levels = ["features.0", "features.1"]
    let metadata = try await service.get("/v2/models/cells").json
    #expect(metadata["inputs"]?.elements.compactMap { $0["name"]?.text } == ["image"] + levels)
    let outputs = try #require(metadata["outputs"]).elements
    #expect(outputs.prefix(2).map { $0["name"]?.text } == levels)
    #expect(outputs[1]["shape"]?.elements.count == 3 && outputs[1]["datatype"] == .string("FP32"))
    let configuration = try await service.get("/v2/models/cells/config").json
    #expect(
      configuration["input"]?.elements.compactMap { $0["name"]?.text } == ["image"] + levels)

    let inputs = levels.enumerated().map { index, name in
      #"{"name":"\#(name)","shape":[1,1,1],"datatype":"FP32","data":[\#(index + 7)]}"#
    }
    func answer(_ outputs: [String]) async throws -> HTTPResponse {
      try await infer(
        service,
        #"{"inputs":[\#(inputs.joined(separator: ","))],"outputs":["#
          + outputs.map { #"{"name":"\#($0)"}"# }.joined(separator: ",")
          + #"],"parameters":{"image_size":"32,32","scale":2}}"#)
    }
    let all: [String: [Float]] = ["features.0": [7], "features.1": [8]]
    #expect(try Self.outputs(try await answer(levels)) == all)
    #expect(try Self.outputs(try await answer(["features"])) == all)
    #expect(try Self.outputs(try await answer(["features.1"])) == ["features.1": [8]])
    for name in ["features.2", "features.01", "features.", "features.-1", "features.9"] {
      #expect(try await answer([name]).status == 400, "\(name)")
    }
    // A model with one map has no levels.
    let single = try await DetectionService.ready()
    let refused = try await infer(
      single,
      #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["\#(Self.text)"]}],"outputs":[{"name":"features.0"}]}"#
    )
    #expect(refused.status == 400)
  }

  @Test(arguments: [
    "", "{}", #"{"inputs":[]}"#, #"{"inputs":[{"name":"image"}]}"#,
    #"{"inputs":[{"name":"picture","shape":[1],"datatype":"BYTES","data":["AAAA"]}]}"#,
    #"{"inputs":[{"name":"image","shape":[1],"datatype":"FP32","data":[1]}]}"#,
    #"{"inputs":[{"name":"image","shape":[2],"datatype":"BYTES","data":["AAAA"]}]}"#,
    #"{"inputs":[{"name":"image","shape":[0],"datatype":"BYTES","data":[]}]}"#,
    #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":4}}]}"#,
    #"{"inputs":[{"name":"image","shape":[2,2],"datatype":"UINT8","data":[1,2,3,4]}]}"#,
    #"{"inputs":[{"name":"image","shape":[1,1,3],"datatype":"UINT8","data":[1,2,300]}]}"#,
    #"{"inputs":[{"name":"features","shape":[1,1,1],"datatype":"FP32","data":[1]}]}"#,
    #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"]}],"outputs":[{"name":"image"}]}"#,
    #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"]}],"parameters":{"x":1}}"#,
    #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"],"parameters":{"shared_memory_region":"a"}}]}"#,
    #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"]}],"parameters":{"binary_data_output":1}}"#,
    #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["AAAA"]}],"outputs":[{"name":"boxes","parameters":{"binary_data":"yes"}}]}"#,
  ])
  func whatCannotBeReadIsRefusedInTheProtocolsForm(json: String) async throws {
    let service = try await DetectionService.ready()
    let response = try await infer(service, Array(json.utf8))
    #expect(response.status == 400)
    #expect((try response.json["error"]?.text?.count ?? 0) > 10)
  }

  @Test(arguments: [-1, 3, 1_000_000])
  func aHeaderLengthThatDoesNotFitIsRefused(length: Int) async throws {
    let service = try await DetectionService.ready()
    let response = try await infer(service, Array(#"{"inputs":[]}"#.utf8), headerLength: length)
    #expect(response.status == 400)
  }

  @Test func theStatisticsCountEveryPicture() async throws {
    let service = try await DetectionService.ready()
    let before = try await service.get("/v2/models/cells/stats").json["model_stats"]?[0]
    #expect(before?["inference_count"] == .number(0) && before?["last_inference"] == .number(0))
    _ = try await infer(service, Pictures.png, headerLength: 0)
    _ = try await service.detect()
    _ = try await service.detect(picture: [1, 2, 3])
    for path in ["/v2/models/stats", "/v2/models/cells/versions/7/stats"] {
      let model = try await service.get(path).json["model_stats"]?[0]
      #expect(model?["inference_count"] == .number(2))
      #expect((model?["last_inference"]?.double ?? 0) > 1.7e12)
      let statistics = model?["inference_stats"]
      #expect(statistics?["success"]?["count"] == .number(2))
      #expect(statistics?["fail"]?["count"] == .number(1))
      #expect((statistics?["compute_infer"]?["ns"]?.double ?? 0) >= 27e6)
    }
  }
}
