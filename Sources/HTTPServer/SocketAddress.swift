// Both name <sys/socket.h>; which one its types are said to come from depends on the build.
internal import CLinux
internal import Glibc

/// A numeric IP address and a TCP port.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
  /// The numeric address.
  ///
  /// `0.0.0.0` and `::` are all addresses of a family; `localhost` stands for `127.0.0.1`; an IPv6
  /// address may be in brackets.
  public var host: String

  /// The port; 0 lets the kernel choose one.
  public var port: Int

  /// Makes an address; whether it is one shows when a server binds to it.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `127.0.0.1:8080` or `[::1]:8080`.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension SocketAddress {
  /// The address as the kernel has it; `nil` where the host is not numeric or the port out of range.
  ///
  /// No name is looked up: what a name means may change while a server runs, and asking takes time.
  var kernelAddress: (storage: sockaddr_storage, length: socklen_t)? {
    guard let port = in_port_t(exactly: port) else { return nil }
    var text = host == "localhost" ? "127.0.0.1" : host
    if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
    var storage = sockaddr_storage()
    var four = in_addr()
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      let address = sockaddr_in(
        sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian, sin_addr: four,
        sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
      // Safety: a sockaddr_storage is at least as large and as aligned as every other sockaddr.
      unsafe withUnsafeMutableBytes(of: &storage) {
        unsafe $0.storeBytes(of: address, as: sockaddr_in.self)
      }
      return (storage, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    var six = in6_addr()
    guard unsafe inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    let address = sockaddr_in6(
      sin6_family: sa_family_t(AF_INET6), sin6_port: port.bigEndian, sin6_flowinfo: 0,
      sin6_addr: six, sin6_scope_id: 0)
    // Safety: as above.
    unsafe withUnsafeMutableBytes(of: &storage) {
      unsafe $0.storeBytes(of: address, as: sockaddr_in6.self)
    }
    return (storage, socklen_t(MemoryLayout<sockaddr_in6>.size))
  }

  /// Lends the bytes of the address as the kernel has it, and its family; `nil` as `kernelAddress`.
  package func withKernelBytes<Result>(
    _ body: (_ family: Int32, UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    guard let (storage, length) = kernelAddress else { return nil }
    return unsafe withUnsafeBytes(of: storage) {
      // Safety: the length is that of an address which the storage holds.
      unsafe body(Int32(storage.ss_family), UnsafeRawBufferPointer(rebasing: $0[..<Int(length)]))
    }
  }

  /// Reads the bytes of an address that the kernel gave; `nil` where it is none of IP.
  package init?(kernelBytes bytes: UnsafeRawBufferPointer) {
    var storage = sockaddr_storage()
    guard bytes.count <= MemoryLayout<sockaddr_storage>.size else { return nil }
    // Safety: the storage has room for all of them.
    unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyMemory(from: bytes) }
    guard [AF_INET, AF_INET6].contains(Int32(storage.ss_family)) else { return nil }
    self.init(kernelAddress: storage)
  }

  /// The address that the kernel gave; an IPv4 address mapped into IPv6 comes out as IPv4.
  init(kernelAddress storage: sockaddr_storage) {
    let family = Int32(storage.ss_family)
    // Safety: the family says which of the two the storage holds, and it is large enough for both.
    let (four, six) = unsafe withUnsafeBytes(of: storage) {
      unsafe ($0.load(as: sockaddr_in.self), $0.load(as: sockaddr_in6.self))
    }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    if family == AF_INET6 {
      var address = six.sin6_addr
      _ = unsafe inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
    } else {
      var address = four.sin_addr
      _ = unsafe inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
    }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let name = String(decoding: bytes, as: UTF8.self)
    let mapped = "::ffff:"
    host =
      name.hasPrefix(mapped) && name.contains(".") ? String(name.dropFirst(mapped.count)) : name
    port = Int(in_port_t(bigEndian: family == AF_INET6 ? six.sin6_port : four.sin_port))
  }
}
