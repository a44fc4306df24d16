import Detection
import FasterRCNN
import HTTP1
import HTTPServer
import Images
import Testing

@testable import Service

/// Requests to detect that cannot be met.
@Suite struct RefusalTests {
  /// A head that announces a body of so many bytes.
  private func head(
    _ length: Int, type: String? = "image/png", fields: [(String, String)] = []
  ) -> HTTPRequest {
    var head = HTTPRequest.detect(body: [], type: type, fields: fields)
    head.fields["Content-Length"] = String(length)
    return head
  }

  @Test func aBodyHasToBeAnnounced() async throws {
    let service = try await DetectionService.ready()
    try expectProblem(
      try await service.get("/detect", method: "POST"), 411, "length-required")
    try expectProblem(try await service.detect(picture: []), 400, "missing-picture")
    var chunked = HTTPRequest.detect()
    chunked.fields["Content-Length"] = nil
    chunked.fields["Transfer-Encoding"] = "chunked"
    #expect(try await service.answer(chunked).status == 200)
  }

  @Test func aLargeBodyIsRefusedFromItsHead() async throws {
    var settings = ServiceSettings.testing()
    settings.maximumBodyBytes = 1000
    let service = try await DetectionService.ready(settings: settings)
    #expect(service.refuse(head: head(1000)) == nil)
    for length in [1001, Int.max] {
      let response = try #require(service.refuse(head: head(length)))
      try expectProblem(response, 413, "body-too-large")
      #expect(
        try response.json["limit"]
          == .object(["name": .string("body"), "value": .number(1000), "unit": .string("bytes")]))
    }
    // A chunked body does not say how long it will be: the server counts, and so does the service.
    var chunked = HTTPRequest.detect(body: [UInt8](repeating: 0, count: 1001))
    chunked.fields["Content-Length"] = nil
    chunked.fields["Transfer-Encoding"] = "chunked"
    try expectProblem(try await service.answer(chunked), 413, "body-too-large")
  }

  @Test(arguments: [
    "text/plain", "application/xml", "image/heic", "image/jxl", "image", "multipart/mixed",
    "video/mp4", "image/svg+xml",
  ])
  func anotherContentTypeIsRefusedFromTheHead(type: String) async throws {
    let service = try await DetectionService.ready()
    let response = try #require(service.refuse(head: head(10, type: type)))
    if type == "image" {
      try expectProblem(response, 400, "malformed-request")
    } else {
      try expectProblem(response, 415, "unsupported-media-type")
      #expect(response.fields["Accept"]?.contains("image/jpeg") == true)
    }
  }

  @Test func twoContentTypesAreRefused() async throws {
    let service = try await DetectionService.ready()
    let response = try #require(
      service.refuse(head: head(10, fields: [("Content-Type", "image/jpeg")])))
    try expectProblem(response, 400, "malformed-request")
  }

  @Test func aContentCodingIsRefusedFromTheHead() async throws {
    let service = try await DetectionService.ready()
    let response = try #require(
      service.refuse(head: head(10, fields: [("Content-Encoding", "br")])))
    try expectProblem(response, 415, "unsupported-content-coding")
    #expect(response.fields["Accept-Encoding"] == "gzip, deflate")
    #expect(service.refuse(head: head(10, fields: [("Content-Encoding", "Identity")])) == nil)
  }

  @Test func pathAndMethodAreRefusedFromTheHead() async throws {
    let service = try await DetectionService.ready()
    var request = head(10)
    request.path = "/predict"
    try expectProblem(try #require(service.refuse(head: request)), 404, "not-found")
    request.path = "/livez"
    try expectProblem(try #require(service.refuse(head: request)), 405, "method-not-allowed")
    request.fields["Content-Length"] = nil
    try expectProblem(try #require(service.refuse(head: request)), 405, "method-not-allowed")
  }

  @Test(
    arguments: [
      ([0, 0, 0, 24] + Array("ftypjxl ----".utf8), 415, "unsupported-picture", "no format"),
      (Array("GIF89a----------".utf8), 422, "undecodable-picture", "GIF"),
      (Array("{\"image\": 1}".utf8), 415, "unsupported-picture", "JSON"),
      ([1, 2, 3, 4], 415, "unsupported-picture", "Send JPEG"),
      (Array(Pictures.png.dropLast(20)), 422, "undecodable-picture", "cut short"),
      (Array(Pictures.greyJPEG.dropLast(20)), 422, "undecodable-picture", "cut short"),
      (
        Array(Pictures.png[..<45]) + [0xFF] + Array(Pictures.png[46...]), 422,
        "undecodable-picture", "damaged"
      ),
    ] as [([UInt8], Int, String, String)])
  func aPictureThatCannotBeReadIsRefused(
    bytes: [UInt8], status: Int, kind: String, word: String
  ) async throws {
    let backend = FakeBackend()
    let service = try await DetectionService.ready(backend)
    for type in ["image/png", "image/jpeg", nil] {
      let response = try await service.detect(picture: bytes, type: type)
      try expectProblem(response, status, kind)
      #expect(try response.json["detail"]?.text?.contains(word) == true)
    }
    #expect(backend.calls.isEmpty)
    #expect(try await service.detect().status == 200)
  }

  @Test func aLargePictureIsRefusedFromItsHeader() async throws {
    var settings = ServiceSettings.testing()
    settings.imageLimits.maximumPixels = 127
    let service = try await DetectionService.ready(settings: settings)
    let response = try await service.detect()
    try expectProblem(response, 413, "picture-too-large")
    #expect(try response.json["limit"]?["value"] == .number(127))
    #expect(try response.json["limit"]?["unit"] == .string("pixels"))
  }

  @Test(arguments: [
    (
      DetectorError.image(
        .unusableShape(width: 16, height: 8, resizedWidth: 1e9, resizedHeight: 1)), 422,
      "unusable-picture"
    ),
    (.image(.outOfMemory(width: 16, height: 8)), 500, "internal-error"),
    (.features("no"), 400, "malformed-request"), (.notFinite, 500, "internal-error"),
  ])
  func theDetectorsErrorsHaveTheirStatus(
    error: DetectorError, status: Int, kind: String
  ) async throws {
    let service = try await DetectionService.ready(FakeBackend { _, _ in throw error })
    try expectProblem(try await service.detect(), status, kind)
  }

  @Test func aFailureIsNotToldInItsOwnWords() async throws {
    struct Secret: Error, CustomStringConvertible { let description = "/home/secret" }
    let service = try await DetectionService.ready(FakeBackend { _, _ in throw Secret() })
    let response = try await service.detect()
    try expectProblem(response, 500, "internal-error")
    #expect(!String(decoding: response.body, as: UTF8.self).contains("secret"))
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotANumberIsAFailure(value: Float) async throws {
    let scores = FakeBackend { size, _ in
      var result = DetectionResult.sample(size)
      result.objects[1].score = value
      return result
    }
    try expectProblem(
      try await DetectionService.ready(scores).detect(), 500, "internal-error")
    let boxes = FakeBackend { size, _ in
      var result = DetectionResult.sample(size)
      result.proposals[2].box.yMax = value
      return result
    }
    try expectProblem(
      try await DetectionService.ready(boxes).detect(), 500, "internal-error")
  }
}
