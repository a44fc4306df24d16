/// What an ICC profile says of itself: its name, and whether its colours are sRGB's.
///
/// Profiles are not applied: detectors are trained on samples as they are stored. One that is not sRGB's is
/// named in a warning, because the detector sees other colours than a person does.
///
/// Source: ICC.1:2022, sections 7.2, 7.3, 9.2 and 10.
enum ColourProfile {
  /// The name of a profile whose colours are not sRGB's; `nil` where they are, where it is one of grey
  /// alone, or where it cannot be read.
  ///
  /// - Parameter profile: the profile, or its beginning, with which its tags usually lie.
  /// - Returns: the name, or "unnamed".
  static func nameUnlessSRGB(_ profile: Span<UInt8>) -> String? {
    guard profile.count >= 132, profile.holds(Array("acsp".utf8), at: 36),
      !profile.holds(Array("GRAY".utf8), at: 16)
    else { return nil }
    if profile.holds(Array("RGB ".utf8), at: 16), hasPrimariesOfSRGB(profile) { return nil }
    return name(of: profile) ?? "unnamed"
  }

  /// Where a tag's data lie, as far as they are there.
  private static func tag(_ signature: String, in profile: Span<UInt8>) -> Range<Int>? {
    let count = min(profile.bigEndian(at: 128, byteCount: 4), 100)
    for index in 0..<count {
      let entry = 132 + 12 * index
      guard profile.count - entry >= 12 else { return nil }
      guard profile.holds(Array(signature.utf8), at: entry) else { continue }
      let offset = profile.bigEndian(at: entry + 4, byteCount: 4)
      let length = profile.bigEndian(at: entry + 8, byteCount: 4)
      guard offset <= profile.count, length <= profile.count - offset else { return nil }
      return offset..<offset + length
    }
    return nil
  }

  /// sRGB's primaries, adapted to D50 (IEC 61966-2-1), as the three columns of a profile's matrix.
  private static let primaries: [(tag: String, xyz: [Double])] = [
    ("rXYZ", [0.4361, 0.2225, 0.0139]), ("gXYZ", [0.3851, 0.7169, 0.0971]),
    ("bXYZ", [0.1431, 0.0606, 0.7141]),
  ]

  private static func hasPrimariesOfSRGB(_ profile: Span<UInt8>) -> Bool {
    primaries.allSatisfy { primary in
      guard let data = tag(primary.tag, in: profile), data.count >= 20 else { return false }
      return (0..<3).allSatisfy { index in
        let fixed = Int32(
          truncatingIfNeeded: profile.bigEndian(
            at: data.lowerBound + 8 + 4 * index, byteCount: 4))
        // Profiles round differently; other colour spaces are ten times as far away.
        return abs(Double(fixed) / 65536 - primary.xyz[index]) < 0.004
      }
    }
  }

  private static func name(of profile: Span<UInt8>) -> String? {
    guard let data = tag("desc", in: profile), data.count >= 28 else { return nil }
    var characters: [UInt8] = []
    if profile.holds(Array("mluc".utf8), at: data.lowerBound) {
      // UTF-16, of which the letters of ASCII are kept.
      let length = profile.bigEndian(at: data.lowerBound + 20, byteCount: 4)
      let start = data.lowerBound + profile.bigEndian(at: data.lowerBound + 24, byteCount: 4)
      for at in stride(from: start, to: min(start + min(length, 160), data.upperBound) - 1, by: 2)
      where profile[at] == 0 { characters.append(profile[at + 1]) }
    } else {
      let start = data.lowerBound + 12
      let length = profile.bigEndian(at: data.lowerBound + 8, byteCount: 4)
      for at in start..<min(start + min(length, 80), data.upperBound) {
        characters.append(profile[at])
      }
    }
    let printable = characters.filter { 0x20...0x7E ~= $0 }
    return printable.isEmpty ? nil : String(decoding: printable, as: UTF8.self)
  }
}
