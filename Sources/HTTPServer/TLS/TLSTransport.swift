internal import COpenSSL
internal import Glibc

/// A TCP socket's bytes through TLS.
///
/// | phase | reads | leaves by |
/// |---|---|---|
/// | `undecided` | looks at the first byte, and leaves it there | that byte |
/// | `handshaking` | the handshake's messages | its end |
/// | `open` | the client's bytes, decrypted | an error of the protocol |
/// | `plain` | what the socket has, as it is | |
/// | `failed` | what the socket has, to be dropped | |
///
/// `plain` is for a client that does not speak TLS, and only until it has been told so. In `failed` nothing is
/// written: OpenSSL has sent the alert that says why.
@safe final class TLSTransport: ByteTransport {
  private enum Phase {
    case undecided
    case handshaking
    case open
    case plain
    case failed
  }

  /// The first byte of a TLS record that holds a handshake (RFC 8446 section 5.1: `handshake(22)`).
  private static let handshakeRecord: UInt8 = 22

  /// A read gives one record: epoll does not tell of another that has come already.
  let isDrainedByShortRead = false

  private let socket: SocketTransport
  /// OpenSSL's `SSL`, which keeps what it needs of its context.
  private let session: OpaquePointer
  private var phase = Phase.undecided
  private var isOpen = true

  /// Takes over a non-blocking socket.
  ///
  /// - Returns: `nil` where memory has run out; then the socket is left to the caller.
  init?(descriptor: Int32, context: TLSContext) {
    guard let session = unsafe context.makeSession() else { return nil }
    guard let bio = unsafe SocketBIO.make(descriptor: descriptor) else {
      unsafe SSL_free(session)
      return nil
    }
    unsafe SSL_set_bio(session, bio, bio)
    unsafe self.session = unsafe session
    socket = SocketTransport(descriptor: descriptor)
  }

  deinit { unsafe SSL_free(session) }

  var descriptor: Int32 { socket.descriptor }

  var isSecure: Bool { phase == .open }

  var isHandshaking: Bool { phase == .undecided || phase == .handshaking }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult {
    while true {
      switch phase {
      case .undecided:
        if let result = decide() { return result }
      case .handshaking:
        ERR_clear_error()
        let status = unsafe SSL_do_handshake(session)
        guard status == 1 else { return refusal(of: status) }
        phase = .open
      case .open:
        ERR_clear_error()
        // A record holds at most 16 KiB (RFC 8446 section 5.1), less than the loop's buffer: nothing that
        // was decrypted stays behind, of which epoll could not tell.
        // Safety: OpenSSL writes at most `count` bytes into the buffer.
        let count = unsafe SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        return count > 0 ? .bytes(Int(count)) : result(of: count)
      case .plain, .failed:
        return unsafe socket.read(into: buffer)
      }
    }
  }

  /// Looks whether the client speaks TLS.
  ///
  /// - Returns: what to tell the connection; `nil` to go on.
  private func decide() -> TransportResult? {
    var first: UInt8 = 0
    while true {
      // Safety: recv writes at most one byte.
      let count = unsafe recv(descriptor, &first, 1, Int32(MSG_PEEK))
      if count == 1 { break }
      if count == 0 { return .closed }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock(on: .readable)
      default: return .failed
      }
    }
    phase = first == Self.handshakeRecord ? .handshaking : .plain
    return phase == .plain ? .plaintext : nil
  }

  /// What a handshake came to that is not complete.
  private func refusal(of status: Int32) -> TransportResult {
    let result = result(of: status)
    guard case .failed = result else { return result }
    return .handshakeRefused
  }

  private func result(of status: Int32) -> TransportResult {
    switch unsafe SSL_get_error(session, status) {
    case SSL_ERROR_WANT_READ: return .wouldBlock(on: .readable)
    case SSL_ERROR_WANT_WRITE: return .wouldBlock(on: .writable)
    case SSL_ERROR_ZERO_RETURN: return .closed
    default:
      // No closure alert may follow a fatal error.
      phase = .failed
      ERR_clear_error()
      return .failed
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, isMoreComing: Bool) -> TransportResult {
    if phase == .plain { return unsafe socket.write(bytes, isMoreComing: isMoreComing) }
    guard phase == .open else { return .failed }
    ERR_clear_error()
    // Safety: OpenSSL reads at most `count` bytes of the buffer.
    let count = unsafe SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count))
    return count > 0 ? .bytes(Int(count)) : result(of: count)
  }

  func shutdownWriting() {
    sendClosureAlert()
    socket.shutdownWriting()
  }

  func close() {
    guard isOpen else { return }
    isOpen = false
    sendClosureAlert()
    socket.close()
  }

  /// RFC 9112 section 9.8: a server must try to send the alert before it closes; it goes at most once.
  private func sendClosureAlert() {
    guard phase == .open, unsafe SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN == 0 else { return }
    ERR_clear_error()
    unsafe SSL_shutdown(session)
    ERR_clear_error()
  }
}
