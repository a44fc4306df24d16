import Foundation
import HTTP1
import HTTPServer
import Images
import Testing

@testable import Service

/// The same picture through every door gives the same detections.
@Suite(.serialized) struct DoorsTests {
  private let include = "include=detections,proposals"

  private func found(_ response: HTTPResponse) throws -> JSONValue {
    #expect(response.status == 200)
    let json = try response.json
    return .object([
      "detections": try #require(json["detections"]), "proposals": try #require(json["proposals"]),
    ])
  }

  @Test func rawFormAndTextAgree() async throws {
    let service = try await RealDetector.service()
    let picture = RealDetector.example
    let text = Data(picture).base64EncodedString()
    let raw = try found(try await service.detect(include, picture: picture, type: "image/jpeg"))
    #expect((raw["detections"]?.elements.count ?? 0) > 15)
    #expect(raw["proposals"]?.elements.count == 300)

    let form = Form([.file("image", picture)])
    #expect(
      try found(try await service.detect(include, picture: form.body, type: form.type)) == raw)
    let json = Array(#"{"image":"\#(text)"}"#.utf8)
    #expect(
      try found(try await service.detect(include, picture: json, type: "application/json")) == raw)

    #expect(
      try found(
        try await service.detect(include, picture: picture, type: "application/octet-stream"))
        == raw)
    #expect(try found(try await service.detect(include, picture: picture, type: nil)) == raw)

    let files = Form([.file("image", picture), .file("file", picture)])
    let answer = try await service.detect(include, picture: files.body, type: files.type)
    for result in try #require(try answer.json["results"]).elements {
      #expect(result["detections"] == raw["detections"])
    }

    let list = Array(#"{"images":["\#(text)","\#(text)"]}"#.utf8)
    let batch = try await service.detect(include, picture: list, type: "application/json")
    let results = try #require(try batch.json["results"]).elements
    #expect(results.count == 2)
    for result in results {
      #expect(result["detections"] == raw["detections"])
      #expect(result["proposals"] == raw["proposals"])
    }
    var proposals = HTTPRequest.detect(body: picture, type: "image/jpeg")
    proposals.path = "/proposals"
    let alone = try await service.answer(proposals).json
    #expect(alone["proposals"] == raw["proposals"])
    #expect(alone["detections"] == nil)
  }

  @Test func theInferenceProtocolAgrees() async throws {
    let service = try await RealDetector.service()
    let picture = RealDetector.example
    let raw = try found(try await service.detect(include, picture: picture, type: "image/jpeg"))
    func floats(_ list: String, _ member: String) -> [Float] {
      (raw[list]?.elements ?? []).flatMap { entry -> [Float] in
        let value = entry[member] ?? .null
        return value.double.map { [Float($0)] } ?? value.floats
      }
    }
    let wanted: [String: [Float]] = [
      "boxes": floats("detections", "box"), "scores": floats("detections", "score"),
      "labels": floats("detections", "class_id"), "proposals": floats("proposals", "box"),
      "objectness": floats("proposals", "objectness"),
    ]
    let input = #""name":"image","shape":[1],"datatype":"BYTES""#
    let text = Data(picture).base64EncodedString()
    let json = Array(#"{"inputs":[{\#(input),"data":["\#(text)"]}]}"#.utf8)
    let header = Array(
      #"{"inputs":[{\#(input),"parameters":{"binary_data_size":\#(picture.count + 4)}}]}"#.utf8)
    let length = (0..<4).map { UInt8(truncatingIfNeeded: picture.count >> (8 * $0)) }
    // A client that decodes by itself sends the pixels.
    let image = try ImageDecoder().decode(picture).image
    let pixels = Array(
      (#"{"inputs":[{"name":"image","shape":[\#(image.height),\#(image.width),3],"datatype":"UINT8","#
        + #""parameters":{"binary_data_size":\#(image.pixels.count)}}]}"#).utf8)
    for (body, headerLength) in [
      (json, nil), (header + length + picture, header.count), (picture, 0),
      (pixels + image.pixels, pixels.count),
    ] as [([UInt8], Int?)] {
      var request = HTTPRequest.detect(body: body, type: nil)
      request.path = "/v2/models/bloodcell/infer"
      if let headerLength {
        request.fields.append("Inference-Header-Content-Length", String(headerLength))
      }
      let response = try await service.answer(request)
      #expect(try InferenceProtocolTests.outputs(response) == wanted)
    }
  }

  @Test func featuresPostedBackGiveTheSame() async throws {
    let service = try await RealDetector.service()
    let picture = RealDetector.example
    let all = "include=detections,proposals,features"
    let whole = try await service.detect(all, picture: picture, type: "image/jpeg")
    let raw = try found(whole)

    // The members of the answer, as they stand in it.
    let body = String(decoding: whole.body, as: UTF8.self)
    let start = try #require(body.range(of: #""features":{"#)).lowerBound
    let json = Array("{\(body[start...])".utf8)
    let back = try await service.detect(include, picture: json, type: "application/json")
    #expect(try found(back) == raw)

    // The file, as it stands.
    let file = try await service.detect(
      "\(all)&format=safetensors", picture: picture, type: "image/jpeg")
    #expect(file.fields["Content-Type"] == "application/vnd.safetensors")
    #expect(try found(try await service.detect(include, picture: file.body, type: nil)) == raw)
  }
}
