/// A set of ASCII bytes: one bit a byte, so that a look-up is a shift and an `and`.
///
/// No byte over 127 is in any set; the grammar calls those `obs-text` and the parser says where
/// they may stand.
public struct ByteClass: Sendable {
  /// Bits of the bytes 0 to 63.
  let low: UInt64

  /// Bits of the bytes 64 to 127.
  let high: UInt64

  /// Whether a byte is in the set.
  public func contains(_ byte: UInt8) -> Bool {
    let word = byte < 64 ? low : high
    return byte < 128 && (word &>> UInt64(byte & 63)) & 1 != 0
  }

  // The masks are written out so that they are constants of the program and need no start-up;
  // `ByteClassTests` spells each set and compares.

  /// RFC 9110 section 5.6.2: `tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." /
  /// "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA`.
  public static let token = ByteClass(low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)

  /// RFC 3986 section 3.3, without the percent sign: `pchar = unreserved / pct-encoded /
  /// sub-delims / ":" / "@"`, and the slash between segments.
  static let path = ByteClass(low: 0x2fff_ffd2_0000_0000, high: 0x47ff_fffe_87ff_ffff)

  /// RFC 3986 section 3.4: `query = *( pchar / "/" / "?" )`, and the bytes ``[]{}|\^` `` besides.
  ///
  /// Browsers leave those eight bare in a query (WHATWG URL, query percent-encode set); none of
  /// them ends a query, so to take them is safe.
  static let query = ByteClass(low: 0xafff_ffd2_0000_0000, high: 0x7fff_ffff_ffff_ffff)

  /// RFC 3986 section 3.2.2, without the percent sign:
  /// `reg-name = *( unreserved / pct-encoded / sub-delims )`.
  static let registeredName = ByteClass(low: 0x2bff_7fd2_0000_0000, high: 0x47ff_fffe_87ff_fffe)

  /// RFC 3986 section 3.2.2: what may stand between the brackets of an `IP-literal`.
  static let addressLiteral = ByteClass(low: 0x2fff_7fd2_0000_0000, high: 0x47ff_fffe_87ff_fffe)
}

extension UInt8 {
  static let carriageReturn = UInt8(ascii: "\r")
  static let lineFeed = UInt8(ascii: "\n")
  static let space = UInt8(ascii: " ")
  static let tab = UInt8(ascii: "\t")

  /// RFC 9110 section 5.6.3: `OWS = *( SP / HTAB )`.
  var isWhitespace: Bool { self == .space || self == .tab }

  /// RFC 5234: `DIGIT`.
  var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }

  /// RFC 9110 section 5.5: `field-content` is visible ASCII, `obs-text`, space and tab.
  var isFieldContent: Bool { self >= 0x20 ? self != 0x7f : self == .tab }

  /// The value of a hexadecimal digit, either case; `nil` for any other byte.
  public var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
