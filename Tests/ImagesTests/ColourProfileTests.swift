import Testing

@testable import Images

/// Profiles made by hand: a header of 128 bytes, a name, and the columns of a matrix.
struct ColourProfileTests {
  /// sRGB's primaries adapted to D50 as the ICC's own profile has them, and those of Display P3.
  static let sRGB = [
    [0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410],
  ]
  static let displayP3 = [
    [0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407],
  ]

  static func bigEndian(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  static func profile(
    _ name: String, _ primaries: [[Double]], space: String = "RGB ", isNew: Bool = false
  ) -> [UInt8] {
    let text: [UInt8]
    if isNew {
      text =
        Array("mluc".utf8) + bigEndian(0) + bigEndian(1) + bigEndian(12) + Array("enUS".utf8)
        + bigEndian(2 * name.utf8.count) + bigEndian(28) + name.utf8.flatMap { [0, $0] }
    } else {
      text =
        Array("desc".utf8) + bigEndian(0) + bigEndian(name.utf8.count + 1) + Array(name.utf8)
        + [UInt8](repeating: 0, count: 79)
    }
    let columns = primaries.map { column in
      Array("XYZ ".utf8) + bigEndian(0) + column.flatMap { bigEndian(Int(($0 * 65536).rounded())) }
    }
    var table = bigEndian(1 + columns.count)
    var offset = 132 + 12 * (1 + columns.count)
    for (tag, data) in zip(["desc", "rXYZ", "gXYZ", "bXYZ"], [text] + columns) {
      table += Array(tag.utf8) + bigEndian(offset) + bigEndian(data.count)
      offset += data.count
    }
    var head = [UInt8](repeating: 0, count: 128)
    head.replaceSubrange(16..<20, with: Array(space.utf8))
    head.replaceSubrange(36..<40, with: Array("acsp".utf8))
    return head + table + text + columns.flatMap(\.self)
  }

  @Test
  func `A profile of other colours than sRGB's is named`() {
    func name(_ profile: [UInt8]) -> String? { ColourProfile.nameUnlessSRGB(profile.span) }
    #expect(name(Self.profile("sRGB built-in", Self.sRGB)) == nil)
    #expect(name(Self.profile("Display P3", Self.displayP3)) == "Display P3")
    #expect(name(Self.profile("Display P3", Self.displayP3, isNew: true)) == "Display P3")
    #expect(name(Self.profile("Coated", [], space: "CMYK")) == "Coated")
    #expect(name(Self.profile("Dot Gain", [], space: "GRAY")) == nil)
    let whole = Self.profile("Display P3", Self.displayP3, isNew: true)
    for count in 0..<whole.count { _ = name(Array(whole.prefix(count))) }
  }

  @Test
  func `A picture with such a profile is decoded as it is stored, with a warning`() throws {
    let profile = Self.profile("Display P3", Self.displayP3)
    let jpeg = try Fixture.picture("baseline-444.jpg")
    let segment = Array("ICC_PROFILE\0".utf8) + [1, 1] + profile
    let length = segment.count + 2
    let wide =
      jpeg[..<2] + [0xFF, 0xE2, UInt8(length >> 8), UInt8(length & 255)] + segment
      + jpeg[2...]
    try expectWarning(Array(wide), sameAs: jpeg)

    let png = try Fixture.picture("rgb-8.png")
    // A zlib stream of one stored block, whose sum nobody needs.
    let stored: [UInt8] =
      [0x78, 0x01, 0x01, UInt8(profile.count & 255), UInt8(profile.count >> 8)]
      + [UInt8(~profile.count & 255), UInt8(~profile.count >> 8 & 255)] + profile
    let body = Array("iCCP".utf8) + Array("x\0\0".utf8) + stored
    let checksum = Int(HostilePictureTests.checksum(body[...]))
    let chunk = Self.bigEndian(body.count - 4) + body + Self.bigEndian(checksum)
    try expectWarning(Array(png[..<33] + chunk + png[33...]), sameAs: png)
  }

  private func expectWarning(_ bytes: [UInt8], sameAs plain: [UInt8]) throws {
    let decoded = try ImageDecoder().decode(bytes)
    #expect(decoded.warnings.map(\.code) == [.profileIgnored])
    #expect(decoded.warnings.first?.detail.contains("Display P3") == true)
    #expect(try decoded.image == ImageDecoder().decode(plain).image)
  }
}
