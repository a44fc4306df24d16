internal import COpenSSL

/// SHA-256 (FIPS 180-4) of bytes that come in parts, by OpenSSL.
@safe public struct SHA256: ~Copyable {
  /// The number of bytes of a sum.
  public static let byteCount = 32

  @unsafe private let context: OpaquePointer

  /// Begins a sum.
  public init() {
    guard let context = unsafe EVP_MD_CTX_new(),
      unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
    else { preconditionFailure("OpenSSL does not offer SHA-256") }
    unsafe self.context = context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// Adds bytes to those before.
  public mutating func update(_ bytes: Span<UInt8>) {
    // Safety: the pointer and the count are the span's own.
    let status = unsafe bytes.withUnsafeBufferPointer {
      unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count)
    }
    precondition(status == 1, "OpenSSL does not go on with SHA-256")
  }

  /// Ends the sum.
  public consuming func finish() -> [UInt8] {
    var sum = [UInt8](repeating: 0, count: Self.byteCount)
    var count: UInt32 = 0
    // Safety: SHA-256 writes 32 bytes, which `sum` has room for.
    let status = unsafe EVP_DigestFinal_ex(context, &sum, &count)
    precondition(status == 1 && count == 32, "OpenSSL does not end SHA-256")
    return sum
  }

  /// The sum of bytes that are there at once.
  public static func sum(of bytes: [UInt8]) -> [UInt8] {
    var digest = SHA256()
    digest.update(bytes.span)
    return digest.finish()
  }

  /// Whether two sums are the same, in a time that tells nothing of where they differ.
  public static func areSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    // Safety: both have as many bytes as are compared.
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
  }

  /// Lets a sum go on while the process ends.
  ///
  /// OpenSSL takes its own state down then, under the feet of other threads; the process's end frees it anyway.
  public static func outliveExit() {
    _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
  }
}

extension Sequence<UInt8> {
  /// The bytes in lowercase hexadecimal.
  public var hexadecimalText: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
