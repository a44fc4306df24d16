internal import CConvolutionKernels
internal import Tensors

extension Affine: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.memory(of: inputs[0])
    let order = try MapOrder(source.layout, layer.name)
    let reference = try lowering.addPass(
      layer, order: order, first: source,
      table: .constants(
        scale: try MemoryBlock(copying: order.padded(scale)),
        bias: try MemoryBlock(copying: order.padded(bias))), activation: activation)
    return AffineGradient(affine: self, name: layer.name, order: order, reference: reference)
  }
}

/// The backward pass of frozen factors and terms.
struct AffineGradient: LayerGradient {
  let affine: Affine
  let name: String
  let order: MapOrder
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    lowering.undo(affine.activation ?? .none, reference: reference, upstream, name)
    let result = try Memory(upstream.layout)
    lowering.addStep(
      "\(name): gradient",
      MapStep(
        order: order, extents: lowering.extents(of: affine.inputs[0]), first: upstream,
        second: nil, enlargedFrom: nil,
        table: .constants(
          scale: try MemoryBlock(copying: order.padded(affine.scale)),
          bias: try MemoryBlock(zeros: order.paddedChannels * MemoryLayout<Float>.stride)),
        activation: .none, destination: result), reading: [upstream], writing: result)
    try lowering.add(result, to: affine.inputs[0])
  }
}

extension ScaleChannels: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let (source, factors) = (lowering.memory(of: inputs[0]), lowering.memory(of: inputs[1]))
    let following = activation ?? .none
    // Maps of one cell and matrices lie alike where channels come out even, which they do here.
    let step = ChannelProduct(
      order: try MapOrder(source.layout, layer.name),
      extents: lowering.extents(of: layer.result))
    let destination = try Memory(source.layout)
    lowering.addStep(
      layer.name,
      step.scaling(
        source, by: factors, into: destination, following.isKnownByResult ? following : .none),
      reading: [source, factors], writing: destination)
    let reference = try lowering.set(destination, of: layer, activatedBy: following)
    return ScaleChannelsGradient(
      operation: self, name: layer.name, product: step, source: source, factors: factors,
      reference: reference)
  }
}

/// The product of a map with a factor for each picture and channel.
struct ChannelProduct {
  let order: MapOrder
  /// N, C, H, W.
  let extents: [Int]

  func scaling(
    _ source: Memory, by factors: Memory, into destination: Memory,
    _ activation: Network.Activation
  ) -> MapStep {
    MapStep(
      order: order, extents: extents, first: source, second: nil, enlargedFrom: nil,
      table: .tensor(scale: factors, bias: nil), activation: activation, destination: destination)
  }

  /// The sums over each picture's channels of the products of two maps.
  func sum(_ first: Memory, _ second: Memory, into result: Memory) {
    let (cells, lanes) = (extents[2] * extents[3], order.lanes)
    OpenMP.parallel(extents[0] * order.blocks, threadCount: OpenMP.threadCount) { range in
      var sums = [Double](repeating: 0, count: lanes)
      for plane in range {
        for lane in 0..<lanes { sums[lane] = 0 }
        // Safety: a plane has `cells * lanes` floats, and the result `lanes` for each.
        let start = plane * cells * lanes
        unsafe gradient_products(
          first.floats + start, second.floats + start, cells, Int32(lanes), &sums)
        for lane in 0..<lanes { unsafe result.floats[plane * lanes + lane] = Float(sums[lane]) }
      }
    }
  }
}

/// The backward pass of factors that a network computes.
struct ScaleChannelsGradient: LayerGradient {
  let operation: ScaleChannels
  let name: String
  let product: ChannelProduct
  let source: Memory
  let factors: Memory
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    lowering.undo(operation.activation ?? .none, reference: reference, upstream, name)
    if lowering.wantsGradient(of: operation.inputs[1]) {
      let sums = try Memory(factors.layout)
      let (product, source) = (product, source)
      lowering.addStep("\(name): factors' gradient", reading: [upstream, source], writing: sums) {
        product.sum(upstream, source, into: sums)
      }
      try lowering.add(sums, to: operation.inputs[1])
    }
    guard lowering.wantsGradient(of: operation.inputs[0]) else { return }
    let result = try Memory(upstream.layout)
    lowering.addStep(
      "\(name): gradient", product.scaling(upstream, by: factors, into: result, .none),
      reading: [upstream, factors], writing: result)
    try lowering.add(result, to: operation.inputs[0])
  }
}
