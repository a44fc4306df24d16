/// The files that TLS needs, all PEM.
public struct TLSConfiguration: Sendable, Hashable {
  /// The path of the server's certificate, followed in the same file by those that lead to its root.
  public var certificateChain: String

  /// The path of the certificate's private key, not encrypted.
  public var privateKey: String

  /// The path of the certificates of authorities that client certificates must come from.
  ///
  /// With it a client without such a certificate is refused in the handshake; without it clients are
  /// not asked.
  public var clientAuthorities: String?

  /// Makes a configuration; the files are read when a server starts and when it reloads them.
  public init(certificateChain: String, privateKey: String, clientAuthorities: String? = nil) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
    self.clientAuthorities = clientAuthorities
  }
}
