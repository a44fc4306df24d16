extension Span<UInt8> {
  /// Whether the bytes begin with others.
  func starts(with signature: [UInt8]) -> Bool { holds(signature, at: 0) }

  /// Whether others stand at an offset, which may be any.
  func holds(_ signature: [UInt8], at offset: Int) -> Bool {
    guard offset >= 0, count - offset >= signature.count else { return false }
    for index in signature.indices where self[offset + index] != signature[index] { return false }
    return true
  }

  /// The big-endian integer of `byteCount` bytes at `offset`; traps where they are not all there.
  func bigEndian(at offset: Int, byteCount: Int) -> Int {
    var value = 0
    for index in offset..<offset + byteCount { value = value << 8 | Int(self[index]) }
    return value
  }

  /// The little-endian integer of `byteCount` bytes at `offset`; traps where they are not all there.
  func littleEndian(at offset: Int, byteCount: Int) -> Int {
    var value = 0
    for index in 0..<byteCount { value |= Int(self[offset + index]) << (8 * index) }
    return value
  }
}
