internal import CConvolutionKernels
internal import Tensors

// The gradient of a 3x3 convolution's source is a 3x3 convolution itself, of the results' gradient with
// weights that are turned by half a turn and whose inputs and outputs change places. That of its weights is
// summed up in the transformed tiles.

extension TrainingLowering {
  /// The kernel of a convolution that is faster by Winograd's algorithm; `nil` for others.
  func winogradKernel(
    _ convolution: Convolution, _ geometry: ConvolutionGeometry, _ activation: Network.Activation
  ) -> WinogradKernel? {
    guard let lanes, activation.bounds != nil,
      Self.isWorthTransforms(convolution, geometry, lanes: lanes)
    else { return nil }
    return WinogradKernel(geometry, activation, pooledTo: nil)
  }

  /// The same for the gradient of the convolution's source.
  func winogradGradientKernel(
    _ convolution: Convolution, _ geometry: ConvolutionGeometry
  ) -> WinogradKernel? {
    guard let lanes, Self.isWorthTransforms(convolution, geometry, lanes: lanes),
      geometry.leading == [1, 1], geometry.trailing == [1, 1]
    else { return nil }
    var turned = geometry
    (turned.input, turned.output) = (geometry.output, geometry.input)
    return WinogradKernel(turned, .none, pooledTo: nil)
  }

  /// Whether a layer has 3x3 windows of stride 1 and whole blocks of channels; already 16 channels take half of
  /// the direct kernel's time on a map as large as a picture.
  private static func isWorthTransforms(
    _ convolution: Convolution, _ geometry: ConvolutionGeometry, lanes: Int
  ) -> Bool {
    let shape = convolution.convolutionWeights.shape
    return convolution.kernel == [3, 3] && geometry.strides == [1, 1]
      && geometry.dilations == [1, 1] && convolution.groups == 1 && shape[0] % lanes == 0
      && shape[1] % lanes == 0 && shape[0] >= 16 && shape[1] >= 16
  }

  /// The same for the gradient of the convolution's weights, from tensors in such layouts.
  func winogradWeightsKernel(
    _ convolution: Convolution, _ geometry: ConvolutionGeometry, source: TensorLayout,
    upstream: TensorLayout
  ) throws(ComputeError) -> WinogradGradientKernel? {
    guard let lanes,
      let kernel = WinogradGradientKernel(convolution, geometry, lanes: lanes),
      try source == .channelBlocked(Shape(geometry.input), block: lanes),
      try upstream == .channelBlocked(Shape(geometry.output), block: lanes)
    else { return nil }
    return kernel
  }

  private var lanes: Int? { options.convolution == .fastest ? Engine.winogradLanes : nil }

  /// Adds a convolution.
  ///
  /// - Returns: its result.
  mutating func addWinograd(
    _ kernel: WinogradKernel, _ convolution: Convolution, reading source: Memory,
    adding addend: Memory?, _ name: String
  ) throws(ComputeError) -> Memory {
    let weights = convolution.convolutionWeights
    let transformed: WinogradConstants
    var reading = [source] + (addend.map { [$0] } ?? [])
    if let memory = self.transformed[ObjectIdentifier(weights)] {
      transformed = .tensor(memory)
      reading.append(memory)
    } else if let pair = parameters.pair(of: weights) {
      let memory = try Memory(.rowMajor([kernel.weightCount]))
      let values = pair.weights.values
      let (outputs, inputs) = (weights.shape[0], weights.shape[1])
      addStep("\(name): transform", reading: [], writing: memory) {
        // Safety: the parameter has the weights of all outputs.
        unsafe transformWeights(
          values.address.assumingMemoryBound(to: Float.self), outputs: outputs, inputs: inputs,
          type: kernel.type, into: memory.floats)
      }
      self.transformed[ObjectIdentifier(weights)] = memory
      transformed = .tensor(memory)
      reading.append(memory)
    } else {
      transformed = .block(try weights.winogradWeights(kernel.type, name: name))
    }
    return try addWinograd(
      kernel, source: source, addend: addend, weights: transformed,
      biases: .tensor(biases(weights)), reading: reading, name)
  }

  /// Adds the gradient of a convolution's source.
  ///
  /// - Returns: the gradient.
  mutating func addWinogradGradient(
    _ kernel: WinogradKernel, _ convolution: Convolution, reading upstream: Memory, _ name: String
  ) throws(ComputeError) -> Memory {
    let weights = convolution.convolutionWeights
    let inputs = weights.shape[1]
    let transformed: Memory
    if let memory = turned[ObjectIdentifier(weights)] {
      transformed = memory
    } else {
      transformed = try addTurnedWeights(weights, kernel, name)
      turned[ObjectIdentifier(weights)] = transformed
    }
    let zeros = try MemoryBlock(zeros: inputs * MemoryLayout<Float>.stride)
    return try addWinograd(
      kernel, source: upstream, addend: nil, weights: .tensor(transformed), biases: .block(zeros),
      reading: [upstream, transformed], name)
  }

  /// Adds the step that turns and transforms weights for the gradients of sources.
  private mutating func addTurnedWeights(
    _ weights: LayerWeights, _ kernel: WinogradKernel, _ name: String
  ) throws(ComputeError) -> Memory {
    let (outputs, inputs) = (weights.shape[0], weights.shape[1])
    let plain = try self.weights(
      weights, extents: weights.shape.dimensions, as: .rowMajor(weights.shape), name: name)
    let turned = try addScratch(.rowMajor([weights.shape.count]))
    let transformed = try Memory(.rowMajor([kernel.weightCount]))
    addStep("\(name): transform", reading: [plain], writing: transformed) {
      OpenMP.parallel(inputs, threadCount: OpenMP.threadCount) { range in
        // Safety: both have the weights of all inputs and outputs.
        unsafe gradient_turn_weights(
          turned.floats, plain.floats, outputs, inputs, range.lowerBound, range.count)
      }
      // Safety: as above, inputs and outputs have changed places.
      unsafe transformWeights(
        turned.floats, outputs: inputs, inputs: outputs, type: kernel.type,
        into: transformed.floats)
    }
    return transformed
  }

  /// Adds the gradient of a convolution's weights, and of its biases where they learn.
  mutating func addWinogradWeightsGradient(
    _ kernel: WinogradGradientKernel, _ pair: ParameterStore.Pair, source: Memory,
    upstream: Memory, _ name: String
  ) throws(ComputeError) {
    let weights = try constant(.rowMajor(pair.weights.shape), in: pair.weights.gradient)
    let biases: Memory? =
      if let parameter = pair.biases {
        try constant(.rowMajor(parameter.shape), in: parameter.gradient)
      } else { nil }
    let scratch = try addScratch(kernel.scratchLayout)
    // The parameters' gradients have places of their own, outside of the arena.
    addStep(
      name,
      WinogradGradientStep(
        kernel: kernel, source: source, upstream: upstream, scratch: scratch, weights: weights,
        addsWeights: !replacesGradient(of: pair.weights), biases: biases,
        addsBiases: pair.biases.map { !replacesGradient(of: $0) } ?? false),
      reading: [source, upstream], writing: upstream)
  }

  private mutating func addWinograd(
    _ kernel: WinogradKernel, source: Memory, addend: Memory?, weights: WinogradConstants,
    biases: WinogradConstants, reading: [Memory], _ name: String
  ) throws(ComputeError) -> Memory {
    let destination = try Memory(kernel.destinationLayout)
    let scratch = try addScratch(kernel.scratchLayout)
    addStep(
      name,
      WinogradStep(
        kernel: kernel, source: MapRows(memory: source),
        addend: addend.map { MapRows(memory: $0) }, destination: MapRows(memory: destination),
        scratch: scratch, weights: weights, biases: biases), reading: reading, writing: destination)
    return destination
  }
}

/// Transforms the weights of a layer, shared out over the team by panels of outputs.
@unsafe private func transformWeights(
  _ weights: UnsafePointer<Float>, outputs: Int, inputs: Int, type: winograd_type,
  into transformed: UnsafeMutablePointer<Float>
) {
  let lanes = Int(type.lanes)
  let panels = (outputs / lanes + 1) / 2
  let length = winograd_weight_size(type, Int32(inputs), 1) / MemoryLayout<Float>.stride
  OpenMP.parallel(panels, threadCount: OpenMP.threadCount) { range in
    let first = range.lowerBound * 2 * lanes
    let count = min(range.upperBound * 2 * lanes, outputs) - first
    // Safety: each output channel has `9 * inputs` weights, and `length` floats of its own.
    unsafe winograd_transform_weights(
      type, weights + first * inputs * 9, nil, Int32(inputs), Int32(count),
      transformed + first * length)
  }
}
