internal import Glibc

/// A numeric IP address; an IPv4 address stands in the range of IPv6 that mirrors it
/// (RFC 4291 section 2.5.5.2: `::ffff:0:0/96`).
package struct IPAddress: Hashable, Sendable {
  private static let mirror: UInt64 = 0xffff_0000_0000

  /// The first 64 bits: of IPv6 the network that one customer has.
  package var high: UInt64

  /// The last 64 bits.
  package var low: UInt64

  private init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads `192.0.2.1` or `2001:db8::1`; `nil` for anything else.
  package init?(_ text: String) {
    var four = in_addr()
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      high = 0
      low = Self.mirror | UInt64(UInt32(bigEndian: four.s_addr))
      return
    }
    var six = in6_addr()
    guard unsafe inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    // Safety: an in6_addr is 16 bytes.
    (high, low) = unsafe withUnsafeBytes(of: &six) {
      unsafe (
        UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  /// Whether it is one of IPv4.
  package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

  /// The address with only its first bits, of 128.
  func masked(to bits: Int) -> IPAddress {
    IPAddress(
      high: bits >= 64 ? high : bits == 0 ? 0 : high & ~(UInt64.max >> UInt64(bits)),
      low: bits <= 64 ? 0 : bits == 128 ? low : low & ~(UInt64.max >> UInt64(bits - 64)))
  }

  /// The IPv4 address that stands in bits of the address, counted from the first; 0 to 96.
  package func embeddedIPv4(atBit bit: Int) -> IPAddress {
    let shift = UInt64(96 - bit)
    let wide = shift >= 64 ? high >> (shift - 64) : high << (64 - shift) | low >> shift
    // At bit 96 nothing of the upper half takes part, and shifts by 64 are zero in Swift.
    return IPAddress(high: 0, low: Self.mirror | (wide & 0xffff_ffff))
  }

  /// What counts as one client: an IPv4 address, or a network of 64 bits of IPv6, since whoever has one
  /// of its addresses has all of them.
  var client: IPAddress { isIPv4 ? self : masked(to: 64) }
}

/// A network of IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
public struct AddressBlock: Sendable, Hashable {
  private let network: IPAddress
  private let bits: Int

  /// Reads an address, and behind a slash how many of its first bits count; `nil` for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
    let width = address.isIPv4 && !first.contains(":") ? 32 : 128
    var length = width
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let number = Int(parts[1]), number <= width
      else { return nil }
      length = number
    }
    bits = 128 - width + length
    network = address.masked(to: bits)
  }

  /// Whether an address lies in the network.
  package func contains(_ address: IPAddress) -> Bool { address.masked(to: bits) == network }
}
