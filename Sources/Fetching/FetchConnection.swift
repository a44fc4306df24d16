internal import COpenSSL
internal import Glibc
internal import HTTPServer

/// A connection to a host, whose every wait ends at a deadline or when nobody waits for it any more.
///
/// It blocks its thread.
@safe final class FetchConnection {
  /// Until when, and for whom.
  struct Patience {
    var deadline: ContinuousClock.Instant
    var isCancelled: () -> Bool

    /// How often is looked whether anybody waits: every 50 ms.
    private static let slice = Duration.milliseconds(50)

    /// Milliseconds to wait for at most before the next look.
    func step() throws(FetchError) -> Int32 {
      if isCancelled() { throw .cancelled }
      let left = deadline - .now
      guard left > .zero else { throw .failed("the host did not answer in time") }
      let step = min(left, Self.slice)
      return Int32(step.components.attoseconds / 1_000_000_000_000_000) + 1
    }
  }

  private let descriptor: Int32
  /// OpenSSL's `SSL`; `nil` on a connection that is not secured.
  private var session: OpaquePointer?
  private let patience: Patience

  /// Connects to an address.
  ///
  /// - Throws: `FetchError.failed` where nobody answers there in time.
  init(to address: SocketAddress, _ patience: Patience) throws(FetchError) {
    self.patience = patience
    let family: Int32? = unsafe address.withKernelBytes { family, _ in family }
    guard let family else { throw .failed("the host's address is none of IP") }
    descriptor = Glibc.socket(
      family,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw .failed("the host cannot be reached") }
    let descriptor = descriptor
    // Safety: the bytes are an address of the family, and live until the call returns.
    let status = unsafe address.withKernelBytes { _, bytes in
      unsafe connect(
        descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    guard status == 0 || errno == EINPROGRESS else { throw .failed("the host cannot be reached") }
    try wait(for: POLLOUT)
    var (failure, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) == 0, failure == 0
    else { throw .failed("the host cannot be reached") }
  }

  deinit {
    if let session = unsafe session { unsafe SSL_free(session) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Secures the connection, and requires a certificate of the host.
  func secure(_ context: FetchTLSContext, host: String) throws(FetchError) {
    // From here on the session is freed with the connection.
    unsafe session = context.makeSession(host: host)
    guard let session = unsafe session, let bio = unsafe SocketBIO.make(descriptor: descriptor)
    else { throw .failed("there is no memory left for a connection") }
    unsafe SSL_set_bio(session, bio, bio)
    while true {
      ERR_clear_error()
      let status = unsafe SSL_do_handshake(session)
      if status == 1 { return }
      let verdict = unsafe SSL_get_verify_result(session)
      guard try waits(for: status, POLLIN) else {
        guard verdict != X509_V_OK, let text = unsafe X509_verify_cert_error_string(verdict) else {
          throw .failed("the host does not agree on TLS 1.2 or 1.3")
        }
        throw .failed("the host's certificate is not accepted: \(unsafe String(cString: text))")
      }
    }
  }

  /// Sends all bytes.
  func write(_ bytes: [UInt8]) throws(FetchError) {
    var sent = 0
    while sent < bytes.count {
      ERR_clear_error()
      // Safety: `sent` counts bytes taken and does not pass the array's count.
      let count = unsafe bytes.withUnsafeBytes { buffer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[sent...])
        return if let session = unsafe session {
          unsafe Int(SSL_write(session, rest.baseAddress, Int32(clamping: rest.count)))
        } else {
          unsafe send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        }
      }
      if count > 0 {
        sent += count
      } else if !(try waits(for: Int32(count), POLLOUT)) {
        throw Self.broken
      }
    }
  }

  /// Receives what comes next.
  ///
  /// - Returns: how many bytes; 0 where the host sends no more.
  func read(into buffer: inout [UInt8]) throws(FetchError) -> Int {
    while true {
      ERR_clear_error()
      // Safety: at most the buffer's count of bytes is written.
      let count = unsafe buffer.withUnsafeMutableBytes { buffer in
        if let session = unsafe session {
          unsafe Int(SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count)))
        } else {
          unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
        }
      }
      if count > 0 { return count }
      if unsafe session == nil, count == 0 { return 0 }
      if let session = unsafe session,
        unsafe SSL_get_error(session, Int32(count)) == SSL_ERROR_ZERO_RETURN
      {
        return 0
      }
      guard try waits(for: Int32(count), POLLIN) else { throw Self.broken }
    }
  }

  private static let broken = FetchError.failed("the host has broken the connection off")

  /// Waits where an operation only has to be tried again.
  ///
  /// - Parameters:
  ///   - status: what it came to.
  ///   - events: what it waits for, unless TLS says otherwise.
  /// - Returns: false where it has failed.
  /// - Throws: `FetchError` where there is no time to wait, or nobody to wait for.
  private func waits(for status: Int32, _ events: Int32) throws(FetchError) -> Bool {
    let code = errno
    guard let session = unsafe session else {
      guard code == EAGAIN || code == EINTR else { return false }
      try wait(for: events)
      return true
    }
    switch unsafe SSL_get_error(session, status) {
    case SSL_ERROR_WANT_READ: try wait(for: POLLIN)
    case SSL_ERROR_WANT_WRITE: try wait(for: POLLOUT)
    default: return false
    }
    return true
  }

  private func wait(for events: Int32) throws(FetchError) {
    while true {
      let step = try patience.step()
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let count = unsafe poll(&entry, 1, step)
      if count > 0 { return }
      guard count == 0 || errno == EINTR else { throw Self.broken }
    }
  }
}

/// Whose certificates are trusted.
@safe final class FetchTLSContext: @unchecked Sendable {
  // `@unchecked`: nothing changes the context after `init`, and OpenSSL counts its references safely.
  private let context: OpaquePointer

  /// Reads the authorities: those of OpenSSL's folders, which `SSL_CERT_FILE` and `SSL_CERT_DIR` change,
  /// or those of a file.
  init(authorities: String?) throws(TLSError) {
    _ = OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    ERR_clear_error()
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw .library(reason: TLSError.takeReason())
    }
    unsafe self.context = unsafe context
    guard unsafe frcnn_ssl_ctx_set_min_tls12(context) == 1 else {
      throw .library(reason: TLSError.takeReason())
    }
    unsafe frcnn_ssl_ctx_set_options(context)
    unsafe frcnn_ssl_ctx_disable_session_cache(context)
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    let isLoaded =
      if let authorities {
        unsafe SSL_CTX_load_verify_file(context, authorities) == 1
      } else {
        unsafe SSL_CTX_set_default_verify_paths(context) == 1
      }
    guard isLoaded else { throw .library(reason: TLSError.takeReason()) }
  }

  deinit { unsafe SSL_CTX_free(context) }

  /// Makes the client's side of a connection to a host, whose certificate has to name it.
  ///
  /// - Returns: an `SSL`, to be freed by the caller; `nil` where memory has run out.
  func makeSession(host: String) -> OpaquePointer? {
    guard let session = unsafe SSL_new(context) else { return nil }
    unsafe SSL_set_connect_state(session)
    unsafe SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    // RFC 6066 section 3: no address is sent as a name; a certificate names it as one.
    let isSet =
      if IPAddress(host) != nil {
        unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1
      } else {
        unsafe SSL_set1_host(session, host) == 1 && frcnn_ssl_set_host_name(session, host) == 1
      }
    guard isSet else {
      unsafe SSL_free(session)
      return nil
    }
    return unsafe session
  }
}
