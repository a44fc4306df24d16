import Glibc

/// Asks a server whether it is ready: one GET over a plain socket, all within one deadline.
///
/// A container's health check needs no other program in the image for it.
struct HealthProbe {
  /// Where to ask.
  struct Target: Equatable {
    var host: String
    var port: UInt16
    var path: String
    /// Whether it speaks TLS.
    var isSecure = false

    /// Reads `http://HOST:PORT/PATH` or `https:`; scheme (`http`), port (8080) and path (`/readyz`) may
    /// be left out.
    init?(_ text: String) {
      var rest = text[...]
      if rest.hasPrefix("http://") {
        rest = rest.dropFirst("http://".count)
      } else if rest.hasPrefix("https://") {
        rest = rest.dropFirst("https://".count)
        isSecure = true
      }
      let slash = rest.firstIndex(of: "/") ?? rest.endIndex
      let authority = rest[..<slash]
      path = slash == rest.endIndex || rest[slash...] == "/" ? "/readyz" : String(rest[slash...])
      let portText: Substring?
      if authority.hasPrefix("[") {
        guard let bracket = authority.firstIndex(of: "]") else { return nil }
        host = String(authority[authority.index(after: authority.startIndex)..<bracket])
        let tail = authority[authority.index(after: bracket)...]
        guard tail.isEmpty || tail.hasPrefix(":") else { return nil }
        portText = tail.isEmpty ? nil : tail.dropFirst()
      } else {
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        host = String(parts[0])
        portText = parts.count == 2 ? parts[1] : nil
      }
      guard !host.isEmpty, let port = portText.map({ UInt16($0) }) ?? 8080,
        // What goes into the request line and the Host field must not end them.
        text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { return nil }
      self.port = port
    }

    /// The host and port as a URL writes them.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// What came of it.
  enum Answer: Equatable {
    case ready
    /// The server answered with another status than 200.
    case notReady(status: Int)
    /// Nobody answered, for the reason that the string tells.
    case unreachable(String)
  }

  let target: Target
  let timeout: Duration
  /// Whom to believe that it is the server; asked only where the target speaks TLS.
  var trust = ProbeTLS.Trust.system

  /// Asks once.
  func ask() -> Answer {
    let deadline = ContinuousClock.now + timeout
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let status = unsafe getaddrinfo(target.host, String(target.port), &hints, &list)
    guard status == 0, let first = unsafe list else {
      return .unreachable("the name \(target.host) cannot be resolved")
    }
    // Safety: the list lives until `freeaddrinfo`, and each node's address is as long as it says.
    defer { unsafe freeaddrinfo(first) }
    var answer = Answer.unreachable("\(target.host) has no address")
    var node = unsafe Optional(first)
    while let address = unsafe node?.pointee {
      do {
        return try unsafe ask(address, before: deadline)
      } catch {
        answer = .unreachable(error.message)
      }
      unsafe node = address.ai_next
    }
    return answer
  }

  struct Interruption: Error { let message: String }

  private func ask(
    _ address: addrinfo, before deadline: ContinuousClock.Instant
  ) throws(Interruption) -> Answer {
    let descriptor = unsafe socket(
      address.ai_family,
      address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue)
        | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
    guard descriptor >= 0 else { throw Interruption(message: Failure.systemMessage()) }
    defer { close(descriptor) }
    if unsafe connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
      guard errno == EINPROGRESS else { throw Interruption(message: Failure.systemMessage()) }
      try Self.wait(for: POLLOUT, on: descriptor, before: deadline, timeout)
      var code: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
      guard code == 0 else { throw Interruption(message: Failure.systemMessage(code)) }
    }
    var request = Array(
      "GET \(target.path) HTTP/1.1\r\nHost: \(target.authority)\r\nConnection: close\r\n\r\n".utf8)[
        ...]
    let channel: any ProbeChannel
    if target.isSecure {
      channel = try ProbeTLS(descriptor, host: target.host, trust)
    } else {
      channel = ProbeSocket(descriptor: descriptor)
    }
    while !request.isEmpty {
      switch try channel.write(request) {
      case .bytes(let count): request = request.dropFirst(count)
      case .wait(let events):
        try Self.wait(for: events, on: descriptor, before: deadline, timeout)
      }
    }
    // The status line is all that matters: "HTTP/1.1 200 ...".
    var line: [UInt8] = []
    reading: while line.count < 64, line.last != UInt8(ascii: "\n") {
      var byte: UInt8 = 0
      switch try channel.read(&byte) {
      case .bytes(0): break reading
      case .bytes: line.append(byte)
      case .wait(let events):
        try Self.wait(for: events, on: descriptor, before: deadline, timeout)
      }
    }
    let words = String(decoding: line, as: UTF8.self).split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
      throw Interruption(message: "what answers there does not speak HTTP")
    }
    return status == 200 ? .ready : .notReady(status: status)
  }

  private static func wait(
    for events: Int32, on descriptor: Int32, before deadline: ContinuousClock.Instant,
    _ timeout: Duration
  ) throws(Interruption) {
    while true {
      let remaining = (deadline - .now).milliseconds.rounded(.up)
      guard remaining > 0 else { throw Interruption(message: "no answer within \(timeout)") }
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let count = unsafe poll(&entry, 1, Int32(min(remaining, 3_600_000)))
      if count > 0 { return }
      guard count == 0 || errno == EINTR else {
        throw Interruption(message: Failure.systemMessage())
      }
    }
  }
}
