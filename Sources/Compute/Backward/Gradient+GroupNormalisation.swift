internal import CConvolutionKernels
internal import Tensors

extension GroupNormalisation: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.memory(of: inputs[0])
    let order = try MapOrder(source.layout, layer.name)
    let extents = lowering.extents(of: layer.result)
    let count = extents[0] * order.paddedChannels
    let table = try Memory(.rowMajor([2 * count]))
    let sums = try lowering.addScratch(.rowMajor([2 * count]))
    lowering.addStep(
      "\(layer.name): statistics",
      GroupStatisticsStep(
        order: order, extents: extents, operation: self, source: source, sums: sums, table: table),
      reading: [source], writing: table)
    let reference = try lowering.addPass(
      layer, order: order, first: source, table: .tensor(scale: table, bias: table),
      tensors: [table], activation: activation)
    return GroupNormalisationGradient(
      operation: self, name: layer.name, order: order, extents: extents, source: source,
      reference: reference)
  }
}

/// The backward pass of a group normalisation with frozen factors and terms.
///
/// With x' the normalised value and g the factor times what comes from above, the source's gradient is
/// (g - mean(g) - x' mean(g x')) / deviation, with means over the group (Ioffe and Szegedy,
/// arXiv:1502.03167, section 3, over a group in place of a batch).
struct GroupNormalisationGradient: LayerGradient {
  let operation: GroupNormalisation
  let name: String
  let order: MapOrder
  /// N, C, H, W.
  let extents: [Int]
  let source: Memory
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    lowering.undo(operation.activation ?? .none, reference: reference, upstream, name)
    let result = try Memory(source.layout)
    let step = self
    lowering.addStep("\(name): gradient", reading: [upstream, source], writing: result) {
      OpenMP.parallel(step.extents[0], threadCount: OpenMP.threadCount) { images in
        for image in images { step.run(image, upstream, result) }
      }
    }
    try lowering.add(result, to: operation.inputs[0])
  }

  /// The sums over the cells of a picture's channels of one map, or of two maps' products.
  private func sums(_ image: Int, _ first: Memory, _ second: Memory?) -> [Double] {
    let (cells, lanes) = (extents[2] * extents[3], order.lanes)
    var sums = [Double](repeating: 0, count: order.paddedChannels)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      for block in 0..<order.blocks {
        // Safety: a plane has `cells * lanes` floats, and `lanes` sums.
        let start = (image * order.blocks + block) * cells * lanes
        unsafe gradient_products(
          first.floats + start, second.map { unsafe UnsafePointer($0.floats + start) }, cells,
          Int32(lanes), base + block * lanes)
      }
    }
    return sums
  }

  private func run(_ image: Int, _ upstream: Memory, _ result: Memory) {
    let channels = extents[1]
    let size = channels / operation.groups
    let cells = Double(size * extents[2] * extents[3])
    let values = sums(image, source, nil)
    let squares = sums(image, source, source)
    let gradients = sums(image, upstream, nil)
    let products = sums(image, upstream, source)
    var scale = [Float](repeating: 0, count: order.paddedChannels)
    var factor = scale
    var term = scale
    for group in 0..<operation.groups {
      let range = group * size..<(group + 1) * size
      let mean = range.reduce(0.0) { $0 + values[$1] } / cells
      // In double precision the difference of squares keeps its digits.
      let variance = max(range.reduce(0.0) { $0 + squares[$1] } / cells - mean * mean, 0)
      let inverse = 1 / (variance + Double(operation.epsilon)).squareRoot()
      var (meanGradient, meanProduct) = (0.0, 0.0)
      for channel in range {
        let weight = Double(operation.scale[channel])
        meanGradient += weight * gradients[channel] / cells
        meanProduct += weight * (products[channel] - mean * gradients[channel]) * inverse / cells
      }
      for channel in range {
        scale[channel] = Float(Double(operation.scale[channel]) * inverse)
        factor[channel] = Float(-inverse * inverse * meanProduct)
        term[channel] = Float(inverse * (mean * inverse * meanProduct - meanGradient))
      }
    }
    let (plane, lanes) = (extents[2] * extents[3], order.lanes)
    for block in 0..<order.blocks {
      let (start, offset) = ((image * order.blocks + block) * plane * lanes, block * lanes)
      // Safety: as above, and the tables have a number for each padded channel.
      unsafe scale.withUnsafeBufferPointer { scale in
        unsafe factor.withUnsafeBufferPointer { factor in
          unsafe term.withUnsafeBufferPointer { term in
            guard let scale = scale.baseAddress, let factor = factor.baseAddress,
              let term = term.baseAddress
            else { return }
            unsafe gradient_combine(
              result.floats + start, upstream.floats + start, scale + offset,
              source.floats + start, factor + offset, term + offset, plane, Int32(lanes))
          }
        }
      }
    }
  }
}
