import Checkpoints
import FasterRCNN
import HTTP1
import HTTPServer
import Images
import Tensors
import Testing

@testable import Service

/// What an answer may be besides JSON.
@Suite struct AnswerFormatTests {
  private func detect(_ query: String, accept: String? = nil) async throws -> HTTPResponse {
    let service = try await DetectionService.ready()
    return try await service.detect(query, fields: accept.map { [("Accept", $0)] } ?? [])
  }

  @Test(arguments: [
    ("", "application/json"), ("*/*", "application/json"), ("image/png", "image/png"),
    ("image/jpeg", "image/jpeg"), ("image/*", "image/jpeg"), ("text/html", "application/json"),
    ("application/vnd.safetensors", "application/vnd.safetensors"),
    ("image/png;q=0.5, image/jpeg;q=0.4", "image/png"),
    ("application/json, image/png", "application/json"),
    ("image/webp", "image/webp"),
    ("image/png, */*;q=0.8", "image/png"), ("image/png;q=0", "application/json"),
    ("text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8", "application/json"),
  ])
  func acceptDecides(accept: String, type: String) async throws {
    let response = try await detect("", accept: accept)
    #expect(response.status == 200)
    #expect(response.fields["Content-Type"] == type)
    #expect(response.fields["Vary"] == "Accept")
  }

  @Test func theParameterIsStronger() async throws {
    #expect(
      try await detect("format=json", accept: "image/png").fields["Content-Type"]
        == "application/json")
    #expect(try await detect("format=image").fields["Content-Type"] == "image/jpeg")
    #expect(
      try await detect("format=image", accept: "image/png").fields["Content-Type"] == "image/png")
  }

  @Test func thePictureHasBoxesDrawnOnIt() async throws {
    for format in ["image/png", "image/jpeg", "image/webp"] {
      let response = try await detect("format=image", accept: format)
      let drawn = try ImageDecoder().decode(response.body)
      let plain = try ImageDecoder().decode(Pictures.png)
      #expect(drawn.image.width == 16 && drawn.image.height == 8)
      #expect(drawn.image != plain.image)
    }
  }

  @Test func rowsAreCOCOs() async throws {
    let response = try await detect("format=coco&image_id=7&box_format=yxyx")
    let rows = try response.json.elements
    #expect(rows.count == 2)
    #expect(rows[0].keys == ["image_id", "category_id", "bbox", "score"])
    #expect(rows[0]["image_id"] == .number(7) && rows[0]["category_id"] == .number(2))
    #expect(rows[0]["bbox"]?.floats == [2, 1, 8, 4])

    let service = try await DetectionService.ready()
    let form = Form([.file("image", Pictures.png), .file("image", Pictures.png)])
    let both = try await service.detect("format=coco", picture: form.body, type: form.type)
    #expect(try both.json.elements.compactMap { $0["image_id"]?.double } == [0, 0, 1, 1])
    let broken = Form([.file("image", Pictures.png), .file("image", [1, 2, 3])])
    try expectProblem(
      try await service.detect("format=coco", picture: broken.body, type: broken.type), 415,
      "unsupported-picture")
    for format in ["image", "safetensors"] {
      try expectProblem(
        try await service.detect("format=\(format)", picture: form.body, type: form.type), 400,
        "invalid-parameter", parameter: "format")
    }
  }

  @Test func tensorsAreTheSameNumbers() async throws {
    let response = try await detect("format=safetensors&max_proposals=2")
    let state = try Checkpoint(
      contentsOf: ByteStorage(copying: response.body), as: .safetensors
    ).stateDictionary
    let json = try await detect("max_proposals=2").json
    let detections = try #require(json["detections"]).elements
    #expect(state["boxes"]?.shape == [2, 4])
    #expect(state["boxes"]?.float32Values() == detections.flatMap { $0["box"]?.floats ?? [] })
    #expect(state["labels"]?.elementType == .int64)
    #expect(state["labels"]?.float32Values() == [1, 0])
    #expect(state["proposal_indices"]?.float32Values() == [0, 2])
    #expect(state["proposals"]?.shape == [2, 4])
    #expect(state["objectness"]?.float32Values() == [0.99999994, 0.5])
    #expect(state.metadata["model"] == "cells" && state.metadata["labels"] == "RBC,WBC,Platelets")
  }

  @Test func featureFilesAreRead() async throws {
    let values: [Float] = [1, 2, 3, 4, 5, 6.5]
    var state = StateDictionary()
    func tensor(_ shape: Shape) -> StoredTensor? {
      let bytes = unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
      return StoredTensor(
        elementType: .float32, shape: shape, storage: ByteStorage(copying: bytes), byteOffset: 0)
    }
    state["features"] = tensor([1, 2, 3])
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }"
    let padded = header + String(repeating: " ", count: 117 - header.count) + "\n"
    let elements = unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
    var numPy: [UInt8] = [0x93] + Array("NUMPY".utf8)
    numPy += [1, 0, 118, 0]
    numPy += Array(padded.utf8) + elements
    let query = "image_size=32,48&scale=2,1.5"
    for (body, type) in [
      (numPy, "application/x-npy"), (numPy, nil), (numPy, "application/octet-stream"),
      (try SafetensorsWriter(state).bytes(), "application/vnd.safetensors"),
      (try SafetensorsWriter(state).bytes(), "application/x-www-form-urlencoded"),
    ] as [([UInt8], String?)] {
      let backend = FakeBackend()
      let service = try await DetectionService.ready(backend)
      let response = try await service.detect(query, picture: body, type: type)
      #expect(response.status == 200)
      let map = try #require(backend.features.first)
      #expect(map.levels == [Tensor(shape: [1, 2, 3], values: values)])
      #expect(map.originalSize == PictureSize(height: 16, width: 32))
      try expectProblem(
        try await service.detect("scale=1", picture: body, type: type), 400, "invalid-parameter",
        parameter: "image_size")
      try expectProblem(
        try await service.detect(query, picture: Array(body.dropLast()), type: type), 400,
        "malformed-request")
    }
    // A pyramid's levels are numbered, and come back so.
    var pyramid = StateDictionary()
    (pyramid["features.0"], pyramid["features.1"]) = (tensor([1, 2, 3]), tensor([2, 3, 1]))
    let levels = FakeBackend()
    let answer = try await DetectionService.ready(levels).detect(
      query + "&format=safetensors&include=features",
      picture: try SafetensorsWriter(pyramid).bytes(),
      type: "application/vnd.safetensors")
    #expect(answer.status == 200)
    #expect(levels.features.first?.levels.map(\.shape) == [[1, 2, 3], [2, 3, 1]])
    let returned = try Checkpoint(
      contentsOf: ByteStorage(copying: answer.body), as: .safetensors
    ).stateDictionary
    #expect(returned["features.1"]?.float32Tensor().values == values && returned["features"] == nil)
    // What the file says counts where the request says nothing.
    state.metadata = ["image_size": "32,48", "scale": "2.0,1.5", "original_size": "17,33"]
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    let stated = try SafetensorsWriter(state).bytes()
    #expect(try await service.detect("scale=1", picture: stated, type: nil).status == 200)
    let map = try #require(backend.features.first)
    #expect(map.originalSize == PictureSize(height: 17, width: 33) && map.yScale == 1)
  }
}
