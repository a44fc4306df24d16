internal import CEmbeddedPage
internal import HTTP1
internal import HTTPServer

/// A page with its style and script inside of it, which are all that it may run.
struct Page: Sendable {
  private let body: [UInt8]
  private let style, script: String

  /// Puts three embedded files together.
  init(_ page: frcnn_page_part, style: frcnn_page_part, script: frcnn_page_part) {
    (self.style, self.script) = (Self.text(style), Self.text(script))
    let text = Self.text(page).replacing("{{style}}", with: self.style)
      .replacing("{{script}}", with: self.script)
    body = Array(text.utf8)
  }

  /// The answer that hands the page out.
  func response() -> HTTPResponse {
    var response = HTTPResponse(status: 200, body: body)
    response.fields.append("Content-Type", "text/html; charset=utf-8")
    // The page and the server that it speaks to are of one make: a kept page may not be.
    response.fields.append("Cache-Control", "no-store")
    PageSecurity.protect(&response, scripts: [script], styles: [style])
    return response
  }

  private static func text(_ part: frcnn_page_part) -> String {
    String(decoding: EmbeddedFile.bytes(part), as: UTF8.self)
  }
}
