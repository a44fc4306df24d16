@testable import HTTP1

/// What is fuzzed of HTTP/1.1: a connection's bytes, requests and all that comes of them.
///
/// Shared by the tests, which replay the corpus, and by libFuzzer (`scripts/fuzz http`).
enum HTTPFuzzTarget {
  /// Limits that a small input can break.
  static let limits: HTTPLimits = {
    var limits = HTTPLimits()
    limits.targetLength = 200
    limits.headLength = 800
    limits.fieldCount = 12
    limits.bodyLength = 300
    limits.chunkExtensionLength = 40
    limits.trailerLength = 100
    return limits
  }()

  /// Reads some bytes whole, and cut into pieces whose lengths the bytes themselves say.
  ///
  /// Traps where a promise is broken: other events for other cuts, a limit passed, a path that is not
  /// normal, a field that could end its line.
  static func run(_ bytes: [UInt8]) {
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + 1 + Int(bytes[start] & 15))
      pieces.append(bytes[start..<end])
      start = end
    }
    let whole = EventLog.lines(of: [bytes[...]], limits: limits)
    precondition(whole == EventLog.lines(of: pieces, limits: limits), "cuts change what is read")
    check(bytes)
    converse(bytes)
  }

  private static func check(_ bytes: [UInt8]) {
    var parser = RequestParser(limits: limits)
    var index = 0
    var bodyLength = 0
    while let event = try? parser.next(bytes.span, from: &index) {
      switch event {
      case .head(let head):
        bodyLength = 0
        precondition(head.path == "*" || head.path.hasPrefix("/"), "\(head.path)")
        precondition(!head.path.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "\(head.path)")
        precondition(
          !head.path.split(separator: "/").contains { $0 == "." || $0 == ".." }, "\(head.path)")
        precondition(head.fields.lines.count <= limits.fieldCount, "\(head.fields.lines.count)")
        for field in head.fields.lines {
          precondition(field.name.utf8.allSatisfy(ByteClass.token.contains), "\(field)")
          precondition(field.value.utf8.allSatisfy { $0.isFieldContent }, "\(field)")
        }
      case .body(let range):
        bodyLength += range.count
        precondition(bodyLength <= limits.bodyLength, "\(bodyLength)")
      case .end:
        parser.startNext()
      }
    }
  }

  /// Answers whatever comes as a server does.
  private static func converse(_ bytes: [UInt8]) {
    var connection = ServerConnection(limits: limits)
    var output: [UInt8] = []
    var index = 0
    do {
      while let event = try connection.next(bytes.span, from: &index) {
        guard case .end = event else { continue }
        if connection.allowsInterimResponse { connection.writeContinue(to: &output) }
        // Every other answer comes in parts.
        let isWhole = output.count % 2 == 0
        let head = ResponseHead(status: 200, bodyLength: isWhole ? 0 : nil)
        guard connection.write(head, serverFields: [], closing: false, to: &output), !isWhole
        else { continue }
        connection.writePart([0x61], to: &output)
        connection.finishBody(to: &output)
      }
      try connection.finishInput()
    } catch {
      let head = ResponseHead(status: 400, bodyLength: 0)
      _ = connection.write(head, serverFields: [], closing: true, to: &output)
      precondition(connection.server == .closed, "\(connection.server)")
    }
  }
}
