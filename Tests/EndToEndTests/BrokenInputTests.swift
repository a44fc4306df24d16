import Foundation
import Testing

/// Everything that is wrong gets its status and a body that says so, and harms nobody after it.
@Suite struct BrokenInputTests {
  private static let shared = Task {
    // How long one waits for the others is not what is tested.
    try await Server(
      "--max-pixels", "1M", "--max-body", "1MiB", "--queue", "1000")
  }

  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var status: Int
    var request: @Sendable () throws -> Data

    init(_ name: String, _ status: Int, _ request: @escaping @Sendable () throws -> Data) {
      testDescription = name
      self.status = status
      self.request = request
    }
  }

  static let cases = [
    Case("no body", 400) { Connection.request("POST", "/detect") },
    Case("a text", 415) {
      Connection.request("POST", "/detect", body: Data("hello".utf8), type: "text/plain")
    },
    Case("bytes that are no picture", 415) {
      Connection.request("POST", "/detect", body: Data("this is no picture at all".utf8))
    },
    Case("half a picture", 422) {
      Connection.request(
        "POST", "/detect", body: try Data(contentsOf: Program.example).prefix(5_000))
    },
    Case("a picture with too many pixels", 413) {
      Connection.request("POST", "/detect", body: pngHeader(width: 60_000, height: 60_000))
    },
    Case("a body that is too long", 413) {
      Connection.request("POST", "/detect", body: Data(count: (1 << 20) + 1))
    },
    Case("a parameter nobody knows", 400) {
      Connection.request(
        "POST", "/detect?treshold=0.5", body: try Data(contentsOf: Program.example))
    },
    Case("a parameter out of range", 400) {
      Connection.request(
        "POST", "/detect?score_threshold=7", body: try Data(contentsOf: Program.example))
    },
    Case("a form without a picture", 400) {
      Connection.request(
        "POST", "/detect", body: Connection.form(field: "other", file: Data("x".utf8)),
        type: "multipart/form-data; boundary=boundary42")
    },
    Case("a path nobody knows", 404) { Connection.request("GET", "/nothing") },
    Case("another method", 405) { Connection.request("DELETE", "/detect") },
    Case("two lengths", 400) {
      Data(
        "POST /detect HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
          .utf8)
    },
    Case("a length and chunks", 400) {
      Data(
        """
        POST /detect HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r
        0\r\n\r\n
        """.utf8)
    },
    Case("no host", 400) { Data("GET /livez HTTP/1.1\r\n\r\n".utf8) },
    Case("a POST without a length", 411) { Data("POST /detect HTTP/1.1\r\nHost: x\r\n\r\n".utf8) },
    Case("a head that is too large", 431) {
      Connection.request("GET", "/livez", fields: ["X-Long": String(repeating: "a", count: 20_000)])
    },
    Case("a target that is too long", 414) {
      Connection.request("GET", "/" + String(repeating: "a", count: 20_000))
    },
    Case("an unknown transfer coding", 501) {
      Data("POST /detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br, chunked\r\n\r\n".utf8)
    },
    Case("another version", 505) { Data("GET /livez HTTP/3.0\r\nHost: x\r\n\r\n".utf8) },
    Case("nonsense", 400) { Data("\u{1}\u{2}\u{3} what\r\n\r\n".utf8) },
  ]

  @Test(arguments: cases)
  func isAnsweredAndForgotten(wrong: Case) async throws {
    let server = try await Self.shared.value
    let response = try await server.send(try wrong.request())
    #expect(response.status == wrong.status, "\(response.text)")
    #expect(response.fields["content-type"] == "application/problem+json")
    let problem = try response.json()
    #expect(problem["status"] as? Int == wrong.status)
    for member in ["title", "detail", "error"] {
      #expect((problem[member] as? String)?.isEmpty == false, "\(member) in \(response.text)")
    }
    if wrong.status == 405 { #expect(response.fields["allow"]?.hasPrefix("POST") == true) }
    let next = try await server.send(
      Connection.request("POST", "/detect", body: try Data(contentsOf: Program.example)))
    #expect(next.status == 200)
  }

  /// The first 33 bytes of a PNG: all that may be looked at before its size is refused.
  private static func pngHeader(width: UInt32, height: UInt32) -> Data {
    var header = Data("IHDR".utf8)
    for value in [width, height] {
      header += unsafe withUnsafeBytes(of: value.bigEndian) { unsafe Data($0) }
    }
    header += Data([8, 2, 0, 0, 0])
    var checksum: UInt32 = 0xFFFF_FFFF
    for byte in header {
      checksum ^= UInt32(byte)
      for _ in 0..<8 { checksum = checksum & 1 == 1 ? checksum >> 1 ^ 0xEDB8_8320 : checksum >> 1 }
    }
    let trailer = unsafe withUnsafeBytes(of: (~checksum).bigEndian) { unsafe Data($0) }
    return Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]) + header + trailer
  }
}
