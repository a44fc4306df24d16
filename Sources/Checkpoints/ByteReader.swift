import Tensors

/// A cursor over untrusted bytes: every read is checked against the end, and errors carry the place.
struct ByteReader {
  /// The bytes read from.
  let storage: ByteStorage

  /// Where the next byte is read, counted from the start of the storage.
  private(set) var offset: Int

  /// Where the part that may be read ends.
  let end: Int

  /// Makes a cursor at the start of a part of the storage; traps on a part outside it.
  init(_ storage: ByteStorage, _ part: Range<Int>) {
    precondition(
      part.lowerBound >= 0 && part.upperBound <= storage.count, "\(part) of \(storage.count) bytes")
    self.storage = storage
    self.offset = part.lowerBound
    self.end = part.upperBound
  }

  /// Makes a cursor over a whole storage.
  init(_ storage: ByteStorage) {
    self.init(storage, 0..<storage.count)
  }

  /// The number of bytes left.
  var available: Int { end - offset }

  /// Whether nothing is left.
  var isAtEnd: Bool { offset == end }

  /// The next byte without moving; `nil` at the end.
  var next: UInt8? { offset < end ? storage.byte(at: offset) : nil }

  /// Reads one byte.
  mutating func readByte(_ what: @autoclosure () -> String) throws(CheckpointError) -> UInt8 {
    guard offset < end else { throw truncated(what(), needed: 1) }
    defer { offset += 1 }
    return storage.byte(at: offset)
  }

  /// Reads an integer, little-endian.
  mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type, _ what: @autoclosure () -> String
  ) throws(CheckpointError) -> Integer {
    let size = Integer.bitWidth / 8
    guard available >= size else { throw truncated(what(), needed: UInt64(size)) }
    defer { offset += size }
    return storage.integer(type, at: offset)
  }

  /// Passes over some bytes and says where they are.
  mutating func readPart(
    _ count: UInt64, _ what: @autoclosure () -> String
  ) throws(CheckpointError) -> Range<Int> {
    guard count <= UInt64(available) else { throw truncated(what(), needed: count) }
    let start = offset
    offset += Int(count)
    return start..<offset
  }

  /// Moves to a place within the part; traps outside it.
  mutating func move(to place: Int) {
    precondition(place <= end && place >= 0, "\(place) lies behind \(end)")
    offset = place
  }

  private func truncated(_ what: String, needed: UInt64) -> CheckpointError {
    CheckpointError(
      .truncated(what: what, needed: needed, available: available), byteOffset: offset)
  }
}

extension ByteStorage {
  /// One byte; traps outside the storage.
  func byte(at offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < count, "byte \(offset) of \(count)")
    // Safety: the line above.
    return unsafe withUnsafeBytes { unsafe $0[offset] }
  }

  /// An integer, little-endian, at any alignment; traps outside the storage.
  func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type, at offset: Int
  ) -> Integer {
    precondition(
      offset >= 0 && offset <= count - MemoryLayout<Integer>.size, "byte \(offset) of \(count)")
    // Safety: the line above.
    return Integer(
      littleEndian: unsafe withUnsafeBytes {
        unsafe $0.loadUnaligned(fromByteOffset: offset, as: type)
      })
  }

  /// A copy of some bytes; traps outside the storage.
  func bytes(in part: Range<Int>) -> [UInt8] {
    precondition(part.lowerBound >= 0 && part.upperBound <= count, "\(part) of \(count) bytes")
    // Safety: the line above.
    return unsafe withUnsafeBytes { unsafe [UInt8]($0[part]) }
  }

  /// Some bytes as UTF-8, `nil` where they are not valid; traps outside the storage.
  func text(in part: Range<Int>) -> String? {
    precondition(part.lowerBound >= 0 && part.upperBound <= count, "\(part) of \(count) bytes")
    // Safety: the line above.
    return unsafe withUnsafeBytes { unsafe String(validating: $0[part], as: UTF8.self) }
  }

  /// Where a byte stands last in a part; traps on a part outside the storage.
  func lastPlace(of byte: UInt8, in part: Range<Int>) -> Int? {
    precondition(part.lowerBound >= 0 && part.upperBound <= count, "\(part) of \(count) bytes")
    // Safety: the line above.
    return unsafe withUnsafeBytes { bytes in
      var place = part.upperBound
      while place > part.lowerBound {
        place -= 1
        if unsafe bytes[place] == byte { return place }
      }
      return nil
    }
  }

  /// Whether the storage holds these bytes at a place; false where it is too short.
  func contains(_ expected: some Collection<UInt8>, at offset: Int) -> Bool {
    guard offset >= 0, expected.count <= count, offset <= count - expected.count else {
      return false
    }
    var place = offset
    for byte in expected {
      guard self.byte(at: place) == byte else { return false }
      place += 1
    }
    return true
  }
}
