import HTTP1
import Testing

@testable import HTTPServer

@Suite struct AddressTests {
  @Test func blocksHoldTheAddressesOfTheirFirstBits() throws {
    for (block, inside, outside) in [
      ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("10.1.2.3/8", "10.0.0.1", "9.255.255.255"),
      ("192.0.2.7", "192.0.2.7", "192.0.2.6"), ("192.0.2.128/25", "192.0.2.200", "192.0.2.127"),
      ("0.0.0.0/0", "255.255.255.255", "::1"), ("fd00::/8", "fdff::1", "fe00::"),
      ("2001:db8::/65", "2001:db8::7fff:0:0:0", "2001:db8::8000:0:0:0"), ("::1", "::1", "::2"),
      ("::/0", "2001:db8::1", ""), ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
    ] {
      let block = try #require(AddressBlock(block))
      #expect(try block.contains(#require(IPAddress(inside))), "\(inside)")
      if let address = IPAddress(outside) { #expect(!block.contains(address), "\(outside)") }
    }
  }

  @Test func whatIsNoBlockIsRefused() {
    for text in [
      "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0/8", "::/129",
      "example.com", "10.0.0.0/8/8", "[::1]", " 10.0.0.1",
    ] {
      #expect(AddressBlock(text) == nil, "\(text)")
    }
  }

  @Test func aClientIsAnAddressOrANetworkOf64Bits() throws {
    func client(_ text: String) throws -> IPAddress { try #require(IPAddress(text)).client }
    #expect(try client("192.0.2.1") != client("192.0.2.2"))
    #expect(try client("2001:db8::1") == client("2001:db8::ffff:1"))
    #expect(try client("2001:db8:0:1::1") != client("2001:db8:0:2::1"))
  }

  /// Whom a proxy at 10.0.0.0/8 or ::1 speaks for.
  private func found(_ field: ForwardedField, _ lines: String...) throws -> String? {
    let blocks = ["10.0.0.0/8", "::1"].compactMap { AddressBlock($0) }
    var fields = HTTPFields()
    for line in lines { fields.append(field.rawValue, line) }
    return ForwardedClient(proxies: blocks, field: field).address(in: fields)
  }

  @Test func theClientIsTheLastThatIsNoProxy() throws {
    #expect(try found(.xForwardedFor) == nil)
    #expect(try found(.xForwardedFor, "") == nil)
    #expect(try found(.xForwardedFor, "192.0.2.1") == "192.0.2.1")
    // What the client wrote itself stands further left.
    #expect(try found(.xForwardedFor, "1.1.1.1, 192.0.2.1") == "192.0.2.1")
    #expect(try found(.xForwardedFor, "1.1.1.1", "192.0.2.1") == "192.0.2.1")
    #expect(try found(.xForwardedFor, "1.1.1.1, 192.0.2.1 , 10.0.0.7,\t10.1.1.1") == "192.0.2.1")
    #expect(try found(.xForwardedFor, "10.0.0.7, 10.1.1.1") == "10.0.0.7")
    #expect(try found(.xForwardedFor, "nobody, 10.1.1.1") == "10.1.1.1")
    #expect(try found(.xForwardedFor, "192.0.2.1, nobody") == nil)
    #expect(try found(.xForwardedFor, "192.0.2.1:4711") == "192.0.2.1")
    #expect(try found(.xForwardedFor, "2001:db8::1") == "2001:db8::1")
    #expect(try found(.xForwardedFor, "[2001:db8::1]:80") == "2001:db8::1")
    #expect(try found(.xForwardedFor, "[2001:db8::1") == nil)
  }

  @Test("RFC 7239 section 4: the elements and parameters of Forwarded") func forwarded() throws {
    #expect(try found(.forwarded, "for=192.0.2.43") == "192.0.2.43")
    #expect(
      try found(.forwarded, "for=1.1.1.1, proto=http;For=\"192.0.2.1:80\";by=\"a,b;for=9.9.9.9\"")
        == "192.0.2.1")
    #expect(try found(.forwarded, "for=\"[2001:db8:cafe::17]:4711\"") == "2001:db8:cafe::17")
    #expect(try found(.forwarded, "for=192.0.2.1, for=\"[::1]\"") == "192.0.2.1")
    // RFC 7239 section 6: names that hide the address tell nothing.
    #expect(try found(.forwarded, "for=192.0.2.1, for=unknown") == nil)
    #expect(try found(.forwarded, "for=192.0.2.1, for=_hidden") == nil)
    #expect(try found(.forwarded, "by=192.0.2.1") == nil)
    #expect(try found(.forwarded, "for=\"") == nil)
  }
}
