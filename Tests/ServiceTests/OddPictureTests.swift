import HTTPServer
import Images
import Testing

@testable import Service

/// What an answer says of a file that is not as it should be.
struct OddPictureTests {
  @Test func whatIsOddIsListedWithTheImage() async throws {
    let service = try await DetectionService.ready(FakeBackend())
    let odd = Array("\r\n".utf8) + Pictures.png
    let response = try await service.detect(picture: odd)
    #expect(response.status == 200)
    let warnings = try #require(try response.json["image"]?["warnings"]?.elements)
    #expect(warnings.map { $0["code"]?.text } == ["leading-bytes"])
    #expect(warnings[0]["detail"]?.text?.contains("2 bytes") == true)
    #expect(try await service.detect().json["image"]?["warnings"] == nil)
  }

  @Test func aPictureThatIsCutIsRefusedUnlessItIsAskedFor() async throws {
    let service = try await DetectionService.ready(FakeBackend())
    let image = Image(
      width: 64, height: 256, pixels: (0..<3 * 64 * 256).map { UInt8($0 * 37 % 251) })
    let whole = try image.encoded(as: .jpeg)
    let cut = Array(whole.dropLast(whole.count / 4))
    let refused = try await service.detect(picture: cut, type: "image/jpeg")
    try expectProblem(refused, 422, "undecodable-picture")
    #expect(try refused.json["detail"]?.text?.contains("truncated=accept") == true)
    let response = try await service.detect("truncated=accept", picture: cut, type: "image/jpeg")
    #expect(response.status == 200)
    let warning = try #require(try response.json["image"]?["warnings"]?[0])
    #expect(warning["code"]?.text == "truncated")
    let rows = try #require(warning["missing_rows"]?.elements)
    #expect(rows.count == 2 && rows[1] == .number(256))
  }

  @Test func aPageThatIsNotThereIsNamed() async throws {
    let service = try await DetectionService.ready(FakeBackend())
    let response = try await service.detect("page=2")
    try expectProblem(response, 422, "undecodable-picture")
    #expect(try response.json["detail"]?.text?.contains("page 2") == true)
    #expect(try await service.detect("page=1").status == 200)
    try expectProblem(try await service.detect("page=0"), 400, "invalid-parameter")
  }
}
