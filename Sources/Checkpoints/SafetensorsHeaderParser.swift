import Tensors

/// A parser for the one kind of JSON text that a safetensors header is.
///
/// The grammar has a fixed depth, so there is no recursion: an object of tensor objects and one
/// object of strings. Everything is strict RFC 8259; numbers must be whole and not negative, as
/// nothing else has a meaning here, members must be the known ones, and no name may come twice.
struct SafetensorsHeaderParser {
  private var reader: ByteReader

  /// Makes a parser for a part of a storage.
  init(storage: ByteStorage, part: Range<Int>) {
    self.reader = ByteReader(storage, part)
  }

  /// Reads the whole header; only white space may follow it.
  mutating func parse() throws(CheckpointError) -> SafetensorsHeader {
    var header = SafetensorsHeader()
    // As the reference: the text starts with the brace, so that it cannot hide behind padding.
    guard reader.next == UInt8(ascii: "{") else { throw malformed("the header is no JSON object") }
    var names: Set<String> = []
    try parseObject { (parser, name, place) throws(CheckpointError) in
      guard names.insert(name).inserted else {
        throw CheckpointError(.duplicateName, byteOffset: place, tensorName: name)
      }
      if name == Safetensors.metadataKey {
        header.metadata = try parser.parseMetadata()
      } else {
        guard header.tensors.count < CheckpointLimits.tensorCount else {
          throw CheckpointError(
            .limitExceeded(
              what: "the number of tensors", value: UInt64(header.tensors.count + 1),
              limit: CheckpointLimits.tensorCount), byteOffset: place)
        }
        do throws(CheckpointError) {
          header.tensors.append(try parser.parseTensor(name: name, place: place))
        } catch {
          throw error.naming(name)
        }
      }
    }
    guard reader.isAtEnd else { throw malformed("text follows the header's JSON object") }
    return header
  }

  private mutating func parseMetadata() throws(CheckpointError) -> [String: String] {
    var metadata: [String: String] = [:]
    try parseObject { (parser, key, place) throws(CheckpointError) in
      let value = try parser.parseString()
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw CheckpointError(.duplicateName, byteOffset: place, tensorName: key)
      }
    }
    return metadata
  }

  private mutating func parseTensor(
    name: String, place: Int
  ) throws(CheckpointError) -> SafetensorsHeader.Entry {
    var elementType: ElementType?
    var shape: [Int]?
    var offsets: [UInt64]?
    try parseObject { (parser, key, place) throws(CheckpointError) in
      switch key {
      case "dtype" where elementType == nil:
        let type = try parser.parseString()
        guard let known = Safetensors.elementTypes[type] else {
          throw CheckpointError(.unsupportedElementType(type), byteOffset: place)
        }
        elementType = known
      case "shape" where shape == nil:
        let extents = try parser.parseNumbers(atMost: CheckpointLimits.rank, "the number of axes")
        guard extents.allSatisfy({ $0 <= UInt64(Int.max) }) else {
          throw CheckpointError(.invalidShape(extents.map { Int(clamping: $0) }), byteOffset: place)
        }
        shape = extents.map { Int($0) }
      case "data_offsets" where offsets == nil:
        offsets = try parser.parseNumbers(atMost: 2, "the number of data_offsets")
      case "dtype", "shape", "data_offsets":
        throw CheckpointError(
          .malformed("the member \(CheckpointError.quoted(key)) is given twice"), byteOffset: place)
      default:
        throw CheckpointError(
          .malformed("the member \(CheckpointError.quoted(key)) is unknown"), byteOffset: place)
      }
    }
    guard let elementType, let shape, let offsets, offsets.count == 2 else {
      throw CheckpointError(
        .malformed("a tensor needs dtype, shape and two data_offsets"), byteOffset: place)
    }
    return SafetensorsHeader.Entry(
      name: name, byteOffset: place, elementType: elementType, shape: shape, begin: offsets[0],
      end: offsets[1])
  }
}

extension SafetensorsHeaderParser {
  /// Reads an object; the closure reads the value of each member, whose name stands at the place.
  private mutating func parseObject(
    _ member: (inout SafetensorsHeaderParser, String, Int) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("{")
    if try skip("}") { return }
    repeat {
      skipSpace()
      let place = reader.offset
      let key = try parseString()
      try expect(":")
      try member(&self, key, place)
    } while try skip(",")
    try expect("}")
  }

  private mutating func parseNumbers(
    atMost limit: Int, _ what: String
  ) throws(CheckpointError) -> [UInt64] {
    var numbers: [UInt64] = []
    try expect("[")
    if try skip("]") { return numbers }
    repeat {
      guard numbers.count < limit else {
        throw CheckpointError(
          .limitExceeded(what: what, value: UInt64(numbers.count + 1), limit: limit),
          byteOffset: reader.offset)
      }
      numbers.append(try parseNumber())
    } while try skip(",")
    try expect("]")
    return numbers
  }

  private mutating func parseNumber() throws(CheckpointError) -> UInt64 {
    skipSpace()
    let start = reader.offset
    var value: UInt64 = 0
    while let digit = reader.next, digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") {
      // RFC 8259 section 6: no leading zeros.
      if value == 0, reader.offset == start + 1 { throw malformed("a number starts with zero") }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
      guard !overflow, !sumOverflow else { throw malformed("a number is beyond 64 bits") }
      value = sum
      _ = try reader.readByte("the header")
    }
    switch reader.next {
    case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
      throw malformed("a number is not whole")
    default:
      guard reader.offset > start else {
        throw malformed("a whole number that is not negative should stand here")
      }
      return value
    }
  }

  private mutating func parseString() throws(CheckpointError) -> String {
    try expect("\"")
    let start = reader.offset
    // Most strings have no escape and are one part of the text.
    while let byte = reader.next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      guard byte >= 0x20 else { throw malformed("a string holds a control character") }
      _ = try reader.readByte("the header")
    }
    if reader.next == UInt8(ascii: "\"") {
      let part = start..<reader.offset
      try expect("\"")
      guard let text = reader.storage.text(in: part) else {
        throw CheckpointError(.malformed("a string is not valid UTF-8"), byteOffset: start)
      }
      return text
    }
    var bytes = reader.storage.bytes(in: start..<reader.offset)
    while true {
      let byte = try reader.readByte("a string in the header")
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw CheckpointError(.malformed("a string is not valid UTF-8"), byteOffset: start)
        }
        return text
      case UInt8(ascii: "\\"): bytes += try parseEscape()
      case 0..<0x20: throw malformed("a string holds a control character")
      default: bytes.append(byte)
      }
    }
  }

  private mutating func parseEscape() throws(CheckpointError) -> [UInt8] {
    switch try reader.readByte("an escape in the header") {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = try parseCodeUnit()
      if (0xD800..<0xDC00).contains(code) {
        // RFC 8259 section 7: beyond the basic plane, two escapes form a surrogate pair.
        guard
          try reader.readByte("a surrogate") == UInt8(ascii: "\\"),
          try reader.readByte("a surrogate") == UInt8(ascii: "u")
        else { throw malformed("a surrogate stands alone") }
        let low = try parseCodeUnit()
        guard (0xDC00..<0xE000).contains(low) else { throw malformed("a surrogate stands alone") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw malformed("a surrogate stands alone") }
      return Array(String(Character(scalar)).utf8)
    default: throw malformed("an escape is unknown")
    }
  }

  private mutating func parseCodeUnit() throws(CheckpointError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      let byte = try reader.readByte("an escape in the header")
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("an escape needs four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
    }
    return code
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
    guard try skip(character) else { throw malformed("'\(character)' should stand here") }
  }

  /// Passes over white space and then over one character, if it is there.
  private mutating func skip(_ character: Unicode.Scalar) throws(CheckpointError) -> Bool {
    // A string's content must not lose its leading spaces, so none is passed over after the quote.
    skipSpace()
    guard reader.next == UInt8(ascii: character) else { return false }
    _ = try reader.readByte("the header")
    if character == "}" { skipSpace() }
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
