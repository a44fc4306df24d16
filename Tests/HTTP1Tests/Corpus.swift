import Glibc

@testable import HTTP1

/// A case of the corpus: what a client sends, and what is read from it.
struct CorpusCase: Sendable, CustomStringConvertible {
  var name: String
  var bytes: [UInt8]
  var limits = HTTPLimits()
  var events: [String]

  var description: String { name }
}

struct CorpusError: Error {
  var text: String
}

/// Reads the corpus that lies beside this file; `Corpus/README.md` describes its form.
enum Corpus {
  static let files = ["request-line", "target", "fields", "framing", "chunked", "connection"]

  static func cases() throws -> [CorpusCase] {
    try files.flatMap { try cases(inFile: $0) }
  }

  private static func cases(inFile file: String) throws -> [CorpusCase] {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let path = folder.joined(separator: "/") + "/Corpus/\(file).md"
    var cases: [CorpusCase] = []
    var blocks: [String: [String]] = [:]
    var block: String?
    var name: String?
    func finish() throws {
      guard let name else { return }
      cases.append(try makeCase("\(file): \(name)", blocks))
      blocks = [:]
    }
    for line in try lines(of: path) {
      if let open = block {
        if line == "```" { block = nil } else { blocks[open]?.append(line) }
      } else if line.hasPrefix("```") {
        let kind = String(line.dropFirst(3))
        block = kind
        blocks[kind] = []
      } else if line.hasPrefix("#") {
        try finish()
        name = line.hasPrefix("## ") ? String(line.dropFirst(3)) : nil
      }
    }
    try finish()
    return cases
  }

  private static func lines(of path: String) throws -> [String] {
    guard let file = unsafe fopen(path, "r") else { throw CorpusError(text: "no \(path)") }
    defer { unsafe _ = fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return String(decoding: bytes, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  private static func makeCase(_ name: String, _ blocks: [String: [String]]) throws -> CorpusCase {
    guard let http = blocks["http"], var events = blocks["events"] else {
      throw CorpusError(text: "\(name): a block is missing")
    }
    let (bytes, mark) = try unescape(http.joined())
    if let last = events.last, last.hasPrefix("error ") {
      guard let mark else { throw CorpusError(text: "\(name): the error has no mark") }
      // A request's error counts from its own start; the corpus marks errors in the first only.
      events[events.count - 1] = "\(last) at \(mark)"
    }
    var limits = HTTPLimits()
    for setting in (blocks["limits"] ?? []).joined(separator: " ").split(separator: " ") {
      let parts = setting.split(separator: "=")
      guard parts.count == 2, let value = Int(parts[1]), let key = keys[String(parts[0])] else {
        throw CorpusError(text: "\(name): \(setting) is no limit")
      }
      limits[keyPath: key] = value
    }
    return CorpusCase(name: name, bytes: bytes, limits: limits, events: events)
  }

  private static var keys: [String: WritableKeyPath<HTTPLimits, Int>] {
    [
      "methodLength": \.methodLength, "targetLength": \.targetLength, "headLength": \.headLength,
      "fieldCount": \.fieldCount, "bodyLength": \.bodyLength, "trailerLength": \.trailerLength,
      "chunkExtensionLength": \.chunkExtensionLength, "leadingEmptyLines": \.leadingEmptyLines,
    ]
  }

  /// Turns escapes into bytes and takes the mark out.
  private static func unescape(_ text: String) throws -> (bytes: [UInt8], mark: Int?) {
    let source = Array(text.utf8)
    var bytes: [UInt8] = []
    var mark: Int?
    var index = 0
    while index < source.count {
      let byte = source[index]
      if byte == UInt8(ascii: "{"), let close = source[index...].firstIndex(of: UInt8(ascii: "}")),
        case let inside = source[(index + 1)..<close], let star = inside.firstIndex(of: 42),
        let count = Int(String(decoding: inside[..<star], as: UTF8.self)), star + 2 == close
      {
        bytes += [UInt8](repeating: source[star + 1], count: count)
        index = close + 1
        continue
      }
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        index += 1
        continue
      }
      guard index + 1 < source.count else { throw CorpusError(text: "a lone escape: \(text)") }
      let escape = source[index + 1]
      index += 2
      switch escape {
      case UInt8(ascii: "r"): bytes.append(.carriageReturn)
      case UInt8(ascii: "n"): bytes.append(.lineFeed)
      case UInt8(ascii: "t"): bytes.append(.tab)
      case UInt8(ascii: "\\"): bytes.append(escape)
      case UInt8(ascii: "^"): mark = bytes.count
      case UInt8(ascii: "x"):
        guard index + 2 <= source.count, let high = source[index].hexadecimalValue,
          let low = source[index + 1].hexadecimalValue
        else { throw CorpusError(text: "a bad escape: \(text)") }
        bytes.append(high << 4 | low)
        index += 2
      default: throw CorpusError(text: "an unknown escape: \(text)")
      }
    }
    return (bytes, mark)
  }
}
