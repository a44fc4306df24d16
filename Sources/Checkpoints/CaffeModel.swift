import Tensors

/// Caffe's protocol buffer of a trained network: `NetParameter` with the layers' names and blobs.
///
/// Layers stand in field 100 (`LayerParameter`) or, in files from before 2014, in field 2
/// (`V1LayerParameter`). The first blob of a layer becomes `NAME.weight`, the second `NAME.bias`, further
/// ones `NAME.blob2` and so on; layers without blobs are passed over.
///
/// Source: caffe/src/caffe/proto/caffe.proto.
enum CaffeModel {
  /// The numbers of the fields of a layer, which differ between the two kinds.
  private struct LayerFields {
    let name, blobs: UInt64
  }

  private static let layers: [UInt64: LayerFields] = [
    100: LayerFields(name: 1, blobs: 7), 2: LayerFields(name: 4, blobs: 6),
  ]

  /// Whether bytes look like such a file: all of them are fields of a message, and some are layers.
  ///
  /// Only tags and lengths are read.
  static func recognises(_ storage: ByteStorage) -> Bool {
    var reader = ProtobufReader(storage, 0..<storage.count)
    var layerCount = 0
    var fieldCount = 0
    do throws(CheckpointError) {
      while let field = try reader.next() {
        fieldCount += 1
        guard fieldCount <= CheckpointLimits.tensorCount else { return false }
        if case .part = field.value, layers[field.number] != nil { layerCount += 1 }
      }
    } catch {
      // A file that was cut short still begins like one.
      return layerCount > 0
    }
    return layerCount > 0
  }

  /// Reads the blobs; they are views of the file where it holds their floats side by side.
  static func read(_ storage: ByteStorage) throws(CheckpointError) -> StateDictionary {
    var dictionary = StateDictionary()
    var budget = Budget(fileByteCount: storage.count)
    var reader = ProtobufReader(storage, 0..<storage.count)
    while let field = try reader.next() {
      guard let fields = layers[field.number], case .part(let part) = field.value else { continue }
      try readLayer(storage, part, fields, into: &dictionary, &budget)
    }
    return dictionary
  }

  private static func readLayer(
    _ storage: ByteStorage, _ part: Range<Int>, _ fields: LayerFields,
    into dictionary: inout StateDictionary, _ budget: inout Budget
  ) throws(CheckpointError) {
    var name: String?
    var blobs: [Range<Int>] = []
    var reader = ProtobufReader(storage, part)
    while let field = try reader.next() {
      guard case .part(let value) = field.value else { continue }
      if field.number == fields.name {
        guard value.count <= CheckpointLimits.pickleNameByteCount,
          let text = storage.text(in: value)
        else {
          throw CheckpointError(
            .malformed("a layer is not named by a short text"), byteOffset: field.byteOffset)
        }
        name = text
      } else if field.number == fields.blobs {
        try budget.add(tensor: field.byteOffset)
        blobs.append(value)
      }
    }
    guard !blobs.isEmpty else { return }
    guard let name else {
      throw CheckpointError(
        .malformed("a layer with weights has no name"), byteOffset: part.lowerBound)
    }
    for (index, blob) in blobs.enumerated() {
      let suffix = index == 0 ? "weight" : index == 1 ? "bias" : "blob\(index)"
      let tensorName = "\(name).\(suffix)"
      guard dictionary[tensorName] == nil else {
        throw CheckpointError(
          .duplicateName, byteOffset: blob.lowerBound, tensorName: tensorName)
      }
      do throws(CheckpointError) {
        dictionary[tensorName] = try readBlob(storage, blob, &budget)
      } catch {
        throw error.naming(tensorName).at(blob.lowerBound)
      }
    }
  }

  /// `BlobProto`: four extents (fields 1 to 4) or a shape (7), and floats (5), packed or one a field.
  private static func readBlob(
    _ storage: ByteStorage, _ part: Range<Int>, _ budget: inout Budget
  ) throws(CheckpointError) -> StoredTensor {
    var legacy: [UInt64] = [0, 0, 0, 0]
    var isLegacy = false
    var extents: [UInt64]?
    var packed: [Range<Int>] = []
    var single: [UInt8] = []
    var reader = ProtobufReader(storage, part)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1...4, .integer(let extent)):
        legacy[Int(field.number) - 1] = extent
        isLegacy = true
      case (5, .part(let floats)): packed.append(floats)
      case (5, .fixed32(let bits)):
        single.append(contentsOf: withBytes(bits))
      case (7, .part(let shape)): extents = try readShape(storage, shape)
      case (8, _), (9, _):
        throw CheckpointError(
          .unsupportedElementType("double"), byteOffset: field.byteOffset)
      default: break
      }
    }
    let dimensions = (extents ?? (isLegacy ? legacy : [])).map { Int(clamping: $0) }
    guard let shape = Shape(checking: dimensions) else { throw failure(.invalidShape(dimensions)) }
    let elements: ByteStorage
    let place: Range<Int>
    if packed.count == 1, single.isEmpty {
      (elements, place) = (storage, packed[0])
    } else {
      // Each float has a tag of its own, or they come in several runs: copied, at most the file's size.
      for run in packed { single += storage.bytes(in: run) }
      try budget.copy(single.count)
      (elements, place) = (ByteStorage(copying: single), 0..<single.count)
    }
    let (needed, overflow) = shape.count.multipliedReportingOverflow(by: 4)
    guard !overflow, needed == place.count else {
      throw failure(.sizeMismatch(needed: overflow ? .max : needed, found: place.count))
    }
    guard
      let tensor = StoredTensor(
        elementType: .float32, shape: shape, storage: elements, byteOffset: place.lowerBound)
    else { throw failure(.outsideStorage) }
    return tensor
  }

  private static func withBytes(_ bits: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
  }

  private static func failure(_ reason: CheckpointError.Reason) -> CheckpointError {
    CheckpointError(reason)
  }

  /// `BlobShape`: extents in field 1, packed or one a field.
  private static func readShape(
    _ storage: ByteStorage, _ part: Range<Int>
  ) throws(CheckpointError) -> [UInt64] {
    var extents: [UInt64] = []
    var reader = ProtobufReader(storage, part)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .integer(let extent)): extents.append(extent)
      case (1, .part(let packed)):
        extents += try ProtobufReader.integers(storage, packed, atMost: CheckpointLimits.rank)
      default: break
      }
      guard extents.count <= CheckpointLimits.rank else {
        throw CheckpointError(
          .limitExceeded(
            what: "the number of axes", value: UInt64(extents.count),
            limit: CheckpointLimits.rank), byteOffset: part.lowerBound)
      }
    }
    return extents
  }

  /// What one file may ask for.
  private struct Budget {
    let fileByteCount: Int
    private var tensorCount = 0
    private var copiedByteCount = 0

    init(fileByteCount: Int) { self.fileByteCount = fileByteCount }

    mutating func add(tensor byteOffset: Int) throws(CheckpointError) {
      tensorCount += 1
      guard tensorCount <= CheckpointLimits.tensorCount else {
        throw CheckpointError(
          .limitExceeded(
            what: "the number of tensors", value: UInt64(tensorCount),
            limit: CheckpointLimits.tensorCount), byteOffset: byteOffset)
      }
    }

    mutating func copy(_ byteCount: Int) throws(CheckpointError) {
      copiedByteCount += byteCount
      let limit = CheckpointLimits.copiedByteCount(ofFile: fileByteCount)
      guard copiedByteCount <= limit else {
        throw CheckpointError(
          .limitExceeded(
            what: "the number of bytes to be copied", value: UInt64(copiedByteCount),
            limit: limit))
      }
    }
  }
}
