@testable import HTTP1

/// What a parser gives out, as the lines of the corpus.
struct EventLog {
  private(set) var lines: [String] = []
  private var body: [UInt8] = []

  /// The lines for pieces of input that come one after the other, and then the end.
  static func lines(of pieces: [ArraySlice<UInt8>], limits: HTTPLimits) -> [String] {
    var parser = RequestParser(limits: limits)
    var log = EventLog()
    do throws(RequestError) {
      for piece in pieces { try log.feed(Array(piece), to: &parser) }
      try parser.finish()
    } catch {
      log.flushBody()
      log.lines.append("error \(error.reason) \(error.status) at \(error.offset)")
    }
    return log.lines
  }

  private mutating func feed(
    _ bytes: [UInt8], to parser: inout RequestParser
  ) throws(RequestError) {
    var index = 0
    while true {
      guard let event = try parser.next(bytes.span, from: &index) else { return }
      append(event, bytes)
      if parser.isComplete { parser.startNext() }
    }
  }

  private mutating func append(_ event: RequestEvent, _ bytes: [UInt8]) {
    switch event {
    case .head(let head):
      lines.append(Self.line(head))
      for field in head.fields.lines {
        lines.append("field \(field.name): \(Self.escaped(field.value.utf8, keepsSpaces: true))")
      }
    case .body(let range):
      body += bytes[range]
    case .end(let trailers):
      flushBody()
      lines.append("end")
      for field in trailers.lines { lines.append("trailer \(field.name): \(field.value)") }
    }
  }

  private mutating func flushBody() {
    if !body.isEmpty { lines.append("body \(Self.escaped(body, keepsSpaces: true))") }
    body = []
  }

  private static func line(_ head: RequestHead) -> String {
    let framing =
      switch head.framing {
      case .none: "none"
      case .length(let length): "length=\(length)"
      case .chunked: "chunked"
      }
    let version = head.version == .http10 ? "1.0" : "1.1"
    var line = "head \(head.method) \(escaped(head.path.utf8)) \(version) \(framing)"
    if let query = head.query { line += " ?\(escaped(query.utf8))" }
    if let authority = head.authority { line += " authority=\(authority)" }
    if !head.keepsAlive { line += " close" }
    if head.expectsContinue { line += " continue" }
    return line
  }

  private static func escaped(_ bytes: some Sequence<UInt8>, keepsSpaces: Bool = false) -> String {
    bytes.map { byte in
      switch byte {
      case .carriageReturn: "\\r"
      case .lineFeed: "\\n"
      case UInt8(ascii: "\\"): "\\\\"
      case 0x21...0x7e: String(Unicode.Scalar(byte))
      case .space where keepsSpaces: " "
      default:
        "\\x" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
      }
    }.joined()
  }
}
