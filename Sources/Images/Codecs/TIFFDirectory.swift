/// One directory of a TIFF structure: a table of tags and values.
///
/// Exif data are one, too.
/// Every offset is checked against the range, and whatever does not lie in it counts as absent: the time
/// is bounded by a directory's at most 65,535 entries, and nothing is allocated but the values asked for.
///
/// Source: TIFF 6.0, section 2; BigTIFF: the libtiff project's design.
struct TIFFDirectory {
  private let isLittleEndian: Bool
  private let isBig: Bool
  private let entries: Range<Int>
  private let entryCount: Int

  /// Where the next directory begins; `nil` where this is the last one.
  let next: Int?

  /// Reads a directory.
  ///
  /// - Parameters:
  ///   - bytes: the TIFF structure, from its byte order mark on.
  ///   - offset: where the directory begins; `nil` for the first one.
  ///
  /// Gives `nil` where there is none.
  init?(_ bytes: Span<UInt8>, at offset: Int? = nil) {
    guard bytes.count >= 8 else { return nil }
    switch (bytes[0], bytes[1]) {
    case (0x49, 0x49): isLittleEndian = true
    case (0x4D, 0x4D): isLittleEndian = false
    default: return nil
    }
    let little = isLittleEndian
    func integer(_ offset: Int, _ byteCount: Int) -> Int? {
      Self.integer(bytes, at: offset, byteCount: byteCount, isLittleEndian: little)
    }
    let version = integer(2, 2)
    // The larger kind states that its offsets have 8 bytes, and two zeros.
    guard version == 42 || version == 43 && integer(4, 2) == 8 && integer(6, 2) == 0
    else { return nil }
    isBig = version == 43
    let big = isBig
    guard let start = offset ?? (big ? integer(8, 8) : integer(4, 4)),
      let count = integer(start, big ? 8 : 2), count <= 65_535
    else { return nil }
    let first = start + (big ? 8 : 2)
    entryCount = count
    entries = first..<first + count * (big ? 20 : 12)
    let following = integer(entries.upperBound, big ? 8 : 4)
    next = following == 0 ? nil : following
  }

  /// The whole numbers of a tag.
  ///
  /// - Parameters:
  ///   - tag: its number.
  ///   - bytes: the TIFF structure that the directory was read of.
  ///   - limit: how many there may be at most.
  /// - Returns: `nil` where the tag is absent, is not of whole numbers, has none or more than `limit`, or
  ///   lies outside.
  func integers(_ tag: Int, in bytes: Span<UInt8>, limit: Int = 16) -> [Int]? {
    guard let value = location(of: tag, in: bytes) else { return nil }
    let byteCount: Int
    switch value.type {
    case 1: byteCount = 1
    case 3: byteCount = 2
    case 4: byteCount = 4
    case 16: byteCount = 8
    default: return nil
    }
    guard 1...limit ~= value.count,
      let start = start(of: value, byteCount: value.count * byteCount, in: bytes)
    else { return nil }
    var values: [Int] = []
    for index in 0..<value.count {
      guard let value = integer(bytes, at: start + index * byteCount, byteCount: byteCount)
      else { return nil }
      values.append(value)
    }
    return values
  }

  /// Where the bytes of a tag of type BYTE or UNDEFINED lie.
  func byteRange(_ tag: Int, in bytes: Span<UInt8>) -> Range<Int>? {
    guard let value = location(of: tag, in: bytes), value.type == 1 || value.type == 7,
      value.count >= 1,
      let start = start(of: value, byteCount: value.count, in: bytes),
      value.count <= bytes.count - start
    else { return nil }
    return start..<start + value.count
  }

  private struct Value {
    var type: Int
    var count: Int
    /// Where the value stands, or its offset where it is longer than that.
    var field: Int
  }

  private func location(of tag: Int, in bytes: Span<UInt8>) -> Value? {
    let stride = isBig ? 20 : 12
    for entry in 0..<entryCount {
      let offset = entries.lowerBound + stride * entry
      guard let found = integer(bytes, at: offset, byteCount: 2) else { return nil }
      guard found == tag else { continue }
      guard let type = integer(bytes, at: offset + 2, byteCount: 2),
        let count = integer(bytes, at: offset + 4, byteCount: isBig ? 8 : 4)
      else { return nil }
      return Value(type: type, count: count, field: offset + (isBig ? 12 : 8))
    }
    return nil
  }

  private func start(of value: Value, byteCount: Int, in bytes: Span<UInt8>) -> Int? {
    byteCount <= (isBig ? 8 : 4)
      ? value.field : integer(bytes, at: value.field, byteCount: isBig ? 8 : 4)
  }

  private func integer(_ bytes: Span<UInt8>, at offset: Int, byteCount: Int) -> Int? {
    Self.integer(bytes, at: offset, byteCount: byteCount, isLittleEndian: isLittleEndian)
  }

  /// The integer at an offset, which may be any; `nil` where it is not all there or too large.
  private static func integer(
    _ bytes: Span<UInt8>, at offset: Int, byteCount: Int, isLittleEndian: Bool
  ) -> Int? {
    guard offset >= 0, offset <= bytes.count - byteCount else { return nil }
    var value: UInt64 = 0
    for index in 0..<byteCount {
      let byte = UInt64(bytes[offset + index])
      value |= byte << UInt64(8 * (isLittleEndian ? index : byteCount - 1 - index))
    }
    // Half the range, so that sums of an offset and a length do not overflow.
    return value < UInt64(Int.max / 2) ? Int(value) : nil
  }
}
