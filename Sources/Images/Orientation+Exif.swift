extension Orientation {
  /// Reads the orientation from the TIFF structure of Exif data.
  ///
  /// Whatever is not understood gives `nil`, as if there were no Exif data: a picture is not worth
  /// less because its metadata are broken. Only the first directory is looked at, so the time is
  /// bounded by its at most 65,535 entries; every offset is checked against the range.
  ///
  /// Source: Exif 2.32, section 4.5 and TIFF 6.0, section 2.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - range: where in the file the TIFF structure lies; must be within it.
  init?(exif bytes: Span<UInt8>, in range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= bytes.count, "\(range) in \(bytes.count) bytes")
    guard range.count >= 8 else { return nil }
    let isLittleEndian: Bool
    switch (bytes[range.lowerBound], bytes[range.lowerBound + 1]) {
    case (0x49, 0x49): isLittleEndian = true
    case (0x4D, 0x4D): isLittleEndian = false
    default: return nil
    }
    func integer(at offset: Int, byteCount: Int) -> Int? {
      guard offset >= 0, offset <= range.count - byteCount else { return nil }
      var value = 0
      for index in 0..<byteCount {
        let byte = Int(bytes[range.lowerBound + offset + index])
        value |= byte << (8 * (isLittleEndian ? index : byteCount - 1 - index))
      }
      return value
    }
    guard integer(at: 2, byteCount: 2) == 42,
      let directory = integer(at: 4, byteCount: 4),
      let entryCount = integer(at: directory, byteCount: 2)
    else { return nil }
    for entry in 0..<entryCount {
      let offset = directory + 2 + 12 * entry
      guard let tag = integer(at: offset, byteCount: 2) else { return nil }
      guard tag == 0x0112 else { continue }
      guard let type = integer(at: offset + 2, byteCount: 2),
        integer(at: offset + 4, byteCount: 4) == 1
      else { return nil }
      // SHORT as the standard says; LONG is written by some programs.
      let byteCount: Int
      switch type {
      case 3: byteCount = 2
      case 4: byteCount = 4
      default: return nil
      }
      guard let value = integer(at: offset + 8, byteCount: byteCount) else { return nil }
      self.init(rawValue: value)
      return
    }
    return nil
  }
}
