import COpenSSL
import Glibc

/// A client's side of TLS on a blocking socket, by OpenSSL.
@safe final class TLSSession {
  struct Options {
    /// The path of the certificates to trust.
    var authorities: String

    /// The paths of a certificate and its key to show.
    var certificate: (chain: String, key: String)?

    /// Whether to speak TLS 1.2 at most.
    var isTLS12 = false

    /// The application protocols to offer; none where empty.
    var protocols: [String] = []
  }

  private let session: OpaquePointer

  /// Shakes hands.
  init(descriptor: Int32, options: Options) throws {
    // OpenSSL's own socket writes know no MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN)
    ERR_clear_error()
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw Self.failure("SSL_CTX_new")
    }
    defer { unsafe SSL_CTX_free(context) }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    guard unsafe SSL_CTX_load_verify_file(context, options.authorities) == 1 else {
      throw Self.failure("SSL_CTX_load_verify_file")
    }
    if options.isTLS12 { _ = unsafe frcnn_ssl_ctx_set_max_tls12(context) }
    if let (chain, key) = options.certificate {
      guard unsafe SSL_CTX_use_certificate_chain_file(context, chain) == 1,
        unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1
      else { throw Self.failure("SSL_CTX_use_certificate_chain_file") }
    }
    let offered = options.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    if !offered.isEmpty {
      _ = unsafe SSL_CTX_set_alpn_protos(context, offered, UInt32(offered.count))
    }
    guard let session = unsafe SSL_new(context) else { throw Self.failure("SSL_new") }
    unsafe self.session = unsafe session
    _ = unsafe SSL_set_fd(session, descriptor)
    _ = unsafe frcnn_ssl_set_host_name(session, "localhost")
    _ = unsafe SSL_set1_host(session, "localhost")
    guard unsafe SSL_connect(session) == 1 else { throw Self.failure("SSL_connect") }
  }

  deinit { unsafe SSL_free(session) }

  private static func failure(_ call: String) -> TestClient.Failure {
    let code = ERR_get_error()
    let text = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
    return TestClient.Failure(call: "\(call): \(text ?? "no reason")", code: 0)
  }

  /// As `TLSv1.3`.
  var version: String { unsafe String(cString: SSL_get_version(session)) }

  var chosenProtocol: String? {
    var start: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(session, &start, &count)
    // Safety: the library gives the address of `count` bytes.
    let bytes = unsafe UnsafeBufferPointer(start: start, count: Int(count))
    return unsafe bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  var peerName: String? {
    guard let certificate = unsafe SSL_get1_peer_certificate(session) else { return nil }
    defer { unsafe X509_free(certificate) }
    var text = [CChar](repeating: 0, count: 100)
    // Safety: the library writes at most `count` characters with their end.
    let count = unsafe X509_NAME_get_text_by_NID(
      X509_get_subject_name(certificate), NID_commonName, &text, Int32(text.count))
    guard count > 0 else { return nil }
    return String(decoding: text.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  var gotClosureAlert: Bool { unsafe SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN != 0 }

  func write(_ bytes: [UInt8]) throws {
    ERR_clear_error()
    guard unsafe bytes.isEmpty || SSL_write(session, bytes, Int32(bytes.count)) == bytes.count
    else { throw Self.failure("SSL_write") }
  }

  /// Reads what comes next.
  ///
  /// - Returns: how many bytes; 0 after a closure alert.
  func read(into bytes: inout [UInt8]) throws -> Int {
    ERR_clear_error()
    let count = unsafe SSL_read(session, &bytes, Int32(bytes.count))
    if count > 0 { return Int(count) }
    guard unsafe SSL_get_error(session, count) == SSL_ERROR_ZERO_RETURN else {
      throw Self.failure("SSL_read")
    }
    return 0
  }
}
