import Tensors

extension PickleInterpreter {
  /// Source: numpy/_core/multiarray.py and numpy/_core/numeric.py; the first had no underscore
  /// before NumPy 2.
  static let arrayMakers: Set<String> = [
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
  ]

  static let scalarMakers: Set<String> = [
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
  ]

  /// An array: `_reconstruct` with the state `(version, shape, dtype, isFortran, bytes)`, or
  /// `_frombuffer(bytes, dtype, shape, order)`.
  mutating func array(
    _ index: Index, _ arguments: [Index]
  ) throws(CheckpointError) -> StoredTensor {
    let shape: [Int]?
    let type: Index
    let data: Index
    let isFortranOrder: Bool?
    if let state = graph[index].state, let fields = graph.sequence(state),
      fields.count == 4 || fields.count == 5
    {
      // Before version 1 the state had no version.
      let fields = fields.suffix(4)
      let first = fields.startIndex
      shape = graph.integers(fields[first])
      type = fields[first + 1]
      isFortranOrder = graph.boolean(fields[first + 2])
      data = fields[first + 3]
    } else if arguments.count == 4 {
      data = arguments[0]
      type = arguments[1]
      shape = graph.integers(arguments[2])
      isFortranOrder = graph.name(arguments[3]).map { $0 == "F" }
    } else {
      throw malformed(index, "an array")
    }
    guard let shape, let isFortranOrder, let code = elementTypeCode(type) else {
      throw malformed(index, "an array")
    }
    guard let bytes = try bytes(data) else {
      throw CheckpointError(
        .unsupportedElementType(code), byteOffset: graph[index].byteOffset)
    }
    if code.hasPrefix(">") { try spend(bytes.part.count, index) }
    let header = NumPyHeader(elementType: code, isFortranOrder: isFortranOrder, shape: shape)
    return try NumPyArray.tensor(
      header, storage: bytes.storage, part: bytes.part, headerOffset: graph[index].byteOffset)
  }

  /// `numpy.dtype(code, ...)` with the state `(version, byte order, ...)`.
  private func elementTypeCode(_ index: Index) -> String? {
    guard let call = graph.call(index), call.name == "numpy.dtype",
      let first = call.arguments.first, let code = graph.name(first)
    else { return nil }
    guard let state = graph[index].state, let fields = graph.sequence(state), fields.count > 1,
      graph.name(fields[1]) == ">"
    else { return code }
    return ">" + code
  }

  /// The bytes of an array: in place, or written as text in Latin-1 (`_codecs.encode`), which is
  /// how protocol 2 keeps bytes.
  private mutating func bytes(
    _ index: Index
  ) throws(CheckpointError) -> (storage: ByteStorage, part: Range<Int>)? {
    switch graph[index].content {
    case .bytes(let part), .rawText(let part): return (graph.storage, part)
    case .call:
      guard let call = graph.call(index) else { return nil }
      // Protocol 2 has no other way to write no bytes at all.
      if ["__builtin__.bytes", "builtins.bytes"].contains(call.name), call.arguments.isEmpty {
        return (graph.storage, 0..<0)
      }
      guard call.name == "_codecs.encode", call.arguments.count == 2,
        ["latin1", "latin-1"].contains(graph.name(call.arguments[1])),
        case .text(let part) = graph[call.arguments[0]].content
      else { return nil }
      try spend(part.count, index)
      guard let text = graph.storage.text(in: part) else {
        throw malformed(index, "an array")
      }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(part.count)
      for scalar in text.unicodeScalars {
        guard let byte = UInt8(exactly: scalar.value) else { throw malformed(index, "an array") }
        bytes.append(byte)
      }
      return (ByteStorage(copying: bytes), 0..<bytes.count)
    default: return nil
    }
  }

  private mutating func spend(_ byteCount: Int, _ index: Index) throws(CheckpointError) {
    copiedByteCount += byteCount
    let limit = CheckpointLimits.copiedByteCount(ofFile: graph.storage.count)
    guard copiedByteCount <= limit else {
      throw CheckpointError(
        .limitExceeded(
          what: "the number of bytes to be copied", value: UInt64(copiedByteCount), limit: limit),
        byteOffset: graph[index].byteOffset)
    }
  }

  /// `scalar(dtype, bytes)`.
  mutating func scalar(
    _ arguments: [Index]
  ) throws(CheckpointError) -> PickleValue? {
    guard arguments.count == 2, let code = elementTypeCode(arguments[0]),
      let type = NumPyElementType(code), let bytes = try bytes(arguments[1]),
      bytes.part.count == type.elementType.byteCount
    else { return nil }
    var bits: UInt64 = 0
    for offset in type.isBigEndian ? Array(bytes.part) : bytes.part.reversed() {
      bits = bits << 8 | UInt64(bytes.storage.byte(at: offset))
    }
    switch type.elementType {
    case .bool: return .boolean(bits != 0)
    case .int8: return .integer(Int(Int8(truncatingIfNeeded: bits)))
    case .int16: return .integer(Int(Int16(truncatingIfNeeded: bits)))
    case .int32: return .integer(Int(Int32(truncatingIfNeeded: bits)))
    case .int64: return .integer(Int(Int64(bitPattern: bits)))
    case .uint8, .uint16, .uint32: return .integer(Int(bits))
    case .uint64: return Int(exactly: bits).map { .integer($0) } ?? .number(Double(bits))
    case .float32: return .number(Double(Float(bitPattern: UInt32(bits))))
    case .float64: return .number(Double(bitPattern: bits))
    case .float16:
      let storage = ByteStorage(copying: [UInt8(bits & 0xFF), UInt8(bits >> 8)])
      let half = StoredTensor(
        elementType: .float16, shape: [], storage: storage, byteOffset: 0)
      return half.map { .number(Double($0.float32Values()[0])) }
    default: return nil
    }
  }
}
