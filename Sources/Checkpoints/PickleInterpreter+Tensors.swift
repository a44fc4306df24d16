import Tensors

extension PickleInterpreter {
  /// Whether a value is a tensor or an array by its name; it may still prove unreadable.
  func isTensor(_ index: Index) -> Bool {
    guard let name = graph.call(index)?.name else { return false }
    return Self.rebuilders[name] != nil || Self.arrayMakers.contains(name)
  }

  /// A value as a tensor; `nil` where it is something else.
  mutating func tensor(_ index: Index) throws(CheckpointError) -> StoredTensor? {
    // Parameters wrap tensors; each step follows one wrapper, and real files have at most two.
    var index = index
    for _ in 0..<4 {
      guard let call = graph.call(index) else { return nil }
      if Self.arrayMakers.contains(call.name) { return try array(index, call.arguments) }
      switch Self.rebuilders[call.name] {
      case nil: return nil
      case .tensor: return try rebuild(index, call.arguments, isTyped: true)
      case .tensorWithDtype: return try rebuild(index, call.arguments, isTyped: false)
      case .wrapper:
        guard let inner = call.arguments.first else { throw malformed(index, "a parameter") }
        index = inner
      case .typed:
        // `_rebuild_from_type_v2(function, type, arguments, state)`: the call within the call.
        guard call.arguments.count >= 3, let name = graph.global(call.arguments[0]),
          let arguments = graph.sequence(call.arguments[2])
        else { throw malformed(index, "a tensor with a type") }
        switch Self.rebuilders[name] {
        case .tensor: return try rebuild(index, arguments, isTyped: true)
        case .tensorWithDtype: return try rebuild(index, arguments, isTyped: false)
        case .wrapper:
          guard let inner = arguments.first else { throw malformed(index, "a parameter") }
          index = inner
        default: return nil
        }
      }
    }
    throw malformed(index, "a parameter")
  }

  private enum Rebuilder {
    case tensor, tensorWithDtype, wrapper, typed
  }

  /// Source: torch/_utils.py and torch/_tensor.py.
  private static let rebuilders: [String: Rebuilder] = [
    "torch._utils._rebuild_tensor": .tensor,
    "torch._utils._rebuild_tensor_v2": .tensor,
    "torch._utils._rebuild_tensor_v3": .tensorWithDtype,
    "torch._utils._rebuild_parameter": .wrapper,
    "torch._utils._rebuild_parameter_with_state": .wrapper,
    "torch.nn.parameter.Parameter": .wrapper,
    "torch.nn.parameter.Buffer": .wrapper,
    "torch._tensor._rebuild_from_type_v2": .typed,
  ]

  /// `(storage, offset, size, stride, ...)`; the third version adds a dtype as the seventh.
  private mutating func rebuild(
    _ index: Index, _ arguments: [Index], isTyped: Bool
  ) throws(CheckpointError) -> StoredTensor {
    func failure(_ reason: CheckpointError.Reason) -> CheckpointError {
      CheckpointError(reason, byteOffset: graph[index].byteOffset)
    }
    guard arguments.count >= 4, let offset = graph.integer(arguments[1]),
      let size = graph.integers(arguments[2]), let strides = graph.integers(arguments[3])
    else { throw malformed(index, "a tensor") }
    if graph.call(arguments[0])?.name == "torch.storage._load_from_bytes" {
      throw failure(
        .unsupported(
          "the tensors were written by pickle.dump",
          remedy: "save the state dictionary with torch.save"))
    }
    guard let reference = PyTorchStorageReference(graph, arguments[0]) else {
      throw failure(.unsupportedElementType("an unknown storage"))
    }
    var elementType = reference.type.elementType
    if !isTyped, arguments.count >= 7, let name = graph.global(arguments[6]) {
      elementType = PyTorchStorageType.elementType(ofDtype: name)
      guard elementType != nil else { throw failure(.unsupportedElementType(name)) }
    }
    guard let elementType else {
      throw failure(.unsupportedElementType(reference.type.name))
    }
    guard let shape = Shape(checking: size), strides.count == size.count else {
      throw failure(.invalidShape(size))
    }
    guard var found = try source?.storage(reference) else {
      throw failure(.malformed("the file has no storages"))
    }
    let width = reference.type.elementByteCount
    if let view = reference.view {
      // `PyTorchStorageReference` checked the view against the count, the source that the part
      // holds so many elements.
      let start = found.part.lowerBound + view.offset * width
      found.part = start..<start + view.count * width
    }
    // Offsets count in the tensor's elements. Both ends of the storage are checked: the tensor must
    // not reach into what follows its storage in the file.
    let (place, overflow) = offset.multipliedReportingOverflow(by: elementType.byteCount)
    guard offset >= 0, !overflow, place <= found.part.count,
      StoredTensor.reach(of: shape, strides: strides).map({
        $0 <= (found.part.count - place) / elementType.byteCount
      }) == true,
      let tensor = StoredTensor(
        elementType: elementType, shape: shape, strides: strides, storage: found.storage,
        byteOffset: found.part.lowerBound + place)
    else { throw failure(.outsideStorage) }
    return tensor
  }

  func malformed(_ index: Index, _ what: String) -> CheckpointError {
    CheckpointError(
      .malformed("\(what) in the pickle has unexpected arguments"),
      byteOffset: graph[index].byteOffset)
  }
}

extension StoredTensor {
  /// The number of elements of storage that a view needs behind its offset; `nil` where strides are
  /// negative or the number overflows.
  fileprivate static func reach(of shape: Shape, strides: [Int]) -> Int? {
    guard shape.count > 0 else { return 0 }
    var reach = 1
    for (dimension, stride) in zip(shape.dimensions, strides) {
      let (step, overflow) = (dimension - 1).multipliedReportingOverflow(by: stride)
      let (sum, sumOverflow) = reach.addingReportingOverflow(step)
      guard stride >= 0, !overflow, !sumOverflow else { return nil }
      reach = sum
    }
    return reach
  }
}
