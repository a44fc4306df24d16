/// The host and port of a request (RFC 9110 section 7.2: `Host = uri-host [ ":" port ]`).
enum Authority {
  /// Whether the bytes are a host and an optional port.
  ///
  /// ```
  /// uri-host   = IP-literal / IPv4address / reg-name     ; RFC 3986 section 3.2.2
  /// IP-literal = "[" ( IPv6address / IPvFuture ) "]"
  /// reg-name   = *( unreserved / pct-encoded / sub-delims )
  /// port       = *DIGIT
  /// ```
  ///
  /// An empty host is valid here: RFC 9112 section 3.2 has clients send an empty `Host` where the
  /// target has no authority. Inside the brackets the characters are checked, not the address: this
  /// server never connects to it.
  static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var index = range.lowerBound
    if index < range.upperBound, bytes[index] == UInt8(ascii: "[") {
      index += 1
      let start = index
      while index < range.upperBound, ByteClass.addressLiteral.contains(bytes[index]) { index += 1 }
      guard index > start, index < range.upperBound, bytes[index] == UInt8(ascii: "]") else {
        return false
      }
      index += 1
    } else {
      while index < range.upperBound, bytes[index] != UInt8(ascii: ":") {
        if bytes[index] == UInt8(ascii: "%") {
          guard index + 2 < range.upperBound, bytes[index + 1].hexadecimalValue != nil,
            bytes[index + 2].hexadecimalValue != nil
          else { return false }
          index += 3
        } else {
          guard ByteClass.registeredName.contains(bytes[index]) else { return false }
          index += 1
        }
      }
    }
    guard index < range.upperBound else { return true }
    guard bytes[index] == UInt8(ascii: ":") else { return false }
    index += 1
    while index < range.upperBound {
      guard bytes[index].isDigit else { return false }
      index += 1
    }
    return true
  }
}
