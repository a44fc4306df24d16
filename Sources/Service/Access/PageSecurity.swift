internal import Digests
internal import HTTP1
public import HTTPServer
internal import JSON

/// The fields that keep a page of HTML from being misused.
public enum PageSecurity {
  /// Adds them to an answer whose body is HTML.
  ///
  /// The page may run the scripts and use the styles that stand in it, named by their SHA-256 sums
  /// (Content Security Policy level 3, section 2.3.1); it may show pictures that it made itself, use the
  /// camera, and ask nobody but the server that it came from. Nobody may frame it.
  ///
  /// - Parameters:
  ///   - response: the answer.
  ///   - scripts: the text of each `script` element, byte for byte.
  ///   - styles: the text of each `style` element, byte for byte.
  public static func protect(
    _ response: inout HTTPResponse, scripts: [String] = [], styles: [String] = []
  ) {
    response.fields["Content-Security-Policy"] = policy(scripts: scripts, styles: styles)
    // For browsers that do not know `frame-ancestors`.
    response.fields["X-Frame-Options"] = "DENY"
    response.fields["X-Content-Type-Options"] = "nosniff"
    response.fields["Referrer-Policy"] = "no-referrer"
    response.fields["Cross-Origin-Opener-Policy"] = "same-origin"
    response.fields["Cross-Origin-Resource-Policy"] = "same-origin"
    response.fields["Permissions-Policy"] =
      "camera=(self), microphone=(), geolocation=(), payment=(), usb=()"
  }

  /// The value of `Content-Security-Policy`.
  static func policy(scripts: [String], styles: [String]) -> String {
    func sources(_ texts: [String]) -> String {
      if texts.isEmpty { return "'none'" }
      return texts.map { text in
        let sum = SHA256.sum(of: Array(text.utf8))
        return "'sha256-\(Base64.encode(sum))'"
      }.joined(separator: " ")
    }
    return [
      "default-src 'none'", "script-src \(sources(scripts))", "style-src \(sources(styles))",
      "img-src 'self' data: blob:", "media-src 'self' blob:", "connect-src 'self'",
      "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")
  }
}
