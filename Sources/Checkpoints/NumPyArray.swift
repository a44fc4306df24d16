import Tensors

/// The `.npy` format: a magic, a version, a header that is a Python dictionary literal, the elements.
///
/// Source: numpy/lib/format.py ("Format Version 1.0" to "3.0").
enum NumPyArray {
  /// The first bytes of every file.
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The name of a lone array, as `numpy.savez` names one that was given none.
  static let nameOfLoneArray = "arr_0"

  /// Reads an array; it is a view of the storage, unless its bytes must be swapped.
  ///
  /// Fortran order becomes strides. Elements that are no numbers (objects, strings, structures)
  /// are refused by the name of their type. Exactly the elements must follow the header.
  static func read(
    _ storage: ByteStorage, _ part: Range<Int>
  ) throws(CheckpointError) -> StoredTensor {
    var reader = ByteReader(storage, part)
    let start = reader.offset
    let signature = try reader.readPart(UInt64(magic.count), "the magic of an array")
    guard storage.contains(magic, at: signature.lowerBound) else {
      throw CheckpointError(.malformed("the entry is no NumPy array"), byteOffset: start)
    }
    let major = try reader.readByte("the version")
    let minor = try reader.readByte("the version")
    let count: UInt64
    switch (major, minor) {
    case (1, 0): count = UInt64(try reader.read(UInt16.self, "the header's length"))
    case (2, 0), (3, 0): count = UInt64(try reader.read(UInt32.self, "the header's length"))
    default:
      throw CheckpointError(
        .unsupported(
          "the array has version \(major).\(minor)", remedy: "save it with numpy.save"),
        byteOffset: start + magic.count)
    }
    guard count <= UInt64(CheckpointLimits.numPyHeaderByteCount) else {
      throw CheckpointError(
        .limitExceeded(
          what: "the header's length", value: count, limit: CheckpointLimits.numPyHeaderByteCount),
        byteOffset: start + magic.count + 2)
    }
    let headerPart = try reader.readPart(count, "the header")
    var parser = NumPyHeaderParser(storage: storage, part: headerPart)
    let header = try parser.parse()
    return try tensor(
      header, storage: storage, part: reader.offset..<part.upperBound,
      headerOffset: headerPart.lowerBound)
  }

  /// Makes a tensor of a header and the bytes of the elements, which must be exactly as many.
  static func tensor(
    _ header: NumPyHeader, storage: ByteStorage, part: Range<Int>, headerOffset: Int
  ) throws(CheckpointError) -> StoredTensor {
    func failure(_ reason: CheckpointError.Reason) -> CheckpointError {
      CheckpointError(reason, byteOffset: headerOffset)
    }
    guard let type = NumPyElementType(header.elementType) else {
      throw failure(.unsupportedElementType(header.elementType))
    }
    guard header.shape.count <= CheckpointLimits.rank, let shape = Shape(checking: header.shape)
    else { throw failure(.invalidShape(header.shape)) }
    let size = type.elementType.byteCount
    let (needed, overflow) = shape.count.multipliedReportingOverflow(by: size)
    guard !overflow else { throw failure(.invalidShape(header.shape)) }
    guard needed == part.count else {
      throw failure(.sizeMismatch(needed: needed, found: part.count))
    }
    var strides = shape.rowMajorStrides
    if header.isFortranOrder {
      strides = Shape(shape.dimensions.reversed()).rowMajorStrides.reversed()
    }
    let (elements, offset) =
      type.isBigEndian
      ? (ByteStorage(swapping: storage, part, elementByteCount: size), 0)
      : (storage, part.lowerBound)
    guard
      let tensor = StoredTensor(
        elementType: type.elementType, shape: shape, strides: strides, storage: elements,
        byteOffset: offset)
    else { throw failure(.outsideStorage) }
    return tensor
  }
}

/// What a header says of an array.
struct NumPyHeader {
  let elementType: String
  let isFortranOrder: Bool
  let shape: [Int]
}

/// NumPy's element types by their codes, as `<f4`: byte order, kind, and size in bytes.
struct NumPyElementType {
  let elementType: ElementType
  let isBigEndian: Bool

  /// `nil` where the code is not that of a number that is read here.
  init?(_ code: String) {
    var kind = Substring(code)
    var isBigEndian = false
    if let order = kind.first, "<>|=".contains(order) {
      isBigEndian = order == ">"
      kind = kind.dropFirst()
    }
    self.isBigEndian = isBigEndian
    switch kind {
    case "b1", "?": elementType = .bool
    case "i1": elementType = .int8
    case "i2": elementType = .int16
    case "i4": elementType = .int32
    case "i8": elementType = .int64
    case "u1": elementType = .uint8
    case "u2": elementType = .uint16
    case "u4": elementType = .uint32
    case "u8": elementType = .uint64
    case "f2": elementType = .float16
    case "f4": elementType = .float32
    case "f8": elementType = .float64
    default: return nil
    }
  }
}

extension ByteStorage {
  /// A copy of some bytes with the order in each element turned round; traps outside the storage.
  ///
  /// Bytes behind the last whole element stay as they are.
  convenience init(swapping source: ByteStorage, _ part: Range<Int>, elementByteCount size: Int) {
    var bytes = source.bytes(in: part)
    for start in stride(from: 0, to: bytes.count - bytes.count % size, by: size) {
      bytes[start..<start + size].reverse()
    }
    self.init(copying: bytes)
  }
}
