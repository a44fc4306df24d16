import Detection
import FasterRCNN
import HTTP1
import HTTPServer
import Images
import JSON
import Tensors
import Testing

@testable import Service

/// `POST /detect` where all is well.
@Suite struct DetectTests {
  @Test(arguments: [
    "image/jpeg", "image/jpg", "image/png", "IMAGE/PNG", "image/png; q=1",
    "application/octet-stream", "application/x-www-form-urlencoded", nil,
  ])
  func aPictureIsTakenAsTheBody(type: String?) async throws {
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    let response = try await service.detect(type: type)
    #expect(response.status == 200)
    #expect(response.fields["Content-Type"] == "application/json")
    #expect(try response.json["image"]?["format"] == .string("png"))
    #expect(backend.calls.map(\.imageSize) == [PictureSize(height: 8, width: 16)])
  }

  @Test func everythingIsToldByDefault() async throws {
    let service = try await DetectionService.ready()
    let json = try await service.detect(fields: [("X-Request-ID", "photo-1")]).json
    #expect(
      json.keys == [
        "id", "model", "image", "box_format", "normalized", "parameters", "detections",
        "proposals", "timings_ms",
      ])
    #expect(json["id"] == .string("photo-1"))
    #expect(
      json["model"]
        == .object([
          "name": .string("cells"), "version": .string("7"),
          "sha256": .string(String(repeating: "0a", count: 32)),
          "profile": .string("simple-faster-rcnn"),
        ]))
    #expect(
      json["image"]
        == .object([
          "width": .number(16), "height": .number(8), "format": .string("png"),
          "mode": .string("rgb"), "orientation_applied": .number(1),
        ]))
    #expect(json["box_format"] == .string("xyxy"))
    #expect(json["normalized"] == .boolean(false))
    #expect(json["parameters"]?["max_detections"] == .null)
    #expect(json["parameters"]?["classes"] == .null)
    // The model's own settings, as the decimals that they were written as.
    #expect(json["parameters"]?["score_threshold"] == .number(0.05))
    #expect(json["parameters"]?["nms_threshold"] == .number(0.3))
  }

  @Test func numbersReadBackAsTheyWereComputed() async throws {
    let service = try await DetectionService.ready()
    let json = try await service.detect().json
    let sample = DetectionResult.sample(PictureSize(height: 8, width: 16))
    #expect(json["detections"]?.elements.count == sample.objects.count)
    for (object, element) in zip(sample.objects, json["detections"]?.elements ?? []) {
      let box = object.box
      #expect(element["box"]?.floats == [box.xMin, box.yMin, box.xMax, box.yMax])
      #expect(element["score"]?.double.map { Float($0) } == object.score)
      #expect(element["class_id"] == .number(Double(object.classID)))
      #expect(element["label"] == .string(["RBC", "WBC", "Platelets"][object.classID]))
      #expect(element["proposal_index"] == .number(Double(object.proposalIndex)))
    }
    #expect(json["proposals"]?.elements.count == sample.proposals.count)
    for (proposal, element) in zip(sample.proposals, json["proposals"]?.elements ?? []) {
      let box = proposal.box
      #expect(element["box"]?.floats == [box.xMin, box.yMin, box.xMax, box.yMax])
      #expect(element["objectness"]?.double.map { Float($0) } == proposal.objectness)
    }
  }

  @Test func theParametersReachTheDetectorAndTheAnswer() async throws {
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    let json = try await service.detect(
      "score_threshold=0.5&nms_threshold=0.25&max_detections=7&classes=2,RBC"
    ).json
    #expect(
      backend.calls.map(\.parameters) == [
        DetectionParameters(
          scoreThreshold: 0.5, nmsThreshold: 0.25, maximumDetections: 7, classes: [0, 2])
      ])
    #expect(
      json["parameters"]
        == .object([
          "score_threshold": .number(0.5), "nms_threshold": .number(0.25),
          "max_detections": .number(7), "classes": .array([.number(0), .number(2)]),
          "class_agnostic_nms": .boolean(false), "max_proposals": .number(300),
          "orientation": .string("exif"),
        ]))
  }

  @Test func theModelsOwnSettingsAreToldToo() async throws {
    var model = ModelDescription.cells
    model.maximumDetections = 100
    let service = try await DetectionService.ready(FakeBackend(model: model))
    for (query, count) in [("", 100.0), ("max_detections=7", 7)] {
      let parameters = try await service.detect(query).json["parameters"]
      #expect(parameters?["max_detections"] == .number(count))
    }
  }

  @Test func theProposalNetworksParametersReachTheDetector() async throws {
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    _ = try await service.detect(
      "rpn_pre_nms_top_n=500&rpn_post_nms_top_n=50&rpn_nms_threshold=0.5&rpn_min_size=8.5"
        + "&class_agnostic_nms=true")
    let parameters = try #require(backend.calls.first?.parameters)
    #expect(parameters.proposalCountBeforeNMS == 500 && parameters.proposalCountAfterNMS == 50)
    #expect(parameters.proposalNMSThreshold == 0.5 && parameters.proposalMinimumSide == 8.5)
    #expect(parameters.isClassAgnostic == true && parameters.findsObjects)
  }

  @Test(arguments: ResponseSection.allCases)
  func includeNamesThePartsOfTheAnswer(section: ResponseSection) async throws {
    let service = try await DetectionService.ready()
    let json = try await service.detect("include=\(section.rawValue)").json
    let keys: Set<String> =
      switch section {
      case .timings: ["timings_ms"]
      case .features: ["features", "image_size", "scale", "original_size"]
      default: [section.rawValue]
      }
    // Boxes mean little without the size of their picture: it stays unless it is taken out by name.
    let always: Set = ["id", "box_format", "normalized", "parameters"]
    #expect(json.keys == keys.union(always).union(["image"]))
    let bare = try await service.detect("include=\(section.rawValue),-image").json
    #expect(bare.keys == keys.union(always).subtracting(["image"]))
  }

  @Test(arguments: [0, 2, 300])
  func noMoreProposalsAreListedThanWanted(count: Int) async throws {
    let service = try await DetectionService.ready()
    let json = try await service.detect("max_proposals=\(count)").json
    #expect(json["proposals"]?.elements.count == min(count, 3))
    #expect(json["detections"]?[1]?["proposal_index"] == .number(2))
  }

  // The box is 2...10 by 1...5 in a picture of 16 x 8.
  @Test(
    arguments: [
      ("xyxy", [2, 1, 10, 5], [0.125, 0.125, 0.625, 0.625]),
      ("yxyx", [1, 2, 5, 10], [0.125, 0.125, 0.625, 0.625]),
      ("xywh", [2, 1, 8, 4], [0.125, 0.125, 0.5, 0.5]),
      ("cxcywh", [6, 3, 8, 4], [0.375, 0.375, 0.5, 0.5]),
    ] as [(String, [Float], [Float])])
  func boxesComeInTheFormatWanted(format: String, pixels: [Float], fractions: [Float])
    async throws
  {
    let service = try await DetectionService.ready()
    let plain = try await service.detect("box_format=\(format)").json
    #expect(plain["box_format"] == .string(format))
    #expect(plain["detections"]?[0]?["box"]?.floats == pixels)
    #expect(plain["proposals"]?[0]?["box"]?.floats == pixels)
    let normalized = try await service.detect("box_format=\(format)&normalized=true").json
    #expect(normalized["normalized"] == .boolean(true))
    #expect(normalized["detections"]?[0]?["box"]?.floats == fractions)
    #expect(normalized["proposals"]?[0]?["box"]?.floats == fractions)
  }

  @Test func theOrientationIsAppliedUnlessIgnored() async throws {
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    let upright = try await service.detect(picture: Pictures.rotatedJPEG).json
    #expect(upright["image"]?["width"] == .number(8))
    #expect(upright["image"]?["height"] == .number(16))
    #expect(upright["image"]?["orientation_applied"] == .number(6))
    let stored = try await service.detect("orientation=ignore", picture: Pictures.rotatedJPEG).json
    #expect(stored["image"]?["width"] == .number(16))
    #expect(stored["image"]?["orientation_applied"] == .number(1))
    #expect(stored["parameters"]?["orientation"] == .string("ignore"))
    #expect(
      backend.calls.map(\.imageSize) == [
        PictureSize(height: 16, width: 8), PictureSize(height: 8, width: 16),
      ])
  }

  @Test func theFilesColoursAreTold() async throws {
    let service = try await DetectionService.ready()
    let json = try await service.detect(picture: Pictures.greyJPEG, type: "image/jpeg").json
    #expect(json["image"]?["mode"] == .string("grey"))
    #expect(json["image"]?["format"] == .string("jpeg"))
  }

  @Test func timesAreToldInTheBodyAndTheHeader() async throws {
    let service = try await DetectionService.ready()
    let response = try await service.detect()
    let timings = try #require(try response.json["timings_ms"])
    #expect(timings.keys == ["queue", "decode", "backbone", "rpn", "encode", "total"])
    #expect(timings["backbone"] == .number(12))
    #expect(timings["rpn"] == .number(1.5))
    let header = try #require(response.fields["Server-Timing"]).split(separator: ", ").map {
      entry in
      entry.split(separator: ";dur=").map(String.init)
    }
    #expect(
      header.map(\.[0]) == ["queue", "decode", "backbone", "rpn", "encode", "total"])
    for entry in header {
      #expect(timings[entry[0]]?.double == Double(entry[1]), "\(entry)")
    }
  }

  @Test func aFormAndABodyGiveTheSame() async throws {
    let service = try await DetectionService.ready()
    let query = "score_threshold=0.5&include=detections,proposals&box_format=xywh"
    let id = [("X-Request-ID", "same")]
    let plain = try await service.detect(query, fields: id)
    for field in RequestBody.pictureFields {
      let form = Form([
        .text("score_threshold", "0.5"), .file(field, Pictures.png),
        .text("include", "detections,proposals"),
      ])
      let response = try await service.detect(
        "box_format=xywh", picture: form.body, type: form.type, fields: id)
      #expect(response.status == 200)
      #expect(response.body == plain.body)
    }
  }

  @Test func manyAtOnceGetWhatOneGets() async throws {
    let backend = FakeBackend { size, _ in
      // Long enough for the requests to meet in the queue.
      pause()
      return .sample(size)
    }
    let service = try await DetectionService.ready(
      backend, settings: .testing(queueCapacity: 64, laneCount: 2))
    let query = "include=detections,proposals"
    let id = [("X-Request-ID", "same")]
    let one = try await service.detect(query, fields: id)
    try await withThrowingTaskGroup(of: HTTPResponse.self) { group in
      for _ in 0..<8 {
        group.addTask {
          var last = one
          for _ in 0..<5 { last = try await service.detect(query, fields: id) }
          return last
        }
      }
      for try await response in group {
        #expect(response.status == 200)
        #expect(response.body == one.body)
      }
    }
    #expect(backend.calls.count == 41)
  }

  @Test func whatWasAssumedOfTheModelIsTold() async throws {
    let sure = try await DetectionService.ready()
    #expect(
      try await sure.detect().json["model"]?.keys == ["name", "version", "sha256", "profile"])
    var model = ModelDescription.cells
    model.assumption = "profile simple-faster-rcnn, because the file is \"flat\""
    let service = try await DetectionService.ready(FakeBackend(model: model))
    let wanted = JSONValue.string("profile simple-faster-rcnn, because the file is \"flat\"")
    #expect(try await service.detect().json["model"]?["assumed"] == wanted)
    #expect(try await service.get("/healthz").json["model"]?["assumed"] == wanted)
  }

  @Test func aDocumentNeedsNoServer() throws {
    // Other programs write what they detected the same way.
    let picture = try ImageDecoder().decode(Pictures.png)
    let result = DetectionResult.sample(PictureSize(height: 8, width: 16))
    let document = DetectionDocument(model: .cells, picture: picture, result: result)
    let json = try JSONValue(parsing: try document.json())
    #expect(json["id"] == nil)
    #expect(json["timings_ms"] == .object(["backbone": .number(12), "rpn": .number(1.5)]))
    #expect(json["detections"]?.elements.count == 2)
  }
}
