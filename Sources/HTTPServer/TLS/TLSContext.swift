internal import COpenSSL
internal import Glibc

/// A certificate, its key and the rules of TLS, shared by the connections that began with it.
///
/// Rules, after Mozilla's "intermediate" configuration:
/// 1. TLS 1.2 and 1.3 (RFC 8446; RFC 8996 forbids older ones), in 1.2 only suites with forward secrecy
///    and authenticated encryption.
/// 2. No renegotiation, which only 1.2 has and which lets a client make much work, and no compression.
/// 3. No session is kept: resumption works by tickets, whose keys live as long as this context.
@safe final class TLSContext: @unchecked Sendable {
  // `@unchecked`: nothing changes the context after `init`, and OpenSSL counts its references safely.

  private static let suitesOfTLS12 = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
  ]

  /// OpenSSL's `SSL_CTX`.
  private let context: OpaquePointer

  /// Reads the files.
  init(_ configuration: TLSConfiguration) throws(TLSError) {
    // OpenSSL must not take its state down under connections that live when the process ends.
    _ = OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    ERR_clear_error()
    guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
      throw .library(reason: TLSError.takeReason())
    }
    unsafe self.context = unsafe context
    try setRules()
    try readCertificate(configuration)
    if let path = configuration.clientAuthorities { try readAuthorities(path) }
  }

  deinit { unsafe SSL_CTX_free(context) }

  /// Makes the server's side of a new connection.
  ///
  /// - Returns: an `SSL`, to be freed by the caller; `nil` where memory has run out.
  func makeSession() -> OpaquePointer? {
    guard let session = unsafe SSL_new(context) else { return nil }
    unsafe SSL_set_accept_state(session)
    return unsafe session
  }

  private func setRules() throws(TLSError) {
    guard unsafe frcnn_ssl_ctx_set_min_tls12(context) == 1,
      unsafe SSL_CTX_set_cipher_list(context, Self.suitesOfTLS12.joined(separator: ":")) == 1
    else { throw .library(reason: TLSError.takeReason()) }
    // Besides rule 2: a write may take a part and go on from another address, since arrays move; a
    // connection at rest gives its buffers back; and an end without a closure alert counts as an end,
    // since HTTP's own framing tells a request that was cut off (RFC 9112 section 9.8).
    unsafe frcnn_ssl_ctx_set_options(context)
    unsafe frcnn_ssl_ctx_disable_session_cache(context)
    // Safety: nothing is passed to the callback, which stays within the list that it is given.
    unsafe SSL_CTX_set_alpn_select_cb(
      context,
      { _, chosen, chosenCount, offered, offeredCount, _ in
        unsafe TLSContext.chooseProtocol(chosen, chosenCount, offered, Int(offeredCount))
      }, nil)
    // A key that is encrypted is an error, and no question to whoever sits at the terminal.
    unsafe SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
  }

  /// Chooses `http/1.1` among the protocols that a client offers (RFC 7301 section 3.2).
  ///
  /// The list is of names, each behind a byte with its length. A client that offers only others is
  /// refused by an alert, as that section demands.
  private static func chooseProtocol(
    _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ count: Int
  ) -> Int32 {
    let list = unsafe UnsafeBufferPointer(start: offered, count: count)
    var index = 0
    while index < list.count {
      let length = unsafe Int(list[index])
      let start = index + 1
      guard start + length <= list.count else { break }
      // Safety: the name lies within the list, which OpenSSL keeps until it has used the choice.
      if unsafe list[start..<start + length].elementsEqual("http/1.1".utf8) {
        unsafe chosen?.pointee = offered.map { unsafe $0 + start }
        unsafe chosenCount?.pointee = UInt8(length)
        return SSL_TLSEXT_ERR_OK
      }
      index = start + length
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
  }
}

extension TLSContext {
  private func readCertificate(_ configuration: TLSConfiguration) throws(TLSError) {
    let (chain, key) = (configuration.certificateChain, configuration.privateKey)
    try Self.checkReadable(.certificate, chain)
    try Self.checkReadable(.privateKey, key)
    guard unsafe SSL_CTX_use_certificate_chain_file(context, chain) == 1 else {
      throw .broken(.certificate, path: chain, reason: TLSError.takeReason())
    }
    // A key that does not fit is refused here already where it is of the certificate's kind.
    if unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 {
      throw Self.keyError(certificate: chain, key: key)
    }
    guard unsafe SSL_CTX_check_private_key(context) == 1 else {
      ERR_clear_error()
      throw .mismatch(certificate: chain, privateKey: key)
    }
  }

  private func readAuthorities(_ path: String) throws(TLSError) {
    try Self.checkReadable(.clientAuthorities, path)
    guard unsafe SSL_CTX_load_verify_file(context, path) == 1,
      let names = unsafe SSL_load_client_CA_file(path)
    else { throw .broken(.clientAuthorities, path: path, reason: TLSError.takeReason()) }
    unsafe SSL_CTX_set_client_CA_list(context, names)
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    // Sessions of clients that were checked are resumed only within a context of the same name.
    let name = Array("frcnn".utf8)
    guard unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count)) == 1 else {
      throw .library(reason: TLSError.takeReason())
    }
  }

  /// What the error queue says of a private key.
  private static func keyError(certificate: String, key: String) -> TLSError {
    var isMismatch = false
    var isEncrypted = false
    var reason: String?
    while case let code = ERR_get_error(), code != 0 {
      let (library, number) = (ERR_GET_LIB(code), ERR_GET_REASON(code))
      isMismatch =
        isMismatch
        || library == ERR_LIB_X509
          && [X509_R_KEY_VALUES_MISMATCH, X509_R_KEY_TYPE_MISMATCH].contains(number)
      isEncrypted = isEncrypted || library == ERR_LIB_PEM && number == PEM_R_BAD_PASSWORD_READ
      if reason == nil, let text = unsafe ERR_reason_error_string(code) {
        reason = unsafe String(cString: text)
      }
    }
    if isMismatch { return .mismatch(certificate: certificate, privateKey: key) }
    if isEncrypted { return .encryptedKey(path: key) }
    return .broken(.privateKey, path: key, reason: reason ?? "no reason was given")
  }

  /// Tells a file that cannot be read from one with wrong contents, which OpenSSL does not.
  private static func checkReadable(_ role: TLSError.Role, _ path: String) throws(TLSError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(role, path: path, code: errno) }
    defer { _ = close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .unreadable(role, path: path, code: errno)
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw .unreadable(role, path: path, code: EISDIR)
    }
  }
}
