import Tensors

/// What a persistent identity in a PyTorch pickle says of a storage:
/// `('storage', class, key, location, count[, view])`.
struct PyTorchStorageReference {
  /// The part of a storage that an old file calls a storage of its own: offset and count.
  struct View {
    let offset, count: Int
  }

  let key: String
  let type: PyTorchStorageType
  /// The number of elements.
  let count: Int
  let view: View?

  /// Reads a persistent node; `nil` where it is none, or one of another kind.
  init?(_ graph: PickleGraph, _ index: PickleGraph.Index) {
    guard case .persistent = graph[index].content, let identity = graph[index].elements.first,
      let fields = graph.sequence(identity), fields.count == 5 || fields.count == 6,
      graph.name(fields[0]) == "storage", let className = graph.global(fields[1]),
      let type = PyTorchStorageType(className), let key = graph.name(fields[2]),
      let count = graph.integer(fields[4]), count >= 0
    else { return nil }
    var view: View?
    if fields.count == 6, let parts = graph.sequence(fields[5]) {
      guard parts.count == 3, let offset = graph.integer(parts[1]),
        let viewCount = graph.integer(parts[2]), offset >= 0, viewCount >= 0, offset <= count,
        viewCount <= count - offset
      else { return nil }
      view = View(offset: offset, count: viewCount)
    }
    self.key = key
    self.type = type
    self.count = count
    self.view = view
  }
}

/// The classes of storages, as `torch.FloatStorage` or `torch.cuda.FloatStorage`.
struct PyTorchStorageType {
  /// The class without its module.
  let name: String
  let elementByteCount: Int
  /// `nil` for elements that are not read, and for bytes without a type.
  let elementType: ElementType?

  /// Whether the tensors themselves say what the elements are.
  var isUntyped: Bool { name == "UntypedStorage" }

  /// `nil` where the class is unknown.
  init?(_ className: String) {
    guard let dot = className.lastIndex(of: ".") else { return nil }
    guard ["torch", "torch.cuda", "torch.storage"].contains(className[..<dot]) else { return nil }
    let name = String(className[className.index(after: dot)...])
    let elementType: ElementType?
    let byteCount: Int
    switch name {
    case "FloatStorage": (elementType, byteCount) = (.float32, 4)
    case "DoubleStorage": (elementType, byteCount) = (.float64, 8)
    case "HalfStorage": (elementType, byteCount) = (.float16, 2)
    case "BFloat16Storage": (elementType, byteCount) = (.bfloat16, 2)
    case "LongStorage": (elementType, byteCount) = (.int64, 8)
    case "IntStorage": (elementType, byteCount) = (.int32, 4)
    case "ShortStorage": (elementType, byteCount) = (.int16, 2)
    case "CharStorage": (elementType, byteCount) = (.int8, 1)
    case "ByteStorage": (elementType, byteCount) = (.uint8, 1)
    case "BoolStorage": (elementType, byteCount) = (.bool, 1)
    case "UntypedStorage": (elementType, byteCount) = (nil, 1)
    case "ComplexFloatStorage": (elementType, byteCount) = (nil, 8)
    case "ComplexDoubleStorage": (elementType, byteCount) = (nil, 16)
    case "QInt8Storage", "QUInt8Storage", "QUInt4x2Storage", "QUInt2x4Storage":
      (elementType, byteCount) = (nil, 1)
    case "QInt32Storage": (elementType, byteCount) = (nil, 4)
    default: return nil
    }
    self.name = name
    self.elementByteCount = byteCount
    self.elementType = elementType
  }

  /// The element type of a `torch.dtype`, for tensors on untyped storages.
  static func elementType(ofDtype name: String) -> ElementType? {
    switch name {
    case "torch.float32": .float32
    case "torch.float64": .float64
    case "torch.float16": .float16
    case "torch.bfloat16": .bfloat16
    case "torch.int64": .int64
    case "torch.int32": .int32
    case "torch.int16": .int16
    case "torch.int8": .int8
    case "torch.uint64": .uint64
    case "torch.uint32": .uint32
    case "torch.uint16": .uint16
    case "torch.uint8": .uint8
    case "torch.bool": .bool
    case "torch.float8_e4m3fn": .float8e4m3fn
    case "torch.float8_e4m3fnuz": .float8e4m3fnuz
    case "torch.float8_e5m2": .float8e5m2
    case "torch.float8_e5m2fnuz": .float8e5m2fnuz
    case "torch.float8_e8m0fnu": .float8e8m0fnu
    default: nil
    }
  }
}

/// The storages of one file by their keys, each found once and shared by all its tensors.
protocol PyTorchStorageSource {
  /// The bytes of a storage, little-endian, and where in them it lies.
  mutating func storage(
    _ reference: PyTorchStorageReference
  ) throws(CheckpointError) -> (storage: ByteStorage, part: Range<Int>)
}
