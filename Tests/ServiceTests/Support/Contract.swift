import Foundation
import HTTP1
import HTTPServer
import Testing

@testable import Service

/// `openapi.yaml` as it stands at the top of the repository.
enum Contract {
  static let text: String = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../openapi.yaml").standardizedFileURL
    return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
  }()

  static let document = Result { try YAMLReader.read(text) }

  /// `openapi-doors.yaml`: the routes of other servers.
  static let doors = Result {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../openapi-doors.yaml").standardizedFileURL
    return try YAMLReader.read(try String(contentsOf: file, encoding: .utf8))
  }

  /// Requires that an answer of a door is one that `openapi-doors.yaml` describes.
  static func expectConformingDoor(
    _ response: HTTPResponse, _ method: String, _ path: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let checker = SchemaChecker(document: try doors.get())
    let compatibility = Compatibility(servers: Set(CompatibleServer.allCases))
    let pattern = compatibility.doors.flatMap(\.paths).first {
      $0.pattern.values(in: path) != nil && $0.methods.contains { $0.rawValue == method }
    }?.pattern.text
    // What is not there is described by the other file.
    guard let pattern else { return }
    let responses = checker.document["paths"]?[pattern]?[method.lowercased()]?["responses"]
    let described = (responses?[String(response.status)] ?? responses?["default"])
      .map(checker.resolve)
    let content = try #require(described?["content"], "\(pattern)", sourceLocation: sourceLocation)
    guard !response.body.isEmpty else { return }
    let type = try #require(response.fields["Content-Type"], sourceLocation: sourceLocation)
    let schema = try #require(
      content[String(type.prefix { $0 != ";" })]?["schema"], "\(type)",
      sourceLocation: sourceLocation)
    let violations = checker.violations(of: try response.json, against: schema)
    #expect(violations == [], "\(pattern)", sourceLocation: sourceLocation)
  }

  static func checker() throws -> SchemaChecker { SchemaChecker(document: try document.get()) }
}

/// Requires that a response is one that `openapi.yaml` describes for its request: status, content
/// type, header fields, and the body's schema.
func expectConforming(
  _ response: HTTPResponse, to request: HTTPRequest,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let checker = try Contract.checker()
  // Said once for the whole server, in the document's description.
  if request.method == "OPTIONS" { return }
  let template = RouteMatch(path: request.path)?.route.rawValue ?? request.path
  let path = checker.document["paths"]?[template]
  let operation = path?[request.method.lowercased()]
  let described: JSONValue?
  if let operation {
    let responses = operation["responses"]
    described = responses?[String(response.status)] ?? responses?["default"]
  } else {
    let names = [404: "NotFound", 405: "MethodNotAllowed", 501: "NotImplemented"]
    let component = names[response.status].flatMap {
      checker.document["components"]?["responses"]?[$0]
    }
    described = component
  }
  guard let described = described.map(checker.resolve) else {
    Issue.record(
      "\(request.method) \(request.path) is not described to answer \(response.status)",
      sourceLocation: sourceLocation)
    return
  }
  for (name, reference) in described["headers"]?.members ?? [:] {
    let header = checker.resolve(reference)
    guard let value = response.fields[name] else {
      #expect(
        header["required"] != .boolean(true), "\(name) is missing", sourceLocation: sourceLocation)
      continue
    }
    let type = checker.resolve(header["schema"] ?? .null)["type"]?.text
    let json: JSONValue = type == "integer" ? .number(Double(value) ?? .nan) : .string(value)
    let violations = checker.violations(of: json, against: header["schema"] ?? .null)
    #expect(violations == [], sourceLocation: sourceLocation)
  }
  guard let content = described["content"] else { return }
  let type = try #require(response.fields["Content-Type"], sourceLocation: sourceLocation)
  let essence = String(type.prefix { $0 != ";" })
  let media = try #require(
    content[essence], "\(essence) is not described", sourceLocation: sourceLocation)
  // Lines are no one JSON text; `LinesTests` holds each against its schema.
  let isJSON = essence.hasSuffix("json") && essence != "application/x-ndjson"
  let body = isJSON ? try response.json : .string("")
  let violations = checker.violations(of: body, against: media["schema"] ?? .null)
  #expect(violations == [], sourceLocation: sourceLocation)
  if essence == "application/problem+json" {
    #expect(body["status"] == .number(Double(response.status)), sourceLocation: sourceLocation)
    #expect(body["error"] == body["detail"], sourceLocation: sourceLocation)
    #expect(
      body["request_id"]?.text == response.fields["X-Request-ID"], sourceLocation: sourceLocation)
    #expect(
      body["instance"]?.text == response.fields["X-Request-ID"].map { "urn:frcnn:request:\($0)" },
      sourceLocation: sourceLocation)
    let retryAfter = response.fields["Retry-After"].flatMap(Double.init)
    #expect(body["retry_after"]?.double == retryAfter, sourceLocation: sourceLocation)
  }
}
