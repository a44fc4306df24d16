package import HTTPServer

/// From where an address can be reached: what decides whether a client may have it asked in its name.
///
/// Source: IANA's registries of special-purpose addresses (RFC 6890, RFC 8190), as of 2026, and the metadata
/// services of clouds.
package enum AddressReach: Sendable, Hashable {
  /// From everywhere: whatever is there, the client could ask itself.
  case everywhere
  /// From this machine or the networks around it.
  case inside
  /// Never asked: metadata services, links, groups, and what stands for no host.
  case nowhere

  /// Finds out about an address.
  package init(_ address: IPAddress) {
    self = Self.reach(of: address)
  }

  private static func reach(of address: IPAddress) -> AddressReach {
    if neverBlocks.contains(where: { $0.contains(address) }) { return .nowhere }
    if insideBlocks.contains(where: { $0.contains(address) }) { return .inside }
    if address.isIPv4 { return .everywhere }
    // What carries an IPv4 address ends where that lies.
    for (block, bit) in carriers where block.contains(address) {
      return reach(of: address.embeddedIPv4(atBit: bit))
    }
    // Of IPv6 only 2000::/3 has been given out as global unicast (RFC 4291 section 2.4).
    return globalUnicast.contains { $0.contains(address) } ? .everywhere : .nowhere
  }

  private static func blocks(_ texts: String...) -> [AddressBlock] {
    texts.compactMap { AddressBlock($0) }
  }

  private static let globalUnicast = blocks("2000::/3")

  /// Translation to IPv4 (RFC 6052), and 6to4 (RFC 3056), with the bit at which the IPv4 address begins.
  private static let carriers: [(block: AddressBlock, bit: Int)] =
    blocks("64:ff9b::/96").map { ($0, 96) } + blocks("2002::/16").map { ($0, 16) }

  private static let insideBlocks = blocks(
    // This machine.
    "127.0.0.0/8", "::1/128",
    // Private networks, and those behind a carrier's translation.
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
    // Translation to IPv4 of one's own (RFC 8215).
    "64:ff9b:1::/48")

  private static let neverBlocks = blocks(
    // Links: 169.254.169.254 is where clouds tell secrets.
    "169.254.0.0/16", "fe80::/10",
    // Metadata services outside of links: Amazon's, Alibaba's, Azure's, Oracle's.
    "fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
    // "This network", which Linux takes for this machine, and unspecified.
    "0.0.0.0/8", "::/128",
    // Protocols', documents', benchmarks' and reserved addresses.
    "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "192.88.99.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20", "100::/64",
    "5f00::/16",
    // Groups.
    "224.0.0.0/4", "ff00::/8",
    // IPv4-compatible and IPv4-translated, of no use any more (RFC 4291 section 2.5.5.1, RFC 2765).
    "::ffff:0:0:0/96", "fec0::/10")
}
