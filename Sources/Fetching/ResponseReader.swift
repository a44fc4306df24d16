/// Reads the answer to a `GET` as its bytes come (RFC 9112), and nothing that is ambiguous.
///
/// | state | takes | leaves by |
/// |---|---|---|
/// | `statusLine` | a line | the line; after an interim answer it begins again |
/// | `fields` | lines | an empty one |
/// | `sized`, `chunkData` | so many bytes | the last |
/// | `chunkSize`, `chunkEnd`, `trailers` | lines | the chunk of no length, an empty trailer line |
/// | `unbounded` | bytes | the connection's end |
///
/// Only a 200 whose type may be a picture's is taken; whether it is one, its decoder finds out.
struct ResponseReader {
  private enum State {
    case statusLine
    case fields
    case sized(Int)
    case chunkSize
    case chunkData(Int)
    case chunkEnd
    case trailers
    case unbounded
    case done
  }

  /// The most bytes of all lines together: heads, sizes of chunks, trailers.
  static let maximumLineBytes = 64 << 10

  private let limit: Int
  /// Asks whether there is memory for so many bytes more.
  private let takesRoom: (Int) -> Bool

  private var state = State.statusLine
  private var line: [UInt8] = []
  private var lineBytes = 0
  private var status = 0
  private var length: Int?
  private var isChunked = false
  private var room = 0

  /// The body so far.
  private(set) var body: [UInt8] = []

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - limit: the most bytes of a body.
  ///   - takesRoom: asks whether there is memory for so many bytes more.
  init(limit: Int, takesRoom: @escaping (Int) -> Bool = { _ in true }) {
    self.limit = limit
    self.takesRoom = takesRoom
  }

  /// Whether the whole answer has come.
  var isDone: Bool { if case .done = state { true } else { false } }

  /// The room that was taken and is not used.
  var spareRoom: Int { room - body.count }

  /// Takes bytes as they come; those behind the answer's end are left out.
  mutating func take(_ bytes: Span<UInt8>) throws(FetchError) {
    var index = 0
    while index < bytes.count {
      switch state {
      case .sized(let left):
        let count = min(left, bytes.count - index)
        try append(bytes.extracting(index..<index + count))
        index += count
        state = count == left ? .done : .sized(left - count)
      case .chunkData(let left):
        let count = min(left, bytes.count - index)
        try append(bytes.extracting(index..<index + count))
        index += count
        state = count == left ? .chunkEnd : .chunkData(left - count)
      case .unbounded:
        try append(bytes.extracting(index..<bytes.count))
        index = bytes.count
      case .done:
        return
      case .statusLine, .fields, .chunkSize, .chunkEnd, .trailers:
        let byte = bytes[index]
        index += 1
        lineBytes += 1
        guard lineBytes <= Self.maximumLineBytes else {
          throw .failed("the host's answer has a head that is too long")
        }
        guard byte == UInt8(ascii: "\n") else {
          line.append(byte)
          continue
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let text = line
        line.removeAll(keepingCapacity: true)
        try takeLine(text)
      }
    }
  }

  /// Says that the host sends no more.
  mutating func finish() throws(FetchError) {
    switch state {
    case .done: break
    case .unbounded: state = .done
    default: throw .failed("the host's answer ends in its middle")
    }
  }

  private mutating func takeLine(_ line: [UInt8]) throws(FetchError) {
    switch state {
    case .statusLine:
      status = try Self.status(line)
      (length, isChunked) = (nil, false)
      state = .fields
    case .fields:
      if line.isEmpty { return try endHead() }
      try takeField(line)
    case .chunkSize:
      // Whatever stands behind a semicolon is an extension, of which none is known.
      guard let size = Self.number(line.prefix { $0 != UInt8(ascii: ";") }, radix: 16) else {
        throw Self.brokenFraming
      }
      guard size <= limit - body.count else { throw .tooLarge(limit: limit) }
      state = size == 0 ? .trailers : .chunkData(size)
    case .chunkEnd:
      guard line.isEmpty else { throw Self.brokenFraming }
      state = .chunkSize
    case .trailers:
      if line.isEmpty { state = .done }
    case .sized, .chunkData, .unbounded, .done: break
    }
  }

  private static let brokenFraming = FetchError.failed(
    "the host's answer says in no way that is clear where it ends")

  private static func status(_ line: [UInt8]) throws(FetchError) -> Int {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
    guard parts.count >= 2,
      parts[0].elementsEqual("HTTP/1.1".utf8)
        || parts[0].elementsEqual("HTTP/1.0".utf8),
      parts[1].count == 3, let status = number(parts[1], radix: 10), (100...599).contains(status)
    else { throw .failed("the host does not answer in HTTP/1.1") }
    return status
  }

  private mutating func takeField(_ line: [UInt8]) throws(FetchError) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
      throw .failed("the host's answer has a field that cannot be read")
    }
    let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
    let value = String(decoding: line[(colon + 1)...], as: UTF8.self).lowercased()
      .split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    switch name {
    case "content-length":
      guard let number = Self.number(value.utf8, radix: 10), length == nil || length == number
      else { throw Self.brokenFraming }
      length = number
    case "transfer-encoding":
      guard value == "chunked", !isChunked else { throw Self.brokenFraming }
      isChunked = true
    case "content-encoding":
      guard value == "identity" || value.isEmpty || status != 200 else {
        throw .failed("the host sends what it has in a content coding, though none was asked for")
      }
    case "content-type":
      guard status != 200 || Self.mayBePicture(value) else {
        throw .failed("what the URL names is no picture: the host calls it something else")
      }
    default: break
    }
  }

  /// Whether a picture may come under a type: stores that do not know better call everything bytes.
  private static func mayBePicture(_ type: String) -> Bool {
    let name = type.prefix { $0 != ";" && $0 != " " }
    return name.hasPrefix("image/")
      || ["application/octet-stream", "binary/octet-stream", ""].contains(name)
  }

  private mutating func endHead() throws(FetchError) {
    switch status {
    case 101: throw .failed("the host changes the protocol, though none was asked for")
    case 100...199:
      state = .statusLine
      return
    case 200: break
    case 300...399:
      throw .failed(
        "the host answers \(status), which leads elsewhere: that is not followed; give the URL itself"
      )
    default: throw .failed("the host answers \(status)")
    }
    if isChunked {
      // RFC 9112 section 6.1: both may be an attempt to have two readers see two answers.
      guard length == nil else { throw Self.brokenFraming }
      state = .chunkSize
    } else if let length {
      guard length <= limit else { throw .tooLarge(limit: limit) }
      state = length == 0 ? .done : .sized(length)
    } else {
      state = .unbounded
    }
  }

  /// Reads a number of digits alone; `nil` for anything else, and for what no `Int` can hold.
  private static func number(_ digits: some Collection<UInt8>, radix: Int) -> Int? {
    guard !digits.isEmpty, digits.count <= 16,
      digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
    else { return nil }
    return Int(String(decoding: digits, as: UTF8.self), radix: radix)
  }

  /// Keeps bytes; room grows by doubling as they come, whatever length is stated.
  private mutating func append(_ bytes: Span<UInt8>) throws(FetchError) {
    let needed = body.count + bytes.count
    guard needed <= limit else { throw .tooLarge(limit: limit) }
    if needed > room {
      let wanted = max(needed, min(max(2 * room, 64 << 10), limit))
      guard takesRoom(wanted - room) else { throw .noRoom }
      room = wanted
      body.reserveCapacity(wanted)
    }
    for index in 0..<bytes.count { body.append(bytes[index]) }
  }
}
