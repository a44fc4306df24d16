internal import CLinux
internal import Glibc

/// A socket that accepts connections.
final class Listener: EventHandler {
  /// What came of an attempt to accept.
  enum Accepted {
    case connection(descriptor: Int32, address: SocketAddress)
    case nothing
    /// The process or the machine has no descriptor or memory left.
    case exhausted
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
    while true {
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
      switch errno {
      case EAGAIN: return .nothing
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
      // accept(2): errors of the new connection itself, or a signal; the next may be sound.
      default: continue
      }
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
