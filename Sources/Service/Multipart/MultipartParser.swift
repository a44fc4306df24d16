internal import JSON

/// One part of a `multipart/form-data` body.
struct MultipartPart: Hashable {
  /// The field's name.
  var name: String

  /// The file's name, where the part is a file.
  var fileName: String?

  /// Where its content stands in the body.
  var content: Range<Int>
}

/// Reads `multipart/form-data` (RFC 7578) in one pass over a body that is in memory.
///
/// The grammar is RFC 2046 section 5.1.1:
///
/// ```
/// body       = [preamble CRLF] dash-boundary padding CRLF part
///              *(CRLF dash-boundary padding CRLF part)
///              CRLF dash-boundary "--" padding [CRLF epilogue]
/// part       = *(field CRLF) CRLF content
/// ```
///
/// Preamble and epilogue are passed over, as the section asks. In other points it is read more strictly
/// than mail is: no folded lines, no nested multiparts, no transfer encodings. What no client of HTTP
/// writes can only hide something.
struct MultipartParser {
  private let body: [UInt8]
  /// CRLF, two dashes and the boundary.
  private let delimiter: [UInt8]
  private let limits: MultipartLimits
  private var position = 0

  /// Begins to read a body.
  init(_ body: [UInt8], boundary: String, limits: MultipartLimits) {
    self.body = body
    delimiter = Array("\r\n--".utf8) + Array(boundary.utf8)
    self.limits = limits
  }

  /// The boundary that a content type states.
  ///
  /// - Throws: a `Problem` where there is none, or one that RFC 2046 does not allow: 1 to 70
  ///   characters of a small set, the last of them no space.
  static func boundary(of type: MediaType?) throws(Problem) -> String {
    let boundaries = (type?.parameters ?? []).filter { $0.name == "boundary" }.map(\.value)
    guard boundaries.count == 1 else {
      throw Problem(
        .malformedMultipart,
        "The content type multipart/form-data has to state one boundary; it states "
          + "\(boundaries.count). Let the client library write the header.")
    }
    let boundary = boundaries[0]
    guard (1...70).contains(boundary.utf8.count), boundary.utf8.last != UInt8(ascii: " "),
      boundary.utf8.allSatisfy(isBoundaryCharacter)
    else {
      throw Problem(
        .malformedMultipart,
        "The boundary of the multipart body has to be 1 to 70 of the characters that RFC 2046 "
          + "section 5.1.1 allows.")
    }
    return boundary
  }

  /// Reads all parts.
  mutating func parts() throws(Problem) -> [MultipartPart] {
    // A delimiter that begins the body has no CRLF of its own in front.
    if body.starts(with: delimiter.dropFirst(2)) {
      position = delimiter.count - 2
    } else if let start = startOfDelimiter() {
      position = start + delimiter.count
    } else {
      throw failure(
        "no line is '--' and the boundary that the content type states", at: 0)
    }
    var parts: [MultipartPart] = []
    while try !isClosedAfterDelimiter() {
      guard parts.count < limits.maximumParts else {
        throw failure(
          "it has more than \(limits.maximumParts) parts", at: position,
          limit: .init(name: "parts", value: limits.maximumParts, unit: "parts"))
      }
      parts.append(try part())
    }
    return parts
  }

  /// Reads what stands behind a delimiter: two dashes where it is the last one, and a line's end, or that
  /// of the body.
  private mutating func isClosedAfterDelimiter() throws(Problem) -> Bool {
    let isClosing = take(UInt8(ascii: "-"), UInt8(ascii: "-"))
    while position < body.count,
      body[position] == UInt8(ascii: " ") || body[position] == UInt8(ascii: "\t")
    {
      position += 1
    }
    let endsLine = take(UInt8(ascii: "\r"), UInt8(ascii: "\n"))
    guard endsLine || isClosing && position == body.count else {
      throw failure("a delimiter has to be followed by the end of its line", at: position)
    }
    return isClosing
  }

  /// Reads a part's header lines and content, up to behind the next delimiter.
  private mutating func part() throws(Problem) -> MultipartPart {
    let start = position
    var header = PartHeader()
    var lineCount = 0
    while true {
      guard let end = endOfLine(within: limits.maximumHeaderBytes - (position - start)) else {
        throw failure(
          "the header lines of a part do not end within \(limits.maximumHeaderBytes) bytes",
          at: start,
          limit: .init(name: "part_header", value: limits.maximumHeaderBytes, unit: "bytes"))
      }
      let line = position..<end
      position = end + 2
      if line.isEmpty { break }
      lineCount += 1
      guard lineCount <= limits.maximumHeaderLines else {
        throw failure(
          "a part has more than \(limits.maximumHeaderLines) header lines", at: start,
          limit: .init(name: "part_header_lines", value: limits.maximumHeaderLines, unit: "lines"))
      }
      // A file's name may be in any encoding; what is not UTF-8 can be no field's name that is known.
      guard header.read(String(decoding: body[line], as: UTF8.self)) else {
        throw failure("a part's header line cannot be read", at: line.lowerBound)
      }
    }
    if let reason = header.refusal { throw failure(reason, at: start) }
    guard let name = header.name else {
      throw failure(
        "a part has to have one 'Content-Disposition: form-data' with a name", at: start)
    }
    guard let end = startOfDelimiter() else {
      throw failure("it ends within the part '\(name.excerpt)'", at: body.count)
    }
    let content = position..<end
    position = end + delimiter.count
    return MultipartPart(name: name, fileName: header.fileName, content: content)
  }

  /// Where the line that begins here ends, if it does so within a number of bytes.
  private func endOfLine(within count: Int) -> Int? {
    var index = position
    let limit = min(body.count - 1, position + max(count, 0))
    while index < limit {
      if body[index] == UInt8(ascii: "\r"), body[index + 1] == UInt8(ascii: "\n") { return index }
      index += 1
    }
    return nil
  }

  /// Where the next delimiter begins.
  ///
  /// A carriage return stands at the beginning of the delimiter and nowhere else in it. So where a
  /// comparison fails, none of the bytes that matched can begin another: the search goes on behind
  /// them, and looks at each byte once or twice whatever the body holds.
  private func startOfDelimiter() -> Int? {
    var index = position
    let last = body.count - delimiter.count
    while index <= last {
      guard body[index] == UInt8(ascii: "\r") else {
        index += 1
        continue
      }
      var matched = 1
      while matched < delimiter.count, body[index + matched] == delimiter[matched] { matched += 1 }
      if matched == delimiter.count { return index }
      index += matched
    }
    return nil
  }

  private mutating func take(_ first: UInt8, _ second: UInt8) -> Bool {
    guard position + 1 < body.count, body[position] == first, body[position + 1] == second else {
      return false
    }
    position += 2
    return true
  }

  private func failure(_ reason: String, at offset: Int, limit: Problem.Limit? = nil) -> Problem {
    Problem(
      .malformedMultipart, "The multipart body is malformed at byte \(offset): \(reason).",
      limit: limit)
  }

  /// `bchars` of RFC 2046 section 5.1.1.
  private static func isBoundaryCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: "'()+_,-./:=? ".utf8.contains(byte)
    }
  }
}
