import Tensors

/// The safetensors format: an 8-byte little-endian length, a JSON header of that length, and the
/// tensors' bytes, row-major and little-endian, without gaps.
///
/// Source: the format section of the README of huggingface/safetensors, and its Rust reader.
enum Safetensors {
  /// The name of the header's member that holds words and no tensor.
  static let metadataKey = "__metadata__"

  /// The bytes before the header: its length.
  static let lengthByteCount = 8

  /// The element types by the header's names.
  ///
  /// Types without a whole number of bytes, and complex numbers, are not among them.
  static let elementTypes: [String: ElementType] = [
    "BOOL": .bool, "I8": .int8, "I16": .int16, "I32": .int32, "I64": .int64, "U8": .uint8,
    "U16": .uint16, "U32": .uint32, "U64": .uint64, "F16": .float16, "F32": .float32,
    "F64": .float64, "BF16": .bfloat16, "F8_E4M3": .float8e4m3fn, "F8_E5M2": .float8e5m2,
    "F8_E4M3FNUZ": .float8e4m3fnuz, "F8_E5M2FNUZ": .float8e5m2fnuz, "F8_E8M0": .float8e8m0fnu,
  ]

  /// Reads a file's bytes; the tensors are views of them.
  ///
  /// The header is refused where it is longer than 100 MB or than the file, is not strict JSON of
  /// the expected members, or names a tensor twice; the tensors where their bytes do not follow
  /// from type and shape, overlap, leave a gap or end before the file does. As in the reference,
  /// their alignment is not prescribed.
  static func read(_ storage: ByteStorage) throws(CheckpointError) -> StateDictionary {
    var reader = ByteReader(storage)
    let length = try reader.read(UInt64.self, "the header's length")
    let limit = CheckpointLimits.safetensorsHeaderByteCount
    guard length <= UInt64(limit) else {
      throw CheckpointError(
        .limitExceeded(what: "the header's length", value: length, limit: limit), byteOffset: 0)
    }
    let header = try reader.readPart(length, "the header")
    var parser = SafetensorsHeaderParser(storage: storage, part: header)
    let parsed = try parser.parse()
    return try assemble(parsed, storage: storage, dataStart: header.upperBound)
  }

  private static func assemble(
    _ header: SafetensorsHeader, storage: ByteStorage, dataStart: Int
  ) throws(CheckpointError) -> StateDictionary {
    // In the order of their bytes, each tensor must start where the one before it ended.
    let order = header.tensors.indices.sorted {
      (header.tensors[$0].begin, header.tensors[$0].end, $0)
        < (header.tensors[$1].begin, header.tensors[$1].end, $1)
    }
    let dataCount = UInt64(storage.count - dataStart)
    var dictionary = StateDictionary(metadata: header.metadata)
    var position: UInt64 = 0
    for index in order {
      let entry = header.tensors[index]
      func failure(_ reason: CheckpointError.Reason) -> CheckpointError {
        CheckpointError(reason, byteOffset: entry.byteOffset, tensorName: entry.name)
      }
      guard entry.begin <= entry.end else {
        throw failure(.malformed("data_offsets end before they begin"))
      }
      guard entry.begin >= position else { throw failure(.overlap) }
      guard entry.begin == position else {
        throw failure(.unusedBytes(count: Int(clamping: entry.begin - position)))
      }
      guard entry.end <= dataCount else {
        throw failure(
          .truncated(
            what: "the tensor", needed: entry.end - entry.begin,
            available: Int(dataCount - position)))
      }
      guard let shape = Shape(checking: entry.shape) else {
        throw failure(.invalidShape(entry.shape))
      }
      let (needed, overflow) = shape.count.multipliedReportingOverflow(
        by: entry.elementType.byteCount)
      guard !overflow else { throw failure(.invalidShape(entry.shape)) }
      guard UInt64(needed) == entry.end - entry.begin else {
        throw failure(.sizeMismatch(needed: needed, found: Int(entry.end - entry.begin)))
      }
      guard
        let tensor = StoredTensor(
          elementType: entry.elementType, shape: shape, storage: storage,
          byteOffset: dataStart + Int(entry.begin))
      else { throw failure(.outsideStorage) }
      dictionary[entry.name] = tensor
      position = entry.end
    }
    guard position == dataCount else {
      throw CheckpointError(
        .unusedBytes(count: Int(dataCount - position)), byteOffset: dataStart + Int(position))
    }
    return dictionary
  }
}

/// What a safetensors header says, before it is held against the file.
struct SafetensorsHeader {
  /// One tensor.
  struct Entry {
    let name: String
    /// Where the header names it.
    let byteOffset: Int
    let elementType: ElementType
    let shape: [Int]
    /// The tensor's bytes, counted from the end of the header.
    let begin, end: UInt64
  }

  var metadata: [String: String] = [:]
  var tensors: [Entry] = []
}
