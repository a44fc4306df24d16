/// The status line and fields of a response, and the order to write them.
///
/// `Content-Length`, `Connection` and `Transfer-Encoding` frame the message, so they are written
/// from what is true and never from `fields`; so are `Date` and `Server`.
public struct ResponseHead: Sendable, Equatable {
  /// The status code, 200 to 599.
  public var status: Int

  /// The fields besides those that the server writes itself.
  public var fields: HTTPFields

  /// The length of the body that `GET` would get, whether or not it is sent; `nil` where it is not
  /// known before the last part is made, and the body goes out in chunks.
  public var bodyLength: Int?

  /// Makes a head.
  ///
  /// - Parameters:
  ///   - status: the status code, 200 to 599.
  ///   - fields: the fields; see the type's note on those that are left out.
  ///   - bodyLength: the length of the body; `nil` where it is not known yet.
  public init(status: Int, fields: HTTPFields = HTTPFields(), bodyLength: Int?) {
    precondition((200...599).contains(status), "\(status) is no final status code (200...599)")
    precondition(bodyLength ?? 0 >= 0, "\(bodyLength ?? 0) is no length")
    self.status = status
    self.fields = fields
    self.bodyLength = bodyLength
  }

  /// Whether a response of this status has a body at all (RFC 9110 sections 15.3.5 and 15.4.5).
  public var allowsBody: Bool { status != 204 && status != 304 }

  /// What the connection does once the response is sent (RFC 9112 section 9.6).
  enum Persistence {
    /// It lives on, as HTTP/1.1 has it by default: nothing is said.
    case implied

    /// It lives on, which an HTTP/1.0 client must be told.
    case keepAlive

    /// It closes.
    case close
  }

  /// Writes the head with its empty line.
  ///
  /// - Parameters:
  ///   - output: where to append.
  ///   - serverFields: whole field lines that the caller adds: `Date` and `Server`.
  ///   - persistence: what becomes of the connection.
  ///   - isChunked: whether a body whose length is not known goes out in chunks, and not up to the
  ///     connection's end.
  func write(
    to output: inout [UInt8], serverFields: [UInt8], persistence: Persistence, isChunked: Bool
  ) {
    StatusLine.append(status, to: &output)
    output.append(contentsOf: serverFields)
    for field in fields.lines where !Self.isFraming(field.name) {
      Self.append(field, to: &output)
    }
    // RFC 9110 section 8.6: no Content-Length with 204; with 304 it would have to be that of a 200.
    if allowsBody, let bodyLength {
      output.append(contentsOf: "Content-Length: ".utf8)
      Self.append(bodyLength, to: &output)
      output.append(contentsOf: "\r\n".utf8)
    } else if allowsBody, isChunked {
      output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
    }
    switch persistence {
    case .implied: break
    case .keepAlive: output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
    case .close: output.append(contentsOf: "Connection: close\r\n".utf8)
    }
    output.append(contentsOf: "\r\n".utf8)
  }

  /// Whether a field is one that only the server writes.
  private static func isFraming(_ name: String) -> Bool {
    switch name.utf8.count {
    case 4: name.equalsIgnoringASCIICase("Date")
    case 6: name.equalsIgnoringASCIICase("Server")
    case 10:
      name.equalsIgnoringASCIICase("Connection") || name.equalsIgnoringASCIICase("Keep-Alive")
    case 14: name.equalsIgnoringASCIICase("Content-Length")
    case 17: name.equalsIgnoringASCIICase("Transfer-Encoding")
    default: false
    }
  }

  /// Writes a field line.
  ///
  /// A value may hold what a client sent (an echoed request identifier): control characters in it,
  /// which could end the line and forge another, become spaces (RFC 9110 section 5.5).
  private static func append(_ field: HTTPFields.Field, to output: inout [UInt8]) {
    precondition(
      !field.name.isEmpty && field.name.utf8.allSatisfy(ByteClass.token.contains),
      "\(field.name.debugDescription) is no field name")
    output.append(contentsOf: field.name.utf8)
    output.append(UInt8(ascii: ":"))
    output.append(.space)
    let start = output.count
    output.append(contentsOf: field.value.utf8)
    for index in start..<output.count where !output[index].isFieldContent {
      output[index] = .space
    }
    output.append(.carriageReturn)
    output.append(.lineFeed)
  }

  /// Writes a number in decimal without making a string of it.
  private static func append(_ number: Int, to output: inout [UInt8]) {
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      output.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }
}
