internal import Tensors

/// Asks oneDNN for the kernels of layers with weights, in the layouts that suit their neighbours.
struct DirectKernels {
  let options: PlanOptions

  /// The best direct kernel for a convolution.
  func convolution(
    _ convolution: Convolution, _ geometry: ConvolutionGeometry, precision: LayerPrecision,
    result: ValueStorage, addendScale: Float = 1, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let weights = convolution.convolutionWeights
    let attributes = Attributes(
      activation: convolution.activation ?? .none,
      addendScale: convolution.addend == nil ? nil : addendScale,
      scales: try precision.outputScales(weights, to: result, name: name))
    let dimensions = convolution.weightExtents
    func descriptor(
      _ source: TensorLayout, _ destination: TensorLayout, type: ElementType = .float32
    ) throws(ComputeError) -> PrimitiveDescriptor {
      try self.descriptor(for: weights, dimensions: dimensions, type: type) {
        (wanted) throws(ComputeError) in
        try .convolution(
          source, weights: wanted, destination, geometry, attributes: attributes, name: name)
      }
    }
    let (anySource, anyDestination) = (
      try TensorLayout.any(geometry.input), try TensorLayout.any(geometry.output)
    )
    switch precision {
    case .float32: break
    case .bfloat16:
      return try descriptor(
        .any(geometry.input, elementType: .bfloat16),
        .any(geometry.output, elementType: result.elementType), type: .bfloat16)
    case .int8:
      // Channels innermost: oneDNN has its fastest kernels, and pooling of bytes, for that alone.
      return try descriptor(
        .channelsLast(geometry.input, .uint8),
        .channelsLast(geometry.output, result.elementType), type: .int8)
    }
    // Between Winograd's kernels, which know one order of channels, the direct ones take it too where
    // they can: nothing has to be reordered.
    if options.usesWinograd, let lanes = Engine.winogradLanes, geometry.output[1] % lanes == 0 {
      let source =
        geometry.input[1] % lanes == 0
        ? try TensorLayout.channelBlocked(Shape(geometry.input), block: lanes) : anySource
      let destination = try TensorLayout.channelBlocked(Shape(geometry.output), block: lanes)
      if let blocked = try? descriptor(source, destination), !blocked.isReference {
        return blocked
      }
    }
    return try descriptor(anySource, anyDestination)
  }

  /// oneDNN's kernel for a fully connected layer in bf16 or int8, which reads maps as they lie.
  func innerProduct(
    _ linear: Linear, source: [Int], output: [Int], precision: LayerPrecision,
    result: ValueStorage, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let attributes = Attributes(
      activation: linear.activation ?? .none,
      scales: try precision.outputScales(linear.matrix, to: result, name: name))
    let wantedSource: TensorLayout =
      switch precision {
      case .float32, .bfloat16: try .any(source, elementType: .bfloat16)
      case .int8: try .channelsLast(source, .uint8)
      }
    let destination = try TensorLayout(
      shape: output, elementType: result.elementType, order: .plain)
    return try descriptor(
      for: linear.matrix, dimensions: [output[1]] + source.dropFirst(), type: precision.weightType
    ) { (wanted) throws(ComputeError) in
      try .innerProduct(
        wantedSource, weights: wanted, destination, attributes: attributes, name: name)
    }
  }

  /// oneDNN's product of matrices for a fully connected layer in float32.
  func product(
    _ linear: Linear, rows: Int, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let (outputs, inputs) = (linear.matrix.shape[0], linear.matrix.shape[1])
    let attributes = Attributes(activation: linear.activation ?? .none)
    return try descriptor(for: linear.matrix, dimensions: [inputs, outputs]) {
      (wanted) throws(ComputeError) in
      try .matrixProduct(
        .rowMajor([rows, inputs]), weights: wanted, .rowMajor([rows, outputs]),
        attributes: attributes, name: name)
    }
  }

  /// The kernel for a layer with weights: the best one, in a layout that the weights already have
  /// where the same kernel takes it.
  ///
  /// Kernels ask for slightly different layouts at different sizes; another layout is another copy
  /// of the weights, which for fc6 of VGG16 is 411 MB.
  private func descriptor(
    for weights: LayerWeights, dimensions: [Int], type: ElementType = .float32,
    make: (TensorLayout) throws(ComputeError) -> PrimitiveDescriptor
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let best = try make(.any(dimensions, elementType: type))
    let kept = weights.preparedLayouts.filter { $0.elementType == type }
    if kept.isEmpty || kept.contains(best.weightsLayout) { return best }
    for layout in kept {
      if let other = try? make(layout), other.kernelName == best.kernelName { return other }
    }
    return best
  }
}
