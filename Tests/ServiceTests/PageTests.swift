import Digests
import Foundation
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// The pages for browsers: in one piece, and with nothing allowed that is not theirs.
@Suite struct PageTests {
  private static let pages = [Route.home, .documentation]

  @Test(arguments: pages)
  func aPageAllowsItsOwnScriptAndStyleOnly(route: Route) async throws {
    let response = try await DetectionService().get(route.rawValue)
    #expect(response.status == 200)
    #expect(response.fields["Content-Type"] == "text/html; charset=utf-8")
    let policy = try #require(response.fields["Content-Security-Policy"])
    #expect(policy.hasPrefix("default-src 'none';") && !policy.contains("unsafe"))
    #expect(response.fields["X-Content-Type-Options"] == "nosniff")

    let text = String(decoding: response.body, as: UTF8.self)
    #expect(!text.contains("{{"))
    for kind in ["style", "script"] {
      let parts = text.components(separatedBy: "<\(kind)>")
      #expect(parts.count == 2 && !text.contains("<\(kind) "))
      let content = try #require(parts.last?.components(separatedBy: "</\(kind)>").first)
      let sum = Data(SHA256.sum(of: Array(content.utf8))).base64EncodedString()
      #expect(policy.contains("\(kind)-src 'sha256-\(sum)';"))
    }
    // What such a policy would not run.
    #expect(text.firstMatch(of: /\s(?:on[a-z]+|style)="/) == nil)
  }

  @Test(arguments: pages)
  func aPageAsksNobodyElse(route: Route) async throws {
    let response = try await DetectionService().get(route.rawValue)
    let text = String(decoding: response.body, as: UTF8.self)
    // The name of SVG is an address that nobody asks.
    let addresses = text.matches(of: /https?:\/\/[^\s'"`)<]+/).map { String($0.0) }
      .filter { $0 != "http://www.w3.org/2000/svg" && !$0.hasPrefix("http://HOST:PORT") }
    #expect(addresses == [])
    for match in text.matches(of: /(?:src|href)="([^"]*)"/) {
      let target = match.1
      #expect(target.hasPrefix("/") || target.hasPrefix("#") || target == "data:,", "\(target)")
      if target.hasPrefix("/") { #expect(Route(rawValue: String(target)) != nil, "\(target)") }
    }
  }

  @Test func everyElementThatTheScriptNamesIsThere() async throws {
    let text = String(decoding: try await DetectionService().get("/").body, as: UTF8.self)
    let made = Set(text.matches(of: /\bid="([a-z-]+)"/).map { String($0.1) })
    let used = Set(text.matches(of: /\$\('([a-z-]+)'\)/).map { String($0.1) })
    #expect(used.count > 20)
    #expect(used.subtracting(made) == [])
    // Each control has a name for a screen reader: a label, or words of its own.
    let labelled = Set(text.matches(of: /<label for="([a-z-]+)"/).map { String($0.1) })
    for match in text.matches(of: /<input type="(?:range|password)" id="([a-z-]+)"/) {
      #expect(labelled.contains(String(match.1)), "\(match.1)")
    }
  }

  @Test func theExampleIsAPicture() async throws {
    let service = try await DetectionService.ready()
    let response = try await service.get("/example.jpg")
    #expect(response.fields["Content-Type"] == "image/jpeg")
    #expect(response.body.starts(with: [0xFF, 0xD8, 0xFF]))
    #expect(try await service.detect(picture: response.body).status == 200)
  }

  @Test(arguments: ["/openapi.yaml", "/example.jpg"])
  func aFileIsSentOnce(path: String) async throws {
    let service = DetectionService()
    func get(_ fields: [(String, String)]) async throws -> HTTPResponse {
      var request = HTTPRequest(method: "GET", path: path)
      for (name, value) in fields { request.fields.append(name, value) }
      return try await service.answer(request)
    }
    let plain = try await get([])
    let tag = try #require(plain.fields["ETag"])
    #expect(tag.hasPrefix("W/\"") && plain.fields["Cache-Control"] == "no-cache")
    for value in [tag, "\"other\", \(tag)", String(tag.dropFirst(2)), "*"] {
      let known = try await get([("If-None-Match", value)])
      #expect(known.status == 304 && known.body.isEmpty && known.fields["ETag"] == tag)
      #expect(known.fields["Content-Type"] == nil)
    }
    #expect(try await get([("If-None-Match", "\"other\"")]).body == plain.body)

    let coded = try await get([("Accept-Encoding", "gzip, deflate, br")])
    #expect(coded.fields["ETag"] == tag)
    if path == "/openapi.yaml" {
      #expect(coded.fields["Content-Encoding"] == "gzip")
      #expect(coded.fields["Vary"] == "Accept-Encoding")
      #expect(try Inflation.undo(coded.body, .gzip, limit: 1 << 20) == plain.body)
      #expect(4 * coded.body.count < plain.body.count)
    } else {
      #expect(coded.fields["Content-Encoding"] == nil && coded.body == plain.body)
    }
  }

  @Test func aBrowserKnowsWhatTheModelFinds() async throws {
    let service = try await DetectionService.ready()
    let health = try await service.get("/healthz").json
    #expect(health["classes"]?.elements.compactMap(\.text) == ["RBC", "WBC", "Platelets"])
    #expect(health["defaults"]?["nms_threshold"]?.double == 0.3)
    #expect(health["defaults"]?["max_detections"] == .null)
  }
}
