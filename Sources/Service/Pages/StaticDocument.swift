internal import HTTP1
internal import HTTPServer

/// A file of the program that is handed out as it is, and need not be sent to whoever has it.
struct StaticDocument: Sendable {
  private let bytes: [UInt8]
  /// The file as gzip, made once; `nil` where that would not be shorter.
  private let compressed: [UInt8]?
  private let mediaType: String
  private let tag: String

  /// Takes a file.
  ///
  /// - Parameters:
  ///   - bytes: its contents.
  ///   - mediaType: what they are.
  ///   - isText: whether it shrinks.
  init(_ bytes: [UInt8], mediaType: String, isText: Bool) {
    self.bytes = bytes
    self.mediaType = mediaType
    compressed = isText ? Compression.apply(.gzip, to: bytes) : nil
    // Weak (RFC 9110 section 8.8.1): one tag stands for the file in every content coding.
    let sum = SHA256.sum(of: bytes).prefix(8).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    tag = "W/\"\(sum.joined())\""
  }

  /// The answer that hands the file out, or says that the client has it already.
  func response(to request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: 200)
    if isKnown(to: request.fields) {
      response.status = 304
    } else {
      response.fields.append("Content-Type", mediaType)
      if let compressed, ContentCoding.accepted(by: request.fields) == .gzip {
        response.body = compressed
        response.fields.append("Content-Encoding", ContentCoding.gzip.rawValue)
      } else {
        response.body = bytes
      }
    }
    response.fields.append("ETag", tag)
    // A new program may have a new file: whoever kept it has to ask.
    response.fields.append("Cache-Control", "no-cache")
    if compressed != nil { response.vary(on: "Accept-Encoding") }
    return response
  }

  /// Whether `If-None-Match` names the file (RFC 9110 section 13.1.2, by weak comparison).
  private func isKnown(to fields: HTTPFields) -> Bool {
    for value in fields.values(of: "If-None-Match") {
      for element in value.split(separator: ",") {
        let wanted = String(element.trimmingSpaces)
        if wanted == "*" || wanted == tag || "W/" + wanted == tag { return true }
      }
    }
    return false
  }
}
