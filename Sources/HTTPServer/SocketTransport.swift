internal import Glibc

/// A TCP socket's bytes as they are.
final class SocketTransport: ByteTransport {
  let descriptor: Int32
  let isDrainedByShortRead = true
  let isSecure = false
  let isHandshaking = false
  private var isOpen = true

  /// Takes over a non-blocking socket.
  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    precondition(!isOpen, "the socket \(descriptor) was never closed")
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult {
    while true {
      // Safety: recv writes at most `count` bytes into the buffer.
      let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .closed }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock(on: .readable)
      default: return .failed
      }
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, isMoreComing: Bool) -> TransportResult {
    // MSG_NOSIGNAL: a client that has gone is an error here and no SIGPIPE.
    let flags = Int32(MSG_NOSIGNAL) | (isMoreComing ? Int32(MSG_MORE) : 0)
    while true {
      // Safety: send reads `count` bytes of the buffer.
      let count = unsafe send(descriptor, bytes.baseAddress, bytes.count, flags)
      if count > 0 { return .bytes(count) }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock(on: .writable)
      default: return .failed
      }
    }
  }

  func shutdownWriting() {
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  func close() {
    guard isOpen else { return }
    isOpen = false
    _ = Glibc.close(descriptor)
  }
}
