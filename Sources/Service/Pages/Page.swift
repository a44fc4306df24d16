internal import CEmbeddedPage
internal import HTTP1
internal import HTTPServer

/// A page with its style and script inside of it, which are all that it may run.
struct Page: Sendable {
  private let body: StaticText
  private let fields: HTTPFields

  /// Puts three embedded files together.
  init(_ page: frcnn_page_part, style: frcnn_page_part, script: frcnn_page_part) {
    let (style, script) = (Self.text(style), Self.text(script))
    let text = Self.text(page).replacing("{{style}}", with: style)
      .replacing("{{script}}", with: script)
    body = StaticText(Array(text.utf8))
    var response = HTTPResponse(status: 200)
    response.fields.append("Content-Type", "text/html; charset=utf-8")
    // The page and the server that it speaks to are of one make: a kept page may not be.
    response.fields.append("Cache-Control", "no-store")
    PageSecurity.protect(&response, scripts: [script], styles: [style])
    fields = response.fields
  }

  /// The answer that hands the page out.
  func response(to request: HTTPRequest) -> HTTPResponse {
    var response = body.response(to: request)
    for field in fields.lines { response.fields.append(field.name, field.value) }
    return response
  }

  private static func text(_ part: frcnn_page_part) -> String {
    String(decoding: EmbeddedFile.bytes(part), as: UTF8.self)
  }
}
