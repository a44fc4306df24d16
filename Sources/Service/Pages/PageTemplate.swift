internal import CEmbeddedPage
internal import HTTP1
internal import HTTPServer

/// A page with its style and script inside of it, which each answer lets run by a nonce of its own.
///
/// The answer's Content-Security-Policy allows nothing else (CSP Level 3, section 2.3.1): no script
/// that is not ours, no other host, no frame around it.
struct PageTemplate: Sendable {
  /// The page in pieces; the nonce belongs between any two.
  private let pieces: [[UInt8]]

  /// Makes a template of three embedded files.
  init(_ page: frcnn_page_part, style: frcnn_page_part, script: frcnn_page_part) {
    let text = Self.text(page).replacing("{{style}}", with: Self.text(style))
      .replacing("{{script}}", with: Self.text(script))
    var pieces: [[UInt8]] = []
    var rest = text[...]
    while let range = rest.firstRange(of: "{{nonce}}") {
      pieces.append(Array(rest[..<range.lowerBound].utf8))
      rest = rest[range.upperBound...]
    }
    self.pieces = pieces + [Array(rest.utf8)]
  }

  /// An answer with the page, and a nonce that was never used before.
  func response() -> HTTPResponse {
    let nonce = RequestIdentifier.random()
    var response = HTTPResponse(status: 200, body: Array(pieces.joined(separator: nonce.utf8)))
    response.fields.append("Content-Type", "text/html; charset=utf-8")
    // A kept page would have a nonce that everybody can read.
    response.fields.append("Cache-Control", "no-store")
    response.fields.append(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; "
        + "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'")
    for (name, value) in Self.securityFields { response.fields.append(name, value) }
    return response
  }

  /// What else a browser is told of a page: which of its powers the page has, and what others may
  /// do with it.
  static let securityFields = [
    ("X-Content-Type-Options", "nosniff"),
    // For browsers that know no frame-ancestors.
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(self), microphone=(), geolocation=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
  ]

  private static func text(_ part: frcnn_page_part) -> String {
    String(decoding: EmbeddedFile.bytes(part), as: UTF8.self)
  }
}

/// A file that is a part of the program.
enum EmbeddedFile {
  /// The bytes of a file.
  static func bytes(_ part: frcnn_page_part) -> [UInt8] {
    let file = unsafe frcnn_page_file(part)
    // Safety: the C target gives the address and the size of one constant array.
    return unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
  }
}
