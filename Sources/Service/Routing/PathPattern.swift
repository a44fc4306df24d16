/// A path with names in braces for what differs, one at most in each segment: `/v1/models/{model}:predict`.
struct PathPattern: Sendable, ExpressibleByStringLiteral {
  private struct Segment: Sendable {
    /// All of the segment, or what stands before its name.
    var prefix: Substring
    /// The name in braces; `nil` where the segment never differs.
    var name: String?
    /// What stands behind the name.
    var suffix: Substring = ""
  }

  /// The pattern as it is written.
  let text: String
  private let segments: [Segment]

  /// Reads a pattern; a brace that has no other is a character like any.
  init(_ text: String) {
    self.text = text
    segments = text.split(separator: "/", omittingEmptySubsequences: false).map { segment in
      guard let start = segment.firstIndex(of: "{"), let end = segment.firstIndex(of: "}"),
        start < end
      else { return Segment(prefix: segment) }
      return Segment(
        prefix: segment[..<start], name: String(segment[segment.index(after: start)..<end]),
        suffix: segment[segment.index(after: end)...])
    }
  }

  init(stringLiteral text: String) { self.init(text) }

  /// Whether some part of it differs.
  var hasNames: Bool { segments.contains { $0.name != nil } }

  /// What stands for the names in a path of this pattern, something for each; `nil` for another path.
  func values(in path: String) -> [String: String]? {
    let found = path.split(separator: "/", omittingEmptySubsequences: false)
    guard found.count == segments.count else { return nil }
    var values: [String: String] = [:]
    for (segment, found) in zip(segments, found) {
      guard let name = segment.name else {
        guard found == segment.prefix else { return nil }
        continue
      }
      guard found.count > segment.prefix.count + segment.suffix.count,
        found.hasPrefix(segment.prefix), found.hasSuffix(segment.suffix)
      else { return nil }
      values[name] = String(found.dropFirst(segment.prefix.count).dropLast(segment.suffix.count))
    }
    return values
  }
}
