internal import COpenSSL
internal import Glibc

/// OpenSSL's way to a socket, with `MSG_NOSIGNAL`: its own would end the program by SIGPIPE where a
/// client has gone.
package enum SocketBIO {
  /// The functions below, made known to OpenSSL once; `nil` where memory has run out.
  nonisolated(unsafe) private static let method: OpaquePointer? = {
    let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
    guard let method = unsafe BIO_meth_new(kind, "socket without SIGPIPE") else { return nil }
    // Safety: each function gets a BIO that `make` made, and stays within the bytes it is given.
    unsafe BIO_meth_set_write(method) { unsafe SocketBIO.write($0, $1, $2) }
    unsafe BIO_meth_set_read(method) { unsafe SocketBIO.read($0, $1, $2) }
    unsafe BIO_meth_set_ctrl(method) { bio, command, _, _ in
      switch command {
      case BIO_CTRL_FLUSH: 1
      case BIO_CTRL_EOF: unsafe BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0
      default: 0
      }
    }
    return unsafe method
  }()

  /// Makes a BIO that reads and writes a non-blocking socket, which it does not close.
  ///
  /// - Returns: a BIO to be given to `SSL_set_bio`; `nil` where memory has run out.
  package static func make(descriptor: Int32) -> OpaquePointer? {
    guard let method = unsafe method, let bio = unsafe BIO_new(method) else { return nil }
    // One more than the descriptor: 0 would be no pointer.
    unsafe BIO_set_data(bio, UnsafeMutableRawPointer(bitPattern: Int(descriptor) + 1))
    unsafe BIO_set_init(bio, 1)
    return unsafe bio
  }

  private static let retryFlags =
    BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY

  private static func descriptor(of bio: OpaquePointer?) -> Int32 {
    unsafe Int32(Int(bitPattern: BIO_get_data(bio)) - 1)
  }

  private static func write(
    _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32
  ) -> Int32 {
    unsafe BIO_clear_flags(bio, Self.retryFlags)
    while true {
      let sent = unsafe send(descriptor(of: bio), bytes, Int(count), Int32(MSG_NOSIGNAL))
      if sent >= 0 { return Int32(sent) }
      if errno == EINTR { continue }
      if errno == EAGAIN {
        unsafe BIO_set_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
      }
      return -1
    }
  }

  private static func read(
    _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32
  ) -> Int32 {
    unsafe BIO_clear_flags(bio, Self.retryFlags)
    while true {
      let received = unsafe recv(descriptor(of: bio), bytes, Int(count), 0)
      if received == 0 { unsafe BIO_set_flags(bio, BIO_FLAGS_IN_EOF) }
      if received >= 0 { return Int32(received) }
      if errno == EINTR { continue }
      if errno == EAGAIN {
        unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
      }
      return -1
    }
  }
}
