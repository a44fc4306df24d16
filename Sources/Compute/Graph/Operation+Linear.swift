internal import Tensors

/// A fully connected layer: (N, C, H, W) or (N, C), read in that order, to (N, K).
struct Linear: Operation {
  var inputs: [Network.Value]
  let matrix: LayerWeights
  private var following: Network.Activation

  init(_ input: Network.Value, weights: LayerWeights, activation: Network.Activation) {
    inputs = [input]
    matrix = weights
    following = activation
  }

  var weights: LayerWeights? { matrix }

  var activation: Network.Activation? {
    get { following }
    set { following = newValue ?? .none }
  }

  var bearsLowPrecision: Bool { true }

  var readsSignedBytes: Bool { true }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    let source = inputs[0]
    let count = source.dropFirst().reduce(1, *)
    guard matrix.shape.rank == 2, matrix.shape[1] == count else {
      throw ComputeError(
        operation: name,
        reason: "weights \(matrix.shape) do not fit \(count) inputs (\(Shape(source)))")
    }
    return [source[0], matrix.shape[0]]
  }

  func storage(
    ofInput position: Int, precision: LayerPrecision, result: ValueStorage
  ) -> ValueStorage? {
    // No kernel writes bytes with a zero among them: they are made of floats.
    precision.inputStorage.zero == 0 ? precision.inputStorage : .float32
  }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    let precision = lowering.choice.precisions[layer.index]
    if precision == .float32 {
      try lowerProduct(layer, in: &lowering)
      return
    }
    let (source, output) = (lowering.extents(of: inputs[0]), lowering.extents(of: layer.result))
    let storage = lowering.choice.results[layer.index]
    // A map is read as it lies, so the weights get its axes: (K, C·H·W) is (K, C, H, W). Bytes are
    // always read as a map, if need be of one cell: oneDNN's kernel for matrices of bytes is ten
    // times slower than the one for maps.
    var map = source
    if case .int8 = precision, source.count == 2 { map += [1, 1] }
    let descriptor = try lowering.kernels.innerProduct(
      self, source: map, output: output, precision: precision, result: storage, name: layer.name)
    var input = try lowering.memory(
      of: inputs[0], kept: precision.inputStorage,
      as: map.count == source.count
        ? descriptor.sourceLayout
        : .rowMajor(Shape(source)).retyped(precision.inputStorage.elementType),
      name: layer.name)
    if map.count != source.count {
      input = try lowering.view(of: input, as: descriptor.sourceLayout)
    }
    let destination = try Memory(descriptor.destinationLayout)
    let constants = try lowering.constants(
      matrix, layout: descriptor.weightsLayout, dimensions: [output[1]] + map.dropFirst(),
      precision: precision, result: storage, name: layer.name)
    try lowering.addStep(
      descriptor, name: layer.name, precision: precision,
      operationCount: 2 * output[0] * matrix.shape.count, reading: constants + [(.source, input)],
      writing: destination)
    lowering.set(destination, of: layer.result, kept: storage)
  }

  /// In float32 it is a product of matrices: on 300 rows of VGG16's fc6 that took 263 ms where oneDNN's
  /// kernels for inner products took 367 and 460.
  private func lowerProduct(_ layer: LoweredLayer, in lowering: inout Lowering)
    throws(ComputeError)
  {
    let source = lowering.extents(of: inputs[0])
    let matrixLayout = try TensorLayout.rowMajor([source[0], matrix.shape[1]])
    let descriptor = try lowering.kernels.product(self, rows: source[0], name: layer.name)
    // A map is read as the checkpoint's columns have it: channels, rows, columns.
    var input = try lowering.memory(
      of: inputs[0], kept: .float32, as: TensorLayout.rowMajor(Shape(source)), name: layer.name)
    if source.count != 2 { input = try lowering.view(of: input, as: matrixLayout) }
    let destination = try Memory(descriptor.destinationLayout)
    let constants = try lowering.constants(
      matrix, layout: descriptor.weightsLayout, dimensions: matrix.shape.dimensions,
      outputsLast: true, name: layer.name)
    try lowering.addStep(
      descriptor, name: layer.name, operationCount: 2 * source[0] * matrix.shape.count,
      reading: constants + [(.source, input)], writing: destination)
    lowering.set(destination, of: layer.result)
  }
}

extension Network {
  /// Adds a fully connected layer: (N, C, H, W) or (N, C), read in that order, to (N, K).
  public mutating func linear(
    _ input: Value, weights: LayerWeights, activation: Activation = .none, name: String
  ) -> Value {
    append(
      Linear(input, weights: weights, activation: activation), channels: weights.shape[0],
      name: name)
  }
}
