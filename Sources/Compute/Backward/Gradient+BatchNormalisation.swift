internal import CConvolutionKernels
internal import Tensors

extension BatchNormalisation: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.memory(of: inputs[0])
    let order = try MapOrder(source.layout, layer.name)
    let extents = lowering.extents(of: layer.result)
    let table: MapStep.Table
    var tensors: [Memory] = []
    let statistics = BatchStatistics(
      order: order, extents: extents, epsilon: factors.epsilon,
      parameters: lowering.parameters.normalisation(of: factors))
    if statistics.parameters != nil {
      guard extents[0] * extents[2] * extents[3] > 1 else {
        throw ComputeError(
          operation: layer.name, reason: "one cell alone has no variance to normalise by")
      }
      // One table for each picture, all alike, because that is how the step behind reads them.
      let factors = try Memory(.rowMajor([2 * extents[0] * order.paddedChannels]))
      lowering.addStep("\(layer.name): statistics", reading: [source], writing: factors) {
        statistics.compute(source, into: factors)
      }
      table = .tensor(scale: factors, bias: factors)
      tensors = [factors]
    } else {
      let folded = factors.folded
      statistics.setNormal(scale: folded.scale, bias: folded.bias)
      table = .constants(
        scale: try MemoryBlock(copying: order.padded(folded.scale)),
        bias: try MemoryBlock(copying: order.padded(folded.bias)))
    }
    let reference = try lowering.addPass(
      layer, order: order, first: source, table: table, tensors: tensors, activation: activation)
    return BatchNormalisationGradient(
      operation: self, name: layer.name, statistics: statistics, source: source,
      reference: reference)
  }
}

/// The statistics of a batch in training, and those of the batches before.
@safe final class BatchStatistics {
  let order: MapOrder
  /// N, C, H, W.
  let extents: [Int]
  let epsilon: Double
  /// What learns; `nil` where the normalisation stays as it is.
  let parameters: ParameterStore.Normalisation?

  /// How much of the running statistics a batch replaces, as in PyTorch.
  static let momentum: Float = 0.1

  /// Of the last forward pass: for each channel the mean and the inverse of the deviation.
  private(set) var means: [Double]
  private(set) var inverses: [Double]
  /// Of the last forward pass, or of the running statistics: factors, then terms, of all channels.
  private(set) var normal: [Float]

  init(
    order: MapOrder, extents: [Int], epsilon: Double, parameters: ParameterStore.Normalisation?
  ) {
    self.order = order
    self.extents = extents
    self.epsilon = epsilon
    self.parameters = parameters
    means = [Double](repeating: 0, count: order.paddedChannels)
    inverses = means
    normal = [Float](repeating: 0, count: 2 * order.paddedChannels)
  }

  /// Sets factors and terms that stay.
  func setNormal(scale: [Float], bias: [Float]) {
    for (channel, value) in scale.enumerated() { normal[channel] = value }
    for (channel, value) in bias.enumerated() { normal[order.paddedChannels + channel] = value }
  }

  /// The cells of all pictures.
  var cellCount: Int { extents[0] * extents[2] * extents[3] }

  /// The cells whose sums are added up together: the same whatever the number of threads.
  private static let segment = 4096

  /// For each channel the sum of a map's numbers, and of their products with another's.
  ///
  /// `isBehindReLU` counts the first map's numbers where the second's are above 0 once they are normalised.
  func moments(
    _ first: Memory, _ second: Memory, isBehindReLU: Bool = false
  ) -> (sums: [Double], products: [Double]) {
    let (cells, lanes, blocks) = (extents[2] * extents[3], order.lanes, order.blocks)
    let segments = (cells + Self.segment - 1) / Self.segment
    let parts = extents[0] * blocks * segments
    var table = [Double](repeating: 0, count: parts * 2 * lanes)
    let padded = order.paddedChannels
    unsafe normal.withUnsafeBufferPointer { normal in
      unsafe table.withUnsafeMutableBufferPointer { table in
        guard let table = table.baseAddress, let normal = normal.baseAddress else { return }
        OpenMP.parallel(parts, threadCount: OpenMP.threadCount) { range in
          for part in range {
            let (plane, segment) = (part / segments, part % segments)
            let start = (plane * cells + segment * Self.segment) * lanes
            let count = min(Self.segment, cells - segment * Self.segment)
            // Safety: the segment lies within its plane, each part has `2 * lanes` sums of its own, and
            // there are two numbers for each padded channel.
            if isBehindReLU {
              let factors = unsafe normal + plane % blocks * lanes
              unsafe gradient_relu_moments(
                first.floats + start, second.floats + start, factors, factors + padded, count,
                Int32(lanes), table + part * 2 * lanes, table + (part * 2 + 1) * lanes)
            } else {
              unsafe gradient_moments(
                first.floats + start, second.floats + start, count, Int32(lanes),
                table + part * 2 * lanes, table + (part * 2 + 1) * lanes)
            }
          }
        }
      }
    }
    var sums = [Double](repeating: 0, count: order.paddedChannels)
    var products = sums
    for part in 0..<parts {
      let block = part / segments % blocks
      for lane in 0..<lanes {
        sums[block * lanes + lane] += table[part * 2 * lanes + lane]
        products[block * lanes + lane] += table[(part * 2 + 1) * lanes + lane]
      }
    }
    return (sums, products)
  }

  /// Finds the statistics, takes them into the running ones, and writes factors and terms.
  func compute(_ source: Memory, into table: Memory) {
    guard let parameters else { return }
    let (sums, squares) = moments(source, source)
    let (count, padded) = (Double(cellCount), order.paddedChannels)
    for channel in 0..<extents[1] {
      let mean = sums[channel] / count
      let variance = max(squares[channel] / count - mean * mean, 0)
      means[channel] = mean
      inverses[channel] = 1 / (variance + epsilon).squareRoot()
      // Safety: each parameter has a number for each channel, and the table two for each picture.
      let scale = unsafe Double(parameters.scale.own[channel]) * inverses[channel]
      let bias = unsafe Double(parameters.bias.own[channel]) - mean * scale
      (normal[channel], normal[padded + channel]) = (Float(scale), Float(bias))
      for image in 0..<extents[0] {
        unsafe table.floats[image * padded + channel] = Float(scale)
        unsafe table.floats[(extents[0] + image) * padded + channel] = Float(bias)
      }
      // The mean is kept as it is, the variance as that of the population the batch was drawn from.
      let unbiased = Float(variance * count / (count - 1))
      unsafe parameters.mean.own[channel] +=
        Self.momentum * (Float(mean) - parameters.mean.own[channel])
      unsafe parameters.variance.own[channel] +=
        Self.momentum * (unbiased - parameters.variance.own[channel])
    }
    for image in 0..<2 * extents[0] {
      for channel in extents[1]..<padded { unsafe table.floats[image * padded + channel] = 0 }
    }
  }
}

/// The backward pass of a batch normalisation (Ioffe and Szegedy, arXiv:1502.03167, section 3).
struct BatchNormalisationGradient: LayerGradient {
  let operation: BatchNormalisation
  let name: String
  let statistics: BatchStatistics
  let source: Memory
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    // What a ReLU let through is told by what was normalised: no pass of its own.
    let isBehindReLU = operation.activation == .relu
    if !isBehindReLU {
      lowering.undo(operation.activation ?? .none, reference: reference, upstream, name)
    }
    let wanted = lowering.wantsGradient(of: operation.inputs[0])
    let result = try Memory(source.layout)
    let step = self
    let replaces =
      statistics.parameters.map {
        (
          scale: lowering.replacesGradient(of: $0.scale),
          bias: lowering.replacesGradient(of: $0.bias)
        )
      } ?? (false, false)
    lowering.addStep("\(name): gradient", reading: [upstream, source], writing: result) {
      step.run(
        upstream, into: wanted ? result : nil, isBehindReLU: isBehindReLU, replaces: replaces)
    }
    try lowering.add(result, to: operation.inputs[0])
  }

  private func run(
    _ upstream: Memory, into result: Memory?, isBehindReLU: Bool,
    replaces: (scale: Bool, bias: Bool)
  ) {
    let order = statistics.order
    let (extents, channels) = (statistics.extents, statistics.extents[1])
    var scale = [Float](repeating: 0, count: order.paddedChannels)
    var factor = scale
    var term = scale
    if let parameters = statistics.parameters {
      let (gradients, products) = statistics.moments(
        upstream, source, isBehindReLU: isBehindReLU)
      let count = Double(statistics.cellCount)
      for channel in 0..<channels {
        let (mean, inverse) = (statistics.means[channel], statistics.inverses[channel])
        let (sum, product) = (
          gradients[channel], (products[channel] - mean * gradients[channel]) * inverse
        )
        // Safety: each parameter has a number for each channel.
        let before = unsafe (
          replaces.scale ? 0 : parameters.scale.gradientValues[channel],
          replaces.bias ? 0 : parameters.bias.gradientValues[channel]
        )
        unsafe parameters.scale.gradientValues[channel] = before.0 + Float(product)
        unsafe parameters.bias.gradientValues[channel] = before.1 + Float(sum)
        let gamma = unsafe Double(parameters.scale.own[channel]) * inverse
        scale[channel] = Float(gamma)
        factor[channel] = Float(-gamma * inverse * product / count)
        term[channel] = Float(gamma * (mean * inverse * product - sum) / count)
      }
    } else {
      for (channel, value) in operation.factors.folded.scale.enumerated() { scale[channel] = value }
    }
    guard let result else { return }
    let (cells, lanes, height) = (extents[2] * extents[3], order.lanes, extents[2])
    let width = extents[3]
    let padded = order.paddedChannels
    unsafe (scale + factor + term + statistics.normal).withUnsafeBufferPointer { tables in
      guard let tables = tables.baseAddress else { return }
      OpenMP.parallel(
        extents[0] * order.blocks * height, threadCount: OpenMP.threadCount
      ) { range in
        for index in range {
          let plane = index / height
          let start = (plane * cells + index % height * width) * lanes
          // Safety: a row lies within its plane, and each table has a number for each padded channel.
          let table = unsafe tables + plane % order.blocks * lanes
          if isBehindReLU {
            unsafe gradient_relu_combine(
              result.floats + start, upstream.floats + start, table, source.floats + start,
              table + padded, table + 2 * padded, table + 3 * padded, table + 4 * padded, width,
              Int32(lanes))
          } else {
            unsafe gradient_combine(
              result.floats + start, upstream.floats + start, table, source.floats + start,
              table + padded, table + 2 * padded, width, Int32(lanes))
          }
        }
      }
    }
  }
}
