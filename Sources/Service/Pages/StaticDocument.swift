internal import Digests
internal import HTTP1
internal import HTTPServer

/// A file of the program that is handed out as it is, and need not be sent to whoever has it.
struct StaticDocument: Sendable {
  private let bytes: [UInt8]
  /// The file in the codings that clients ask for; `nil` where none makes it shorter.
  private let text: StaticText?
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
    text = isText ? StaticText(bytes) : nil
    // Weak (RFC 9110 section 8.8.1): one tag stands for the file in every content coding.
    tag = "W/\"\(SHA256.sum(of: bytes).prefix(8).hexadecimalText)\""
  }

  /// The answer that hands the file out, or says that the client has it already.
  func response(to request: HTTPRequest) -> HTTPResponse {
    var response: HTTPResponse
    if isKnown(to: request.fields) {
      response = HTTPResponse(status: 304)
      if text != nil { response.vary(on: "Accept-Encoding") }
    } else {
      response = text?.response(to: request) ?? HTTPResponse(status: 200, body: bytes)
      response.fields.append("Content-Type", mediaType)
    }
    response.fields.append("ETag", tag)
    // A new program may have a new file: whoever kept it has to ask.
    response.fields.append("Cache-Control", "no-cache")
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
