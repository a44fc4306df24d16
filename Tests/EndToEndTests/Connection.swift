import Foundation

/// A plain blocking connection to a server on this machine: sends any bytes, right or wrong.
///
/// One thread uses it at a time.
final class Connection: @unchecked Sendable {
  // Sendable: a test hands it from one `onThread` to the next and never uses it twice at once.

  struct Response: Sendable {
    var status: Int
    var fields: [String: String]
    var body: Data

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON, an object.
    func json() throws -> [String: Any] {
      guard let object = try JSONSerialization.jsonObject(with: body) as? [String: Any] else {
        throw Fault("the body is no JSON object: \(text.prefix(200))")
      }
      return object
    }
  }

  struct Fault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private let descriptor: Int32
  private var buffer: [UInt8] = []

  /// Connects to 127.0.0.1; nothing waits longer than the limit, in seconds, which no test comes near.
  init(port: UInt16, limit: Int = 1200) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Fault("no socket: \(errno)") }
    var time = timeval(tv_sec: limit, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      // `deinit` closes the descriptor of an object that was whole when its making failed.
      throw Fault("cannot connect to port \(port): error \(errno)")
    }
  }

  deinit { close(descriptor) }

  func send(_ text: String) throws { try send(Data(text.utf8)) }

  func send(_ data: Data) throws {
    var rest = [UInt8](data)[...]
    while !rest.isEmpty {
      // Safety: the pointer and the count are the slice's own.
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Fault("cannot send: error \(errno)") }
      rest = rest.dropFirst(count)
    }
  }

  /// Says that nothing more will be sent.
  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Reads one response; a head of 1xx comes as a response without a body.
  func receive(toHEAD: Bool = false) throws -> Response {
    let end = Array("\r\n\r\n".utf8)
    while buffer.firstRange(of: end) == nil {
      guard try fill() else {
        throw Fault("closed in the middle of a head: \(String(decoding: buffer, as: UTF8.self))")
      }
    }
    guard let range = buffer.firstRange(of: end) else { throw Fault("no head") }
    let lines = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
      .components(separatedBy: "\r\n")
    buffer.removeFirst(range.upperBound)
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
      throw Fault("no status line: \(lines[0])")
    }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw Fault("no field: \(line)") }
      fields[line[..<colon].lowercased()] = line[line.index(after: colon)...]
        .trimmingCharacters(in: .whitespaces)
    }
    var body = Data()
    if !toHEAD, status >= 200, status != 204 {
      guard let length = fields["content-length"].flatMap({ Int($0) }) else {
        throw Fault("no length in \(fields)")
      }
      while buffer.count < length {
        guard try fill() else { throw Fault("closed after \(buffer.count) of \(length) bytes") }
      }
      body = Data(buffer[..<length])
      buffer.removeFirst(length)
    }
    return Response(status: status, fields: fields, body: body)
  }

  /// Whether the other side has closed the connection, leaving nothing unread.
  func isClosed() throws -> Bool { try buffer.isEmpty && !fill() }

  private func fill() throws -> Bool {
    var block = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe recv(descriptor, &block, block.count, 0)
    if count < 0, errno == ECONNRESET { return false }
    guard count >= 0 else { throw Fault("cannot receive: error \(errno)") }
    buffer += block[..<count]
    return count > 0
  }
}

extension Connection {
  /// One request with a body of known length.
  static func request(
    _ method: String, _ target: String, body: Data = Data(), type: String? = nil,
    fields: [String: String] = [:]
  ) -> Data {
    var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
    if let type { head += "Content-Type: \(type)\r\n" }
    for (name, value) in fields { head += "\(name): \(value)\r\n" }
    if !body.isEmpty || method == "POST" { head += "Content-Length: \(body.count)\r\n" }
    return Data((head + "\r\n").utf8) + body
  }

  /// A form with one file.
  static func form(field: String, file: Data, boundary: String = "boundary42") -> Data {
    Data(
      """
      --\(boundary)\r
      Content-Disposition: form-data; name="\(field)"; filename="picture.jpg"\r
      Content-Type: image/jpeg\r
      \r

      """.utf8) + file + Data("\r\n--\(boundary)--\r\n".utf8)
  }
}
