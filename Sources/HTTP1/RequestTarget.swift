/// A request target taken apart (RFC 9112 section 3.2).
///
/// ```
/// request-target = origin-form / absolute-form / authority-form / asterisk-form
/// origin-form    = absolute-path [ "?" query ]
/// absolute-form  = scheme ":" "//" authority path-abempty [ "?" query ]
/// asterisk-form  = "*"
/// ```
///
/// `authority-form` belongs to `CONNECT`, which is refused before this.
///
/// Paths come out percent-decoded and without dot segments, so that a route can be compared with
/// `==` and no two spellings of a path reach different code. Three encodings have no such single
/// meaning and are refused: a slash (it would make one segment two), a control character (NUL ends
/// names in C; line ends forge log lines), and bytes that are not UTF-8.
struct RequestTarget: Equatable {
  var path: String
  var query: String?
  var authority: String?

  /// Whether it is a whole URI whose scheme is `https`.
  var isHTTPS = false

  /// Takes the target apart that lies at `range` of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: a line that holds the target.
  ///   - range: where the target lies in it; not empty.
  ///   - isOptions: whether the method is `OPTIONS`.
  ///   - base: the offset of `bytes` in the request, for errors.
  /// - Throws: the rule that the target breaks.
  init(
    _ bytes: Span<UInt8>, _ range: Range<Int>, isOptions: Bool, base: Int
  ) throws(RequestError) {
    let first = bytes[range.lowerBound]
    if first == UInt8(ascii: "/") {
      (path, query) = try Self.pathAndQuery(bytes, range, base: base)
      return
    }
    if first == UInt8(ascii: "*"), range.count == 1 {
      guard isOptions else {
        throw RequestError(.misplacedAsterisk, at: base + range.lowerBound)
      }
      path = "*"
      return
    }
    let rest = try Self.afterScheme(bytes, range, base: base)
    isHTTPS = bytes.equals("https", in: range.lowerBound..<rest - 3)
    var end = rest
    while end < range.upperBound, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") {
      if bytes[end] == UInt8(ascii: "@") { throw RequestError(.userInformation, at: base + end) }
      end += 1
    }
    // RFC 9110 section 4.2.1: an http URI with an empty host is invalid.
    guard end > rest, bytes[rest] != UInt8(ascii: ":"), Authority.isValid(bytes, rest..<end) else {
      throw RequestError(.invalidTarget, at: base + rest)
    }
    authority = String(ascii: bytes, rest..<end)
    if end == range.upperBound {
      // RFC 9112 section 3.2.4: OPTIONS of a URI with neither path nor query asks about the server.
      path = isOptions ? "*" : "/"
    } else {
      (path, query) = try Self.pathAndQuery(bytes, end..<range.upperBound, base: base)
    }
  }

  /// Where the authority starts, behind `http://` or `https://` in any case.
  private static func afterScheme(
    _ bytes: Span<UInt8>, _ range: Range<Int>, base: Int
  ) throws(RequestError) -> Int {
    var end = range.lowerBound
    while end < range.upperBound, bytes[end] != UInt8(ascii: ":") { end += 1 }
    guard end + 2 < range.upperBound, bytes[end + 1] == UInt8(ascii: "/"),
      bytes[end + 2] == UInt8(ascii: "/")
    else { throw RequestError(.invalidTarget, at: base + range.lowerBound) }
    guard
      bytes.equals("http", in: range.lowerBound..<end)
        || bytes.equals("https", in: range.lowerBound..<end)
    else { throw RequestError(.unsupportedScheme, at: base + range.lowerBound) }
    return end + 3
  }

  /// Checks, splits and decodes a path that starts with `/` or is empty, and the query behind it.
  private static func pathAndQuery(
    _ bytes: Span<UInt8>, _ range: Range<Int>, base: Int
  ) throws(RequestError) -> (String, String?) {
    var isPlain = true
    var index = range.lowerBound
    var previous: UInt8 = 0
    while index < range.upperBound, bytes[index] != UInt8(ascii: "?") {
      let byte = bytes[index]
      if byte == UInt8(ascii: "%") {
        isPlain = false
      } else if byte == UInt8(ascii: "."), previous == UInt8(ascii: "/") {
        isPlain = false
      } else if !ByteClass.path.contains(byte) {
        throw RequestError(.invalidTarget, at: base + index)
      }
      previous = byte
      index += 1
    }
    let pathRange = range.lowerBound..<index
    let path =
      if pathRange.isEmpty {
        "/"
      } else if isPlain {
        String(ascii: bytes, pathRange)
      } else {
        try normalisedPath(bytes, pathRange, base: base)
      }
    guard index < range.upperBound else { return (path, nil) }
    let queryRange = index + 1..<range.upperBound
    try checkQuery(bytes, queryRange, base: base)
    return (path, String(ascii: bytes, queryRange))
  }

  /// Checks the bytes of a query and that each percent sign starts an encoded byte.
  private static func checkQuery(
    _ bytes: Span<UInt8>, _ range: Range<Int>, base: Int
  ) throws(RequestError) {
    var index = range.lowerBound
    while index < range.upperBound {
      if bytes[index] == UInt8(ascii: "%") {
        _ = try decoded(bytes, at: index, before: range.upperBound, base: base)
        index += 3
      } else if ByteClass.query.contains(bytes[index]) {
        index += 1
      } else {
        throw RequestError(.invalidTarget, at: base + index)
      }
    }
  }

  /// Percent-decodes a path and removes its dot segments (RFC 3986 sections 2.4 and 5.2.4).
  ///
  /// Decoding first makes `%2e%2e` a dot segment too, as it must be: RFC 3986 section 6.2.2.2 holds
  /// the two spellings equivalent.
  private static func normalisedPath(
    _ bytes: Span<UInt8>, _ range: Range<Int>, base: Int
  ) throws(RequestError) -> String {
    var path: [UInt8] = []
    path.reserveCapacity(range.count)
    var segment = 0
    var index = range.lowerBound
    while index < range.upperBound {
      var byte = bytes[index]
      if byte == UInt8(ascii: "/") {
        closeSegment(&path, from: segment, isLast: false)
        path.append(byte)
        segment = path.count
        index += 1
        continue
      }
      if byte == UInt8(ascii: "%") {
        byte = try decoded(bytes, at: index, before: range.upperBound, base: base)
        guard byte >= 0x20, byte != 0x7f else {
          throw RequestError(.encodedControlCharacter, at: base + index)
        }
        guard byte != UInt8(ascii: "/") else {
          throw RequestError(.encodedSlash, at: base + index)
        }
        index += 2
      }
      path.append(byte)
      index += 1
    }
    closeSegment(&path, from: segment, isLast: true)
    guard let text = String(validating: path, as: UTF8.self) else {
      throw RequestError(.pathNotUTF8, at: base + range.lowerBound)
    }
    return text
  }

  /// Takes a finished segment out again where it is `.`, and with the one before it where it is `..`.
  ///
  /// `path` then ends just before the slash that follows: `/a/..` leaves nothing, so that the next
  /// slash starts the path anew; the last segment leaves its slash (`/a/..` is `/`).
  private static func closeSegment(_ path: inout [UInt8], from start: Int, isLast: Bool) {
    let dot = UInt8(ascii: ".")
    let length = path.count - start
    guard start > 0, length == 1 || length == 2, path[start] == dot, path[path.count - 1] == dot
    else { return }
    path.removeLast(length + 1)
    if length == 2 {
      while let last = path.popLast(), last != UInt8(ascii: "/") {}
    }
    if isLast { path.append(UInt8(ascii: "/")) }
  }

  /// The byte that a percent sign and two hexadecimal digits stand for.
  private static func decoded(
    _ bytes: Span<UInt8>, at index: Int, before end: Int, base: Int
  ) throws(RequestError) -> UInt8 {
    guard index + 2 < end, let high = bytes[index + 1].hexadecimalValue,
      let low = bytes[index + 2].hexadecimalValue
    else { throw RequestError(.invalidPercentEncoding, at: base + index) }
    return high << 4 | low
  }
}
