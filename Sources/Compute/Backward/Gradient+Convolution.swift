internal import CConvolutionKernels
internal import Tensors

extension Convolution: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let (name, input) = (layer.name, inputs[0])
    let output = lowering.extents(of: layer.result)
    let geometry = geometry(lowering.extents(of: input), output)
    let following = activation ?? .none
    let attributes = Attributes(
      activation: following.isKnownByResult ? following : .none,
      addendScale: addend == nil ? nil : 1)
    let descriptor = try lowering.kernel(geometry) { (source, destination) throws(ComputeError) in
      try .convolution(
        source, weights: .any(weightExtents), destination, geometry, attributes: attributes,
        name: name)
    }
    if let kernel = lowering.winogradKernel(self, geometry, following) {
      let source = lowering.memory(of: input)
      let result = try lowering.addWinograd(
        kernel, self, reading: source, adding: addend.map { lowering.memory(of: $0) }, name)
      let reference = try lowering.set(result, of: layer, activatedBy: following)
      return ConvolutionGradient(
        convolution: self, name: name, geometry: geometry, forward: descriptor, source: source,
        reference: reference)
    }
    let source = try lowering.reordered(
      lowering.memory(of: input), to: descriptor.sourceLayout, name)
    let weights = try lowering.weights(
      convolutionWeights, extents: weightExtents, as: descriptor.weightsLayout, name: name)
    // oneDNN adds to what the destination holds.
    let destination =
      if let addend {
        try lowering.copied(
          lowering.memory(of: addend), to: descriptor.destinationLayout, name)
      } else {
        try Memory(descriptor.destinationLayout)
      }
    try lowering.addStep(
      name, descriptor,
      reading: [
        (.source, source), (.weights, weights), (.bias, try lowering.biases(convolutionWeights)),
      ], writing: [(.destination, destination)])
    let result = try lowering.reordered(destination, to: lowering.layout(of: output), name)
    let reference = try lowering.set(result, of: layer, activatedBy: following)
    return ConvolutionGradient(
      convolution: self, name: name, geometry: geometry, forward: descriptor, source: source,
      reference: reference)
  }
}

extension TrainingLowering {
  /// A convolution's kernel in the layouts in which values lie, or in those that it likes best where it
  /// has no fast one for them.
  fileprivate func kernel(
    _ geometry: ConvolutionGeometry,
    make: (TensorLayout, TensorLayout) throws(ComputeError) -> PrimitiveDescriptor
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let kept = try? make(layout(of: geometry.input), layout(of: geometry.output))
    if let kept, kept.kernelName.hasPrefix("jit") || kept.kernelName.hasPrefix("brg") {
      return kept
    }
    return try make(.any(geometry.input), .any(geometry.output))
  }
}

/// The backward pass of a convolution.
struct ConvolutionGradient: LayerGradient {
  let convolution: Convolution
  let name: String
  let geometry: ConvolutionGeometry
  let forward: PrimitiveDescriptor
  let source: Memory
  /// What the activation's derivative is computed from.
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    lowering.undo(convolution.activation ?? .none, reference: reference, upstream, name)
    try lowerWeights(upstream, &lowering)
    try lowerSource(upstream, &lowering)
    if let addend = convolution.addend { try lowering.add(upstream, to: addend) }
  }

  private func lowerWeights(
    _ upstream: Memory, _ lowering: inout TrainingLowering
  ) throws(ComputeError) {
    guard let pair = lowering.parameters.pair(of: convolution.convolutionWeights) else { return }
    let name = "\(name): weights' gradient"
    let extents = convolution.weightExtents
    if let kernel = try lowering.winogradWeightsKernel(
      convolution, geometry, source: source.layout, upstream: upstream.layout)
    {
      try lowering.addWinogradWeightsGradient(
        kernel, pair, source: source, upstream: upstream, name)
      return
    }
    let descriptor = try lowering.kernel(geometry) { (source, destination) throws(ComputeError) in
      try .convolutionWeightsGradient(
        source, weightsGradient: .any(extents), destination, geometry, forward: forward, name: name)
    }
    let source = try lowering.reordered(source, to: descriptor.sourceLayout, name)
    let upstream = try lowering.reordered(
      upstream, to: descriptor.destinationGradientLayout, name)
    let weights = try Memory(descriptor.weightsGradientLayout)
    let biases = try Memory(.rowMajor([geometry.output[1]]))
    try lowering.addStep(
      name, descriptor, reading: [(.source, source), (.destinationGradient, upstream)],
      writing: [(.weightsGradient, weights), (.biasGradient, biases)])
    try lowering.accumulate(weights, in: pair.weights, name)
    if let parameter = pair.biases { try lowering.accumulate(biases, in: parameter, name) }
  }

  private func lowerSource(
    _ upstream: Memory, _ lowering: inout TrainingLowering
  ) throws(ComputeError) {
    let input = convolution.inputs[0]
    guard lowering.wantsGradient(of: input) else { return }
    let name = "\(name): source's gradient"
    if let kernel = lowering.winogradGradientKernel(convolution, geometry) {
      let result = try lowering.addWinogradGradient(kernel, convolution, reading: upstream, name)
      try lowering.add(result, to: input)
      return
    }
    let extents = convolution.weightExtents
    let descriptor = try lowering.kernel(geometry) { (source, destination) throws(ComputeError) in
      try .convolutionSourceGradient(
        source, weights: .any(extents), destination, geometry, forward: forward, name: name)
    }
    let weights = try lowering.weights(
      convolution.convolutionWeights, extents: extents, as: descriptor.weightsLayout, name: name)
    let upstream = try lowering.reordered(
      upstream, to: descriptor.destinationGradientLayout, name)
    let result = try Memory(descriptor.sourceGradientLayout)
    try lowering.addStep(
      name, descriptor, reading: [(.weights, weights), (.destinationGradient, upstream)],
      writing: [(.sourceGradient, result)])
    try lowering.add(
      lowering.reordered(result, to: lowering.layout(of: geometry.input), name), to: input)
  }
}
