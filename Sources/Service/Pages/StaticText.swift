internal import HTTP1
internal import HTTPServer
internal import Synchronization

/// A text that is a part of the program, and never changes: each content coding of it is made once.
final class StaticText: Sendable {
  private let plain: [UInt8]
  private let coded = Mutex<[ContentCoding: [UInt8]]>([:])

  /// Takes a text.
  init(_ plain: [UInt8]) { self.plain = plain }

  /// The answer that hands the text out, in the coding that the client asks for; its type is left to
  /// the caller.
  func response(to request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: 200, body: plain)
    response.vary(on: "Accept-Encoding")
    guard let coding = ContentCoding.accepted(by: request.fields) else { return response }
    // Who asks while it is being made waits for it: that is some milliseconds, once.
    let body = coded.withLock { coded in
      if let body = coded[coding] { return body }
      let body = Compression.apply(coding, to: plain) ?? []
      coded[coding] = body
      return body
    }
    guard !body.isEmpty, body.count < plain.count else { return response }
    response.body = body
    response.fields["Content-Encoding"] = coding.rawValue
    return response
  }
}
