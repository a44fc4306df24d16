import Testing

@testable import HTTP1

@Suite struct ByteClassTests {
  private static let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
  private static let digits = "0123456789"
  private static let unreserved = letters + digits + "-._~"
  private static let subDelims = "!$&'()*+,;="

  private func expect(_ set: ByteClass, holds text: String) {
    let members = Set(text.utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(set.contains(byte) == members.contains(byte), "byte \(byte)")
    }
  }

  @Test("RFC 9110 section 5.6.2: tchar") func token() {
    expect(.token, holds: "!#$%&'*+-.^_`|~" + Self.digits + Self.letters)
  }

  @Test("RFC 3986 section 3.3: pchar and the slash, without the percent sign") func path() {
    expect(.path, holds: Self.unreserved + Self.subDelims + ":@/")
  }

  @Test("RFC 3986 section 3.4: query, and what browsers leave bare") func query() {
    expect(.query, holds: Self.unreserved + Self.subDelims + ":@/?" + "[]{}|\\^`")
  }

  @Test("RFC 3986 section 3.2.2: reg-name, without the percent sign") func registeredName() {
    expect(.registeredName, holds: Self.unreserved + Self.subDelims)
  }

  @Test("RFC 3986 section 3.2.2: what stands in brackets") func addressLiteral() {
    expect(.addressLiteral, holds: Self.unreserved + Self.subDelims + ":")
  }
}
