internal import COpenSSL
internal import Glibc

/// Why the files of a `TLSConfiguration` cannot be used.
public enum TLSError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What a file is for.
  public enum Role: String, Sendable {
    case certificate = "certificate"
    case privateKey = "private key"
    case clientAuthorities = "client authorities"
  }

  /// The file cannot be read; `code` is that of `errno`.
  case unreadable(Role, path: String, code: Int32)

  /// The file does not hold what it should.
  case broken(Role, path: String, reason: String)

  /// The private key is protected by a passphrase, which nobody is there to give.
  case encryptedKey(path: String)

  /// The private key is not the certificate's.
  case mismatch(certificate: String, privateKey: String)

  /// OpenSSL refused something that does not depend on the files.
  case library(reason: String)

  /// What went wrong and how to mend it.
  public var description: String {
    switch self {
    case .unreadable(let role, let path, let code):
      "the \(role.rawValue) \(path) cannot be read: \(unsafe String(cString: strerror(code)))"
    case .broken(let role, let path, let reason):
      "the \(role.rawValue) \(path) cannot be used: \(reason); it must be a PEM file"
    case .encryptedKey(let path):
      "the private key \(path) is protected by a passphrase; "
        + "'openssl pkey -in FILE -out PLAIN' removes it"
    case .mismatch(let certificate, let privateKey):
      "the private key \(privateKey) does not belong to the certificate \(certificate)"
    case .library(let reason): "OpenSSL cannot be used: \(reason)"
    }
  }
}

extension TLSError {
  /// OpenSSL's own words for the first error of this thread's queue, which is emptied.
  package static func takeReason() -> String {
    let code = ERR_get_error()
    defer { ERR_clear_error() }
    // Safety: the library returns a constant, terminated string or nil.
    guard code != 0, let text = unsafe ERR_reason_error_string(code) else {
      return "no reason was given"
    }
    return unsafe String(cString: text)
  }
}
