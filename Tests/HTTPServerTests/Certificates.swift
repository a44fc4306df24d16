import COpenSSL
import Glibc

/// Certificates made for one test by OpenSSL, in a folder that goes with them.
///
/// An authority signs `server` and `client`; all keys are of the curve P-256 and last an hour.
final class Certificates {
  struct Fault: Error { var call: String }

  /// A certificate and its key.
  @safe final class Identity {
    fileprivate let certificate: OpaquePointer
    fileprivate let key: OpaquePointer

    /// Makes a key and has it certified by the issuer; by itself without one.
    init(name: String, issuer: Identity? = nil) throws {
      guard let generator = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else {
        throw Fault(call: "EVP_PKEY_CTX_new_id")
      }
      defer { unsafe EVP_PKEY_CTX_free(generator) }
      var made: OpaquePointer?
      guard unsafe EVP_PKEY_keygen_init(generator) == 1,
        unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(generator, NID_X9_62_prime256v1) == 1,
        unsafe EVP_PKEY_keygen(generator, &made) == 1, let key = unsafe made,
        let certificate = unsafe X509_new()
      else { throw Fault(call: "EVP_PKEY_keygen") }
      unsafe self.key = unsafe key
      unsafe self.certificate = unsafe certificate
      unsafe X509_set_version(certificate, 2)
      unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int(random()) + 1)
      unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -60)
      unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
      unsafe X509_set_pubkey(certificate, key)
      unsafe X509_NAME_add_entry_by_txt(
        X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, -1, -1, 0)
      unsafe X509_set_issuer_name(
        certificate, X509_get_subject_name(issuer?.certificate ?? certificate))
      if issuer == nil {
        try extend(NID_basic_constraints, "critical,CA:TRUE")
      } else {
        try extend(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1")
      }
      guard unsafe X509_sign(certificate, issuer?.key ?? key, EVP_sha256()) > 0 else {
        throw Fault(call: "X509_sign")
      }
    }

    deinit {
      unsafe X509_free(certificate)
      unsafe EVP_PKEY_free(key)
    }

    private func extend(_ kind: Int32, _ value: String) throws {
      guard let part = unsafe X509V3_EXT_conf_nid(nil, nil, kind, value) else {
        throw Fault(call: "X509V3_EXT_conf_nid")
      }
      defer { unsafe X509_EXTENSION_free(part) }
      unsafe X509_add_ext(certificate, part, -1)
    }
  }

  let folder: String
  let authority: Identity

  /// Makes an authority, and files of it, of a server and of a client.
  init(serverName: String = "localhost") throws {
    var template = Array("/tmp/frcnn-certificates-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw Fault(call: "mkdtemp") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    authority = try Identity(name: "authority")
    try write(authority, as: "authority")
    try write(Identity(name: serverName, issuer: authority), as: "server")
    try write(Identity(name: "client", issuer: authority), as: "client")
  }

  deinit {
    for name in written { unsafe unlink(path(name)) }
    unsafe rmdir(folder)
  }

  private var written: Set<String> = []

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// Writes `NAME.pem` and `NAME.key`.
  func write(_ identity: Identity, as name: String, passphrase: String? = nil) throws {
    try unsafe write("\(name).pem") { unsafe PEM_write_bio_X509($0, identity.certificate) }
    let cipher = unsafe passphrase == nil ? nil : EVP_aes_256_cbc()
    try unsafe write("\(name).key") { bio in
      unsafe PEM_write_bio_PKCS8PrivateKey(
        bio, identity.key, cipher, passphrase, Int32(passphrase?.utf8.count ?? 0), nil, nil)
    }
  }

  /// Writes a file of any text.
  func write(_ text: String, as name: String) throws {
    try unsafe write(name) { bio in unsafe BIO_write(bio, text, Int32(text.utf8.count)) > 0 ? 1 : 0
    }
  }

  private func write(_ name: String, _ body: (OpaquePointer) -> Int32) throws {
    guard let bio = unsafe BIO_new_file(path(name), "w") else { throw Fault(call: "BIO_new_file") }
    defer { unsafe BIO_free(bio) }
    written.insert(name)
    guard unsafe body(bio) == 1 else { throw Fault(call: name) }
  }
}
