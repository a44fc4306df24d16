import Tensors

/// A cursor over the fields of a protocol buffer in untrusted bytes.
///
/// Nothing is copied; a message within a message is a part of the file. Groups, which nobody writes
/// any more, are refused.
///
/// Source: the "Encoding" chapter of the protocol buffers' documentation.
struct ProtobufReader {
  /// One field: its number and what it holds.
  struct Field {
    let number: UInt64
    let value: Value
    /// Where its tag stands.
    let byteOffset: Int
  }

  /// What a field holds, by its wire type.
  enum Value {
    case integer(UInt64)
    case fixed64(UInt64)
    case part(Range<Int>)
    case fixed32(UInt32)
  }

  private var reader: ByteReader

  /// Makes a cursor over a message.
  init(_ storage: ByteStorage, _ part: Range<Int>) { reader = ByteReader(storage, part) }

  /// Reads the next field; `nil` at the end.
  mutating func next() throws(CheckpointError) -> Field? {
    guard !reader.isAtEnd else { return nil }
    let place = reader.offset
    let tag = try readVarint()
    let number = tag >> 3
    guard number > 0 else { throw malformed(place) }
    let value: Value
    switch tag & 7 {
    case 0: value = .integer(try readVarint())
    case 1: value = .fixed64(try reader.read(UInt64.self, "a field"))
    case 2: value = .part(try reader.readPart(try readVarint(), "a field"))
    case 5: value = .fixed32(try reader.read(UInt32.self, "a field"))
    default: throw malformed(place)
    }
    return Field(number: number, value: value, byteOffset: place)
  }

  /// Reads whole numbers that stand side by side in a packed field.
  static func integers(
    _ storage: ByteStorage, _ part: Range<Int>, atMost limit: Int
  ) throws(CheckpointError) -> [UInt64] {
    var cursor = ProtobufReader(storage, part)
    var values: [UInt64] = []
    while !cursor.reader.isAtEnd {
      guard values.count < limit else { throw cursor.malformed(part.lowerBound) }
      values.append(try cursor.readVarint())
    }
    return values
  }

  /// Seven bits a byte, lowest first; the highest bit says that more follow.
  private mutating func readVarint() throws(CheckpointError) -> UInt64 {
    let place = reader.offset
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      let byte = try reader.readByte("a number")
      guard shift < 63 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw malformed(place)
  }

  private func malformed(_ place: Int) -> CheckpointError {
    CheckpointError(.malformed("the protocol buffer is malformed"), byteOffset: place)
  }
}
