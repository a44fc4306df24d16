import COpenSSL
import Glibc

/// Bytes through TLS, by OpenSSL; the handshake is made with the first of them.
@safe final class ProbeTLS: ProbeChannel {
  /// Whom to believe that it is the server.
  enum Trust: Equatable {
    /// What the system's authorities vouch for, under the name that was asked for.
    case system
    /// What the authorities in a file vouch for, under that name.
    case authorities(path: String)
    /// Exactly the certificate in a file, whatever its name: a server on the same machine.
    case certificate(path: String)
  }

  /// OpenSSL's `SSL`.
  private let session: OpaquePointer

  /// Begins on a socket that is connected.
  ///
  /// - Throws: what is wrong with the file of the trust.
  init(_ descriptor: Int32, host: String, _ trust: Trust) throws(HealthProbe.Interruption) {
    // OpenSSL writes without MSG_NOSIGNAL; a server that hangs up is an error here, and no signal.
    _ = signal(SIGPIPE, SIG_IGN)
    ERR_clear_error()
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw Self.failure() }
    defer { unsafe SSL_CTX_free(context) }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    guard unsafe frcnn_ssl_ctx_set_min_tls12(context) == 1,
      unsafe Self.load(trust, into: context) == 1, let session = unsafe SSL_new(context)
    else { throw Self.failure() }
    unsafe self.session = unsafe session
    guard unsafe SSL_set_fd(session, descriptor) == 1 else { throw Self.failure() }
    if case .certificate = trust {
      // The file's first certificate is believed by itself, whoever has signed it.
      unsafe X509_VERIFY_PARAM_set_flags(SSL_get0_param(session), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    } else if unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) != 1 {
      // A name, and no address.
      guard unsafe SSL_set1_host(session, host) == 1,
        unsafe frcnn_ssl_set_host_name(session, host) == 1
      else { throw Self.failure() }
    }
    ERR_clear_error()
    unsafe SSL_set_connect_state(session)
  }

  deinit { unsafe SSL_free(session) }

  private static func load(_ trust: Trust, into context: OpaquePointer) -> Int32 {
    switch trust {
    case .system: unsafe SSL_CTX_set_default_verify_paths(context)
    case .authorities(let path), .certificate(let path):
      unsafe SSL_CTX_load_verify_file(context, path)
    }
  }

  func write(_ bytes: ArraySlice<UInt8>) throws(HealthProbe.Interruption) -> ProbeStep {
    ERR_clear_error()
    // Safety: OpenSSL reads at most `count` bytes of the slice.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe SSL_write(session, $0.baseAddress, Int32(clamping: $0.count))
    }
    return try step(count)
  }

  func read(_ byte: inout UInt8) throws(HealthProbe.Interruption) -> ProbeStep {
    ERR_clear_error()
    return try step(unsafe SSL_read(session, &byte, 1))
  }

  private func step(_ count: Int32) throws(HealthProbe.Interruption) -> ProbeStep {
    if count > 0 { return .bytes(Int(count)) }
    switch unsafe SSL_get_error(session, count) {
    case SSL_ERROR_WANT_READ: return .wait(for: POLLIN)
    case SSL_ERROR_WANT_WRITE: return .wait(for: POLLOUT)
    case SSL_ERROR_ZERO_RETURN: return .bytes(0)
    default:
      let verdict = unsafe SSL_get_verify_result(session)
      guard verdict == X509_V_OK else {
        let reason = unsafe String(cString: X509_verify_cert_error_string(verdict))
        throw HealthProbe.Interruption(message: "its certificate is not believed: \(reason)")
      }
      throw Self.failure()
    }
  }

  private static func failure() -> HealthProbe.Interruption {
    let code = ERR_peek_error()
    ERR_clear_error()
    let reason = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
    return HealthProbe.Interruption(
      message: "TLS failed: \(reason ?? "the connection was closed")")
  }
}
