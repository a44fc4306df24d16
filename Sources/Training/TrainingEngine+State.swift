internal import Checkpoints
internal import Compute
internal import Families
internal import FasterRCNN
internal import Tensors

extension TrainingEngine {
  private static let iterationKey = "iteration"

  /// All that a training needs to go on.
  func state() -> StateDictionary {
    var state = StateDictionary(metadata: ["format": "frcnn-training"])
    let bytes = unsafe withUnsafeBytes(of: Int64(iteration).littleEndian) { unsafe [UInt8]($0) }
    state[Self.iterationKey] = StoredTensor(
      elementType: .int64, shape: [1], storage: ByteStorage(copying: bytes), byteOffset: 0)
    for parameter in store.parameters + store.statistics {
      state["parameter." + parameter.name] = parameter.stored
    }
    for (index, parameter) in descent.parameters.enumerated() {
      state["momentum." + parameter.name] = descent.withMomentum(of: index) {
        StoredTensor(copying: $0.span, shape: parameter.shape)
      }
    }
    for (index, parameter) in (average?.parameters ?? []).enumerated() {
      state["average." + parameter.name] = average?.withAverage(of: index) {
        StoredTensor(copying: $0.span, shape: parameter.shape)
      }
    }
    return state
  }

  /// Goes on from a state; nothing changes unless all of it fits.
  func restore(_ state: StateDictionary) throws(TrainingError) {
    func tensor(_ name: String, _ shape: Shape) throws(TrainingError) -> StoredTensor {
      guard let tensor = state[name] else { throw .state("it has no \"\(name)\"") }
      guard tensor.shape == shape else {
        throw .state("\"\(name)\" has shape \(tensor.shape), and the model needs \(shape)")
      }
      return tensor
    }
    guard let count = state[Self.iterationKey], count.elementType == .int64, count.shape == [1],
      count.isContiguous
    else { throw .state("it has no \"\(Self.iterationKey)\"") }
    var number: Int64 = 0
    unsafe withUnsafeMutableBytes(of: &number) { target in
      for (index, byte) in count.contiguousBytes(as: .int64).prefix(8).enumerated() {
        unsafe target[index] = byte
      }
    }
    let restored = Int64(littleEndian: number)
    guard restored >= 0 else { throw .state("it counts \(restored) steps") }
    var wanted: [(name: String, shape: Shape)] = []
    for parameter in store.parameters + store.statistics {
      wanted.append(("parameter." + parameter.name, parameter.shape))
    }
    for parameter in descent.parameters {
      wanted.append(("momentum." + parameter.name, parameter.shape))
    }
    for parameter in average?.parameters ?? [] {
      wanted.append(("average." + parameter.name, parameter.shape))
    }
    for (name, shape) in wanted { _ = try tensor(name, shape) }
    for parameter in store.parameters + store.statistics {
      let stored = try tensor("parameter." + parameter.name, parameter.shape)
      parameter.update { values, _ in stored.copy(into: &values) }
    }
    for (index, parameter) in descent.parameters.enumerated() {
      let stored = try tensor("momentum." + parameter.name, parameter.shape)
      descent.withMomentum(of: index) { stored.copy(into: &$0) }
    }
    for (index, parameter) in (average?.parameters ?? []).enumerated() {
      let stored = try tensor("average." + parameter.name, parameter.shape)
      average?.withAverage(of: index) { stored.copy(into: &$0) }
    }
    iteration = Int(restored)
  }

  /// The model as a file of its family.
  func model(averaged: Bool) -> StateDictionary {
    var learnt: [String: StoredTensor] = [:]
    if averaged, let average {
      for (index, parameter) in average.parameters.enumerated() {
        learnt[parameter.name] = average.withAverage(of: index) {
          StoredTensor(copying: $0.span, shape: parameter.shape)
        }
      }
    } else {
      for parameter in store.parameters + store.statistics {
        learnt[parameter.name] = parameter.stored
      }
    }
    var result = StateDictionary(
      metadata: ["format": "pt", Model.settingsMetadataKey: blueprint.card.json()])
    for name in names {
      result[blueprint.family.fileName(ofTensor: name)] = learnt[name] ?? untrained[name]
    }
    return result
  }
}

extension Parameter {
  /// A copy of the numbers.
  fileprivate var stored: StoredTensor {
    read { StoredTensor(copying: $0, shape: shape) }
  }
}

extension StoredTensor {
  /// A copy of numbers that fill a shape.
  fileprivate init(copying values: Span<Float>, shape: Shape) {
    let bytes = unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
    guard
      let tensor = StoredTensor(
        elementType: .float32, shape: shape, storage: ByteStorage(copying: bytes), byteOffset: 0)
    else { preconditionFailure("\(bytes.count) bytes do not hold \(shape)") }
    self = tensor
  }

  /// Copies the numbers.
  fileprivate func copy(into values: inout MutableSpan<Float>) {
    unsafe values.withUnsafeMutableBufferPointer { unsafe writeFloat32(into: $0) }
  }
}
