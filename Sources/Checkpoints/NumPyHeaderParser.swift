import Tensors

/// A parser for the one kind of Python literal that heads a NumPy array, for instance
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
///
/// The grammar has a fixed depth. The members may come in any order, each once and no other.
struct NumPyHeaderParser {
  private var reader: ByteReader

  /// Makes a parser for a part of a storage.
  init(storage: ByteStorage, part: Range<Int>) {
    self.reader = ByteReader(storage, part)
  }

  /// Reads the whole header; only white space may follow it.
  mutating func parse() throws(CheckpointError) -> NumPyHeader {
    var elementType: String?
    var isFortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !skip("}") {
      let key = try parseString()
      try expect(":")
      switch key {
      case "descr" where elementType == nil: elementType = try parseElementType()
      case "fortran_order" where isFortranOrder == nil: isFortranOrder = try parseBoolean()
      case "shape" where shape == nil: shape = try parseShape()
      default: throw malformed("the member \(CheckpointError.quoted(key)) is unknown or repeated")
      }
      if !skip(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard reader.isAtEnd else { throw malformed("text follows the dictionary") }
    guard let elementType, let isFortranOrder, let shape else {
      throw malformed("an array needs descr, fortran_order and shape")
    }
    return NumPyHeader(elementType: elementType, isFortranOrder: isFortranOrder, shape: shape)
  }

  private mutating func parseElementType() throws(CheckpointError) -> String {
    skipSpace()
    guard reader.next != UInt8(ascii: "[") else {
      throw CheckpointError(
        .unsupportedElementType("a structure of several fields"), byteOffset: reader.offset)
    }
    return try parseString()
  }

  private mutating func parseString() throws(CheckpointError) -> String {
    skipSpace()
    guard let quote = reader.next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw malformed("a string should stand here")
    }
    reader.move(to: reader.offset + 1)
    let start = reader.offset
    while let byte = reader.next, byte != quote {
      guard (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "\\") else {
        throw malformed("a string holds more than plain characters")
      }
      reader.move(to: reader.offset + 1)
    }
    let text = reader.storage.text(in: start..<reader.offset)
    guard try reader.readByte("a string in the header") == quote, let text else {
      throw malformed("a string is not closed")
    }
    return text
  }

  private mutating func parseBoolean() throws(CheckpointError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)]
    where reader.available >= word.utf8.count
      && reader.storage.contains(word.utf8, at: reader.offset)
    {
      reader.move(to: reader.offset + word.utf8.count)
      return value
    }
    throw malformed("True or False should stand here")
  }

  private mutating func parseShape() throws(CheckpointError) -> [Int] {
    var shape: [Int] = []
    try expect("(")
    while !skip(")") {
      guard shape.count < CheckpointLimits.rank else {
        throw CheckpointError(
          .limitExceeded(
            what: "the number of axes", value: UInt64(shape.count + 1), limit: CheckpointLimits.rank
          ), byteOffset: reader.offset)
      }
      shape.append(try parseExtent())
      if !skip(",") {
        try expect(")")
        break
      }
    }
    return shape
  }

  private mutating func parseExtent() throws(CheckpointError) -> Int {
    skipSpace()
    var value: Int?
    while let digit = reader.next, (0x30...0x39).contains(digit) {
      let (product, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
      let (sum, sumOverflow) = product.addingReportingOverflow(Int(digit - 0x30))
      guard !overflow, !sumOverflow else { throw malformed("an extent is beyond 63 bits") }
      value = sum
      reader.move(to: reader.offset + 1)
    }
    guard let value else { throw malformed("an extent that is not negative should stand here") }
    // Python 2 marks its long integers.
    if reader.next == UInt8(ascii: "L") { reader.move(to: reader.offset + 1) }
    return value
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
    guard skip(character) else { throw malformed("'\(character)' should stand here") }
  }

  /// Passes over white space and then over one character, if it is there.
  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard reader.next == UInt8(ascii: character) else { return false }
    reader.move(to: reader.offset + 1)
    return true
  }

  private mutating func skipSpace() {
    while let byte = reader.next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      reader.move(to: reader.offset + 1)
    }
  }

  private func malformed(_ what: String) -> CheckpointError {
    CheckpointError(.malformed("the header is malformed: \(what)"), byteOffset: reader.offset)
  }
}
