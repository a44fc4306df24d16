internal import CLinux
internal import Glibc

/// A socket that accepts connections.
final class Listener: EventHandler {
  /// What came of an attempt to accept.
  enum Accepted {
    case connection(descriptor: Int32, address: SocketAddress)
    case nothing
    /// The connection failed before it was taken; the next may be sound.
    case aborted
    /// The process or the machine has no descriptor or memory left.
    case exhausted
    /// The socket itself cannot accept: what is wrong will be wrong again.
    case failed(code: Int32)
  }

  let descriptor: Int32

  /// The address that the kernel bound.
  let address: SocketAddress

  /// What it is listened on for.
  let role: ListenerRole

  /// When to accept again after a pause; `nil` while accepting.
  var acceptsAgainAt: UInt64?

  /// Called when a connection waits.
  var onReady: (Listener) -> Void = { _ in }

  /// Binds and listens.
  init(
    _ address: SocketAddress, backlog: Int, role: ListenerRole = .service
  ) throws(HTTPServerError) {
    self.role = role
    guard let (storage, length) = address.kernelAddress else { throw .invalidAddress(address) }
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    descriptor = socket(Int32(storage.ss_family), kind, 0)
    guard descriptor >= 0 else { throw .system(call: "socket", code: errno, address) }
    do throws(HTTPServerError) {
      // A restarted server binds although connections of the old one linger in TIME_WAIT.
      try Self.enable(SO_REUSEADDR, of: SOL_SOCKET, descriptor, address)
      if Int32(storage.ss_family) == AF_INET6 {
        // One address, one family: whether :: takes IPv4 too would else be the machine's choice.
        try Self.enable(IPV6_V6ONLY, of: Int32(IPPROTO_IPV6), descriptor, address)
      }
      // Accepted sockets inherit both. A response leaves in one piece, so there is nothing to wait
      // for; keep-alive finds clients whose machine is gone.
      try Self.enable(TCP_NODELAY, of: Int32(IPPROTO_TCP), descriptor, address)
      try Self.enable(SO_KEEPALIVE, of: SOL_SOCKET, descriptor, address)
      try Self.bind(descriptor, storage, length, address)
      guard listen(descriptor, Int32(clamping: backlog)) == 0 else {
        throw .failed("listen", errno, address)
      }
      self.address = try Self.boundAddress(descriptor, address)
    } catch {
      _ = Glibc.close(descriptor)
      throw error
    }
  }

  func ready(_ readiness: Readiness) { onReady(self) }

  func deadlinePassed() {}

  /// Takes the next connection that waits.
  func accept() -> Accepted {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // Safety: the kernel writes at most `length` bytes of the storage.
    let accepted = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe accept4(
          descriptor, $0, &length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
      }
    }
    if accepted >= 0 {
      return .connection(
        descriptor: accepted, address: SocketAddress(kernelAddress: storage))
    }
    let code = errno
    switch code {
    case EAGAIN: return .nothing
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
    // accept(2): a signal, or errors of the network that wait at the new connection.
    case EINTR, ECONNABORTED, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
      EOPNOTSUPP, ENETUNREACH, ETIMEDOUT:
      return .aborted
    default: return .failed(code: code)
    }
  }

  /// Has the kernel take no further connection; those that it holds, and those whose handshake has
  /// begun, are accepted as before.
  ///
  /// Between the last `accept` and `close` a client could else connect, believe itself served and be
  /// reset. A filter lets go of each packet that asks for a connection (SYN without ACK in the 14th
  /// byte of the TCP header, RFC 9293 section 3.1); its client asks again a second later, and is
  /// told that nobody listens. Where there are no filters, that moment stays as it was.
  func refuseConnections() {
    let accept = UInt32.max
    var program = [
      sock_filter(code: UInt16(BPF_LD | BPF_B | BPF_ABS), jt: 0, jf: 0, k: 13),
      sock_filter(code: UInt16(BPF_ALU | BPF_AND | BPF_K), jt: 0, jf: 0, k: 0x12),
      sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: 1, k: 0x02),
      sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
      sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: accept),
    ]
    // Safety: the kernel copies the program, whose count is the array's, before the call returns.
    unsafe program.withUnsafeMutableBufferPointer { buffer in
      var filter = unsafe sock_fprog(len: UInt16(buffer.count), filter: buffer.baseAddress)
      let size = socklen_t(unsafe MemoryLayout<sock_fprog>.size)
      _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, size)
    }
  }

  /// Stops listening.
  func close() { _ = Glibc.close(descriptor) }

  private static func enable(
    _ option: Int32, of level: Int32, _ descriptor: Int32, _ address: SocketAddress
  ) throws(HTTPServerError) {
    var on: Int32 = 1
    let length = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe setsockopt(descriptor, level, option, &on, length) == 0 else {
      throw .system(call: "setsockopt", code: errno, address)
    }
  }

  private static func bind(
    _ descriptor: Int32, _ storage: sockaddr_storage, _ length: socklen_t, _ address: SocketAddress
  ) throws(HTTPServerError) {
    // Safety: `length` is that of the family's sockaddr, which the storage holds.
    let result = unsafe withUnsafePointer(to: storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.bind(descriptor, $0, length)
      }
    }
    guard result == 0 else { throw .failed("bind", errno, address) }
  }

  private static func boundAddress(
    _ descriptor: Int32, _ address: SocketAddress
  ) throws(HTTPServerError) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // Safety: the kernel writes at most `length` bytes of the storage.
    let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor, $0, &length)
      }
    }
    guard result == 0 else { throw .system(call: "getsockname", code: errno, address) }
    return SocketAddress(kernelAddress: storage)
  }
}
