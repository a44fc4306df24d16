import Foundation
import HTTPServer
import Images
import Testing

@testable import Service

/// The same picture in every format that keeps its pixels.
@Suite struct FormatTests {
  private func bytes(_ name: String) throws -> [UInt8] {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../ImagesTests/Fixtures/pictures/\(name)").standardizedFileURL
    return [UInt8](try Data(contentsOf: file))
  }

  @Test func thePictureIsAnsweredAsItsPNG() async throws {
    let service = try await RealDetector.service()
    func found(_ name: String) async throws -> [JSONValue] {
      let response = try await service.detect(
        "include=detections,proposals&rpn_min_size=0", picture: try bytes(name), type: nil)
      #expect(response.status == 200, "\(name)")
      return try #require(try response.json["proposals"]).elements
    }
    let wanted = try await found("rgb-8.png")
    #expect(!wanted.isEmpty)
    let names = [
      "rgb-8-interlaced.png", "rgb.bmp", "rgb-lzw.tif", "rgb-tiles-planes.tif", "lossless.webp",
    ]
    // Formats may be left out of a build.
    for name in names
    where ImageFormat.all.contains(where: {
      $0.fileExtensions.contains { name.hasSuffix("." + $0) }
    }) {
      #expect(try await found(name) == wanted, "\(name)")
    }
  }
}
