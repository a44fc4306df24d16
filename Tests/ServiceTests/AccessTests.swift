import HTTP1
import HTTPServer
import Observability
import Testing

@testable import Service

/// Who is let in, and what pages may do.
@Suite struct AccessTests {
  private static let key = "0123456789abcdef0123456789abcdef"
  private static let other = "ffffffffffffffffffffffff"

  private func guarded() async throws -> DetectionService {
    let service = try await DetectionService.ready()
    service.setKeys(
      try APIKeys(parsing: "# the first\n\(Self.key)\n\n  \(Self.other)  \r\n#end"))
    return service
  }

  @Test(arguments: [
    ("Authorization", "Bearer \(key)"), ("authorization", "bearer   \(other)"),
    ("X-API-Key", key), ("x-api-key", other),
  ])
  func aKeyLetsIn(name: String, value: String) async throws {
    let response = try await guarded().detect(fields: [(name, value)])
    #expect(response.status == 200)
  }

  @Test(arguments: [
    ("Authorization", "Bearer"), ("Authorization", "Bearer "), ("Authorization", key),
    ("Authorization", "Basic \(key)"), ("X-API-Key", ""), ("X-API-Key", key + "0"),
    ("X-API-Key", String(key.dropLast())), ("X-API-Key", key.uppercased()), ("X-Other", key),
    ("X-API-Key", String(repeating: "x", count: 5000)),
  ])
  func anythingElseDoesNot(name: String, value: String) async throws {
    let response = try await guarded().detect(fields: [(name, value)])
    try expectProblem(response, 401, "unauthorized")
    #expect(response.fields["WWW-Authenticate"]?.hasPrefix("Bearer realm=") == true)
    // Neither the key that was sent nor one that is known is repeated.
    let text = String(decoding: response.body, as: UTF8.self)
    #expect(!text.contains(Self.key) && !text.contains(Self.other))
  }

  @Test func withoutAKeyTheBodyIsNotRead() async throws {
    let service = try await guarded()
    var head = HTTPRequest.detect(body: [])
    head.fields["Content-Length"] = "1000000"
    try expectProblem(try #require(service.refuse(head: head)), 401, "unauthorized")
  }

  @Test(arguments: ["/livez", "/readyz", "/healthz", "/", "/openapi.yaml"])
  func probesAndDocumentsNeedNone(path: String) async throws {
    #expect(try await guarded().get(path).status == 200)
  }

  @Test func keysCanBeChangedAndGivenUp() async throws {
    let service = try await guarded()
    service.setKeys(try APIKeys(parsing: "another-key-of-some-length"))
    #expect(try await service.detect(fields: [("X-API-Key", Self.key)]).status == 401)
    #expect(
      try await service.detect(fields: [("X-API-Key", "another-key-of-some-length")]).status == 200)
    service.setKeys(nil)
    #expect(try await service.detect().status == 200)
  }

  @Test(
    arguments: [
      ("", .empty), ("# only a comment\n", .empty), ("0123456789abcdef\nshort", .tooShort(line: 2)),
      ("with a space in it, long", .unsendable(line: 1)),
      ("schlüssel-schlüssel", .unsendable(line: 1)),
    ] as [(String, APIKeys.Fault)])
  func aListThatCannotBeMeantIsRefused(text: String, fault: APIKeys.Fault) {
    #expect(throws: fault) { try APIKeys(parsing: text) }
    if !text.isEmpty {
      #expect(!fault.description.contains("short") || fault == .tooShort(line: 2))
    }
  }

  // MARK: Pages of other origins

  private func shared() async throws -> DetectionService {
    var settings = ServiceSettings.testing()
    settings.crossOrigin = CrossOriginPolicy(origins: ["https://a.example", "http://b.example:81"])
    return try await DetectionService.ready(settings: settings)
  }

  @Test func noPageMayReadUnlessListed() async throws {
    let service = try await DetectionService.ready()
    let response = try await service.detect(fields: [("Origin", "https://a.example")])
    #expect(response.status == 200)
    #expect(response.fields["Access-Control-Allow-Origin"] == nil)
  }

  @Test(arguments: ["https://a.example", "http://b.example:81"])
  func aListedOriginIsNamed(origin: String) async throws {
    let service = try await shared()
    let response = try await service.detect(fields: [("Origin", origin)])
    #expect(response.fields["Access-Control-Allow-Origin"] == origin)
    #expect(response.fields["Vary"]?.contains("Origin") == true)
    // Errors too, or a page could not tell why.
    let problem = try await service.detect("x=1", fields: [("Origin", origin)])
    #expect(problem.status == 400)
    #expect(problem.fields["Access-Control-Allow-Origin"] == origin)
  }

  @Test(arguments: [
    "https://a.example.evil", "https://a.example:443", "http://a.example", "https://A.example",
    "null", "*", "", "https://a.example/", "https://x.a.example",
  ])
  func anythingElseIsNot(origin: String) async throws {
    let service = try await shared()
    let response = try await service.detect(fields: [("Origin", origin)])
    #expect(response.fields["Access-Control-Allow-Origin"] == nil)
    #expect(response.fields["Vary"]?.contains("Origin") == true)
  }

  @Test func aPageMayAskBeforehand() async throws {
    let service = try await shared()
    service.setKeys(try APIKeys(parsing: Self.key))
    var request = HTTPRequest(method: "OPTIONS", path: "/detect")
    request.fields.append("Origin", "https://a.example")
    request.fields.append("Access-Control-Request-Method", "POST")
    request.fields.append("Access-Control-Request-Headers", "x-api-key")
    // Browsers send no key with this question (the Fetch standard).
    let response = try await service.answer(request)
    #expect(response.status == 204)
    #expect(response.fields["Access-Control-Allow-Origin"] == "https://a.example")
    #expect(response.fields["Access-Control-Allow-Methods"] == "POST, OPTIONS")
    #expect(response.fields["Access-Control-Allow-Headers"]?.contains("X-API-Key") == true)
    #expect(response.fields["Access-Control-Allow-Credentials"] == nil)
  }

  @Test func onlyOriginsAreOrigins() {
    for text in ["https://example.org", "http://localhost:3000", "http://[::1]:8080"] {
      #expect(CrossOriginPolicy(origins: [text]) != nil, "\(text)")
    }
    for text in [
      "*", "null", "example.org", "https://example.org/", "https://EXAMPLE.org", "", "x",
    ] {
      #expect(CrossOriginPolicy(origins: [text]) == nil, "\(text)")
    }
    #expect(CrossOriginPolicy(origins: []) == nil)
  }

  @Test func aPageMayRunItsOwnScriptsAlone() {
    var response = HTTPResponse(status: 200)
    PageSecurity.protect(&response, scripts: ["alert(1)"], styles: [])
    let policy = response.fields["Content-Security-Policy"] ?? ""
    // The sum by 'printf "alert(1)" | openssl dgst -sha256 -binary | base64'.
    #expect(policy.contains("script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"))
    #expect(policy.contains("style-src 'none'") && policy.contains("default-src 'none'"))
    #expect(policy.contains("frame-ancestors 'none'"))
    #expect(response.fields["X-Content-Type-Options"] == "nosniff")
  }

  // MARK: Traces

  @Test func aTraceIsCarriedOnAndLogged() async throws {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    let lines = Held<[[UInt8]]>([])
    let log = RequestLog { line in lines.withLock { $0.append(line) } }
    let service = try await DetectionService.ready(log: log)
    let response = try await service.detect(
      fields: [("traceparent", "00-\(trace)-00f067aa0ba902b7-01")])
    let parts = try #require(response.fields["traceparent"]).split(separator: "-")
    #expect(parts.count == 4 && parts[0] == "00" && parts[1] == trace && parts[3] == "01")
    #expect(parts[2].count == 16 && parts[2] != "00f067aa0ba902b7")
    log.flush()
    let line = try #require(lines.withLock { $0.first })
    #expect(try JSONValue(parsing: line)["trace_id"] == .string(trace))
  }

  @Test(arguments: [
    "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
  ])
  func aMalformedTraceIsIgnored(value: String) async throws {
    let service = try await DetectionService.ready()
    let response = try await service.detect(fields: [("traceparent", value)])
    #expect(response.status == 200)
    #expect(response.fields["traceparent"] == nil)
  }
}
