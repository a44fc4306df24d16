import Glibc

/// A blocking TCP client that says exactly what it is told; every wait ends after ten minutes, which no test
/// comes near.
final class TestClient {
  /// A response as it was read, with a body of the declared length.
  struct Response: Equatable {
    var status: Int
    var fields: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  struct Failure: Error {
    var call: String
    var code: Int32
  }

  private let descriptor: Int32
  private var session: TLSSession?
  private var buffer: [UInt8] = []
  private var isOpen = true

  /// Connects to a port of 127.0.0.1 or ::1.
  ///
  /// - Parameters:
  ///   - port: where to connect to.
  ///   - isIPv6: whether to ::1.
  ///   - receiveBufferLength: bytes that the kernel holds for this client; its choice where `nil`.
  ///   - tls: how to speak TLS; `nil` for not at all.
  /// - Throws: `Failure` where nobody listens there or the handshake fails.
  init(
    port: Int, isIPv6: Bool = false, receiveBufferLength: Int32? = nil,
    tls: TLSSession.Options? = nil
  ) throws {
    descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
    var limit = timeval(tv_sec: 600, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    if var length = receiveBufferLength {
      unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &length, 4)
    }
    var on: Int32 = 1
    unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    let result: Int32
    if isIPv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = in_port_t(port).bigEndian
      address.sin6_addr = in6addr_loopback
      result = unsafe withUnsafePointer(to: address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
      result = unsafe withUnsafePointer(to: address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    guard result == 0 else {
      let code = errno
      Glibc.close(descriptor)
      isOpen = false
      throw Failure(call: "connect", code: code)
    }
    if let tls { session = try TLSSession(descriptor: descriptor, options: tls) }
  }

  /// What was agreed on in the handshake.
  var agreed: (version: String, protocol: String?)? {
    session.map { ($0.version, $0.chosenProtocol) }
  }

  /// The common name in the certificate that the server has shown.
  var serverName: String? { session?.peerName }

  /// Whether the server has said by a closure alert that nothing more comes.
  var gotClosureAlert: Bool { session?.gotClosureAlert ?? false }

  deinit { close() }

  /// Sends all bytes; throws once the server has closed.
  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    if let session { return try session.write(bytes) }
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(
          descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure(call: "send", code: errno) }
      sent += count
    }
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Receives what comes next.
  ///
  /// - Returns: how many bytes; 0 at the end.
  private func receiveMore() throws -> Int {
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    if let session {
      let count = try session.read(into: &chunk)
      buffer += chunk[..<count]
      return count
    }
    let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
    guard count >= 0 else { throw Failure(call: "recv", code: errno) }
    buffer += chunk[..<count]
    return count
  }

  /// Receives one head, and a body as long as it says.
  ///
  /// - Parameter hasBody: false for the response to HEAD.
  /// - Returns: the response.
  /// - Throws: `Failure` where the server closes or keeps silent instead.
  func receiveResponse(hasBody: Bool = true) throws -> Response {
    let end = Array("\r\n\r\n".utf8)
    var headEnd: Int?
    while headEnd == nil {
      headEnd = buffer.firstRange(of: end)?.upperBound
      if headEnd == nil, try receiveMore() == 0 { throw Failure(call: "end of input", code: 0) }
    }
    guard let headEnd else { throw Failure(call: "no head", code: 0) }
    let lines = String(decoding: buffer[..<(headEnd - 4)], as: UTF8.self).split(
      separator: "\r\n")
    var response = Response(status: 0, fields: [:], body: [])
    let parts = lines[0].split(separator: " ", maxSplits: 2)
    response.status = parts.count > 1 && parts[0] == "HTTP/1.1" ? Int(parts[1]) ?? 0 : 0
    for line in lines.dropFirst() {
      let field = line.split(separator: ":", maxSplits: 1)
      response.fields[field[0].lowercased()] = String(field[1].drop { $0 == " " })
    }
    buffer.removeFirst(headEnd)
    let length = hasBody ? Int(response.fields["content-length"] ?? "0") ?? 0 : 0
    while buffer.count < length {
      if try receiveMore() == 0 { throw Failure(call: "end of body", code: 0) }
    }
    response.body = Array(buffer[..<length])
    buffer.removeFirst(length)
    return response
  }

  /// Receives the chunks of a body up to the last.
  ///
  /// - Returns: the data of each.
  /// - Throws: `Failure` where the body is malformed, or ends without a last chunk.
  func receiveChunks() throws -> [[UInt8]] {
    var chunks: [[UInt8]] = []
    while true {
      let line = try receiveLine()
      guard let length = Int(line, radix: 16) else {
        throw Failure(call: "chunk: \(line)", code: 0)
      }
      while buffer.count < length + 2 {
        if try receiveMore() == 0 { throw Failure(call: "end of chunk", code: 0) }
      }
      let data = Array(buffer[..<length])
      guard Array(buffer[length..<(length + 2)]) == [13, 10] else {
        throw Failure(call: "end of chunk data", code: 0)
      }
      buffer.removeFirst(length + 2)
      guard length > 0 else { return chunks }
      chunks.append(data)
    }
  }

  private func receiveLine() throws -> String {
    while true {
      if let end = buffer.firstRange(of: [13, 10]) {
        let line = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
        buffer.removeFirst(end.upperBound)
        return line
      }
      if try receiveMore() == 0 { throw Failure(call: "end of line", code: 0) }
    }
  }

  /// Receives everything up to the end of the connection.
  func receiveRest() throws -> [UInt8] {
    while try receiveMore() > 0 {}
    defer { buffer = [] }
    return buffer
  }

  /// Whether the server closes now, without one more byte.
  func isClosedByServer() throws -> Bool { try buffer.isEmpty && receiveMore() == 0 }

  /// Says that nothing more will be sent.
  func shutdownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes by reset and not by FIN.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func close() {
    guard isOpen else { return }
    isOpen = false
    Glibc.close(descriptor)
  }
}
