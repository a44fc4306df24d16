@testable import Fetching

/// What is fuzzed of fetching: a client's URL, and what the host behind it answers.
///
/// Shared by the tests, which replay the corpus, and by libFuzzer (`scripts/fuzz url`, `response`).
enum FetchFuzzTarget: String, CaseIterable, Sendable {
  case url
  case response

  /// Reads some bytes; traps where a promise is broken.
  func run(_ bytes: [UInt8]) {
    switch self {
    case .url: Self.readURL(bytes)
    case .response: Self.readResponse(bytes)
    }
  }

  private static func readURL(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    _ = FetchSource(text)
    guard let target = try? FetchTarget(text) else { return }
    precondition(target.path.hasPrefix("/"), target.path)
    precondition(target.path.utf8.allSatisfy { (0x21...0x7e).contains($0) }, target.path)
    precondition((1...65535).contains(target.port), "\(target.port)")
    precondition(!target.host.isEmpty, text)
    // Whoever reads the URL by the same rules finds the same host in it.
    let name = target.host.contains(":") ? "[\(target.host)]" : target.host
    let scheme = target.isSecure ? "https" : "http"
    let again = try? FetchTarget("\(scheme)://\(name):\(target.port)\(target.path)")
    precondition(again == target || text.utf8.count > FetchTarget.maximumLength - 8, text)
  }

  /// Reads an answer whole, and cut into pieces whose lengths the bytes themselves say.
  private static func readResponse(_ bytes: [UInt8]) {
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + 1 + Int(bytes[start] & 15))
      pieces.append(bytes[start..<end])
      start = end
    }
    let whole = outcome(of: [bytes[...]])
    precondition(whole == outcome(of: pieces), "cuts change what is read")
  }

  private static let limit = 300

  private static func outcome(of pieces: [ArraySlice<UInt8>]) -> Result<[UInt8], FetchError> {
    var reader = ResponseReader(limit: limit)
    do throws(FetchError) {
      for piece in pieces where !reader.isDone { try reader.take(piece.span) }
      if !reader.isDone { try reader.finish() }
    } catch {
      return .failure(error)
    }
    precondition(reader.isDone && reader.body.count <= limit, "\(reader.body.count) bytes")
    precondition(reader.spareRoom >= 0, "\(reader.spareRoom)")
    return .success(reader.body)
  }
}
