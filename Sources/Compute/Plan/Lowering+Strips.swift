internal import Tensors

extension Lowering {
  /// Winograd's kernel for a whole layer; `nil` where it is computed directly.
  func winogradKernel(
    _ index: Int, _ geometry: ConvolutionGeometry, pooledTo pooled: [Int]?
  ) -> WinogradKernel? {
    guard choice.winogradLayers.contains(index) else { return nil }
    let activation = network.layers[index].operation.activation ?? .none
    return WinogradKernel(
      geometry, activation, pooledTo: pooled,
      multipliesBFloat16: choice.multipliesBFloat16(winogradLayer: index),
      result: choice.results[index])
  }

  /// A whole map as Winograd's kernel reads it: as it lies, where that can be.
  mutating func winogradMap(
    of value: Network.Value, _ kernel: WinogradKernel, name: String
  ) throws(ComputeError) -> MapRows {
    if network.maker(of: value) != nil, kernel.multipliesBFloat16 {
      let memory = try memory(of: value)
      if kernel.reads(memory.layout) { return MapRows(memory: memory, storage: storage(of: value)) }
    }
    let layout = try TensorLayout.channelBlocked(Shape(extents(of: value)), block: kernel.lanes)
    return MapRows(memory: try memory(of: value, kept: .float32, as: layout, name: name))
  }

  /// Adds a step that reads and writes rows of tensors by Winograd's algorithm; they lie as the kernel reads
  /// and writes them.
  mutating func addWinograd(
    _ kernel: WinogradKernel, _ weights: LayerWeights, name: String, reading source: MapRows,
    adding addend: MapRows? = nil, writing destination: MapRows, over root: Memory? = nil
  ) throws(ComputeError) {
    for memory in [source.memory, destination.memory] + (addend.map { [$0.memory] } ?? []) {
      precondition(kernel.reads(memory.layout), "\(name): another layout")
    }
    let transformed = try weights.winogradWeights(kernel.type, name: name)
    let unit = destination.storage.scale
    let biases = try MemoryBlock(copying: weights.biases.map { $0 / unit })
    let scratch = try addScratch(kernel.scratchLayout)
    addStep(
      WinogradStep(
        kernel: kernel, source: source, addend: addend, destination: destination,
        scratch: scratch, weights: .block(transformed), biases: .block(biases)),
      report: Plan.Step(
        name: name, kernel: kernel.name,
        precision: kernel.multipliesBFloat16 ? .bfloat16 : .float32, isWinograd: true,
        operationCount: kernel.operationCount, outputShape: Shape(kernel.output)),
      reading: [source.memory] + (addend.map { [$0.memory] } ?? []),
      writing: destination.memory, over: root)
  }

  /// Adds the steps of all strips of a chain.
  mutating func add(_ strips: LayerStrips) throws(ComputeError) {
    let last = network.result(ofLayer: strips.layers.upperBound - 1)
    var writer = StripWriter(
      strips: strips, storage: choice.storages[last.index],
      kernels: Array(repeating: [], count: strips.layers.count),
      constants: Array(repeating: [], count: strips.layers.count))
    for strip in 0..<strips.count {
      try writer.add(strip: strips.ranges(ofStrip: strip), to: &self)
    }
    if let whole = writer.whole { set(whole, of: last, kept: writer.storage) }
  }
}

/// Lowers the strips of a chain one after the other, which share kernels, constants and the result.
private struct StripWriter {
  let strips: LayerStrips
  /// How the chain's result is kept.
  let storage: ValueStorage
  var kernels: [[(geometry: ConvolutionGeometry, descriptor: PrimitiveDescriptor)]]
  var constants: [[(layout: TensorLayout, arguments: [(Argument, Memory)])]]
  /// The tensor of the chain's result, which all strips write into.
  var whole: Memory?

  /// A tensor, and the row of the value that is its row 0.
  typealias Part = (memory: Memory, row: Int)

  mutating func add(strip ranges: [Range<Int>], to lowering: inout Lowering) throws(ComputeError) {
    var value: Part?
    var position = 0
    while position < strips.layers.count {
      if let (kernel, count) = strips.winogradKernel(position, ranges, lowering.choice) {
        value = try addWinograd(kernel, position, count, ranges, after: value, to: &lowering)
        position += count
        continue
      }
      if let (convolution, geometry) = strips.convolution(position, ranges) {
        value = try addDirect(convolution, geometry, position, ranges, after: value, to: &lowering)
      } else if let pooling = strips.operations[position] as? MaxPooling, let input = value {
        value = try addPooling(pooling, position, ranges, of: input, to: &lowering)
      } else {
        preconditionFailure("a chain that begins with pooling")
      }
      position += 1
    }
    guard let memory = value?.memory, memory !== whole else { return }
    let name = lowering.network.layers[strips.layers.upperBound - 1].name
    let result = try wholeResult(like: memory.layout, &lowering)
    guard let region = try lowering.rows(ranges[ranges.count - 1], of: result) else {
      throw ComputeError(operation: name, reason: "oneDNN cannot describe rows of its result")
    }
    try lowering.copy(memory, to: region, scale: 1 / storage.scale, name: "\(name): strip")
  }

  private func layer(_ position: Int, _ lowering: Lowering) -> Network.Layer {
    lowering.network.layers[strips.layers.lowerBound + position]
  }

  private mutating func addWinograd(
    _ kernel: WinogradKernel, _ position: Int, _ count: Int, _ ranges: [Range<Int>],
    after value: Part?, to lowering: inout Lowering
  ) throws(ComputeError) -> Part {
    let layer = layer(position, lowering)
    guard let weights = layer.operation.weights else {
      preconditionFailure("\(layer.name): a convolution without weights")
    }
    let source: Part
    if let value {
      let input = try lowering.reordered(value.memory, to: kernel.sourceLayout, name: layer.name)
      source = (input, value.row)
    } else {
      source = try rowsInPlace(ranges[0], of: layer.input, kernel, layer.name, &lowering)
    }
    let isLast = position + count == strips.layers.count
    let kept = isLast && kernel.multipliesBFloat16 ? storage : .float32
    let destination: Part
    if isLast, kept == storage {
      destination = (try wholeResult(like: kernel.destinationLayout, &lowering), 0)
    } else {
      destination = (try Memory(kernel.destinationLayout), ranges[position + count].lowerBound)
    }
    try lowering.addWinograd(
      kernel, weights, name: layer.name,
      reading: MapRows(memory: source.memory, first: ranges[position].lowerBound - source.row),
      writing: MapRows(
        memory: destination.memory,
        first: ranges[position + count].lowerBound - destination.row, storage: kept))
    return destination
  }

  private mutating func addDirect(
    _ convolution: Convolution, _ geometry: ConvolutionGeometry, _ position: Int,
    _ ranges: [Range<Int>], after value: Part?, to lowering: inout Lowering
  ) throws(ComputeError) -> Part {
    let layer = layer(position, lowering)
    let descriptor: PrimitiveDescriptor
    if let known = kernels[position].first(where: { $0.geometry == geometry }) {
      descriptor = known.descriptor
    } else {
      descriptor = try lowering.kernels.convolution(
        convolution, geometry, precision: .float32, result: .float32, name: layer.name)
      kernels[position].append((geometry, descriptor))
    }
    let input =
      if let value {
        try lowering.reordered(value.memory, to: descriptor.sourceLayout, name: layer.name)
      } else {
        try copiedRows(
          ranges[0], of: layer.input, to: descriptor.sourceLayout, name: layer.name, &lowering)
      }
    let layout = descriptor.weightsLayout
    let arguments: [(Argument, Memory)]
    if let known = constants[position].first(where: { $0.layout == layout }) {
      arguments = known.arguments
    } else {
      arguments = try lowering.constants(
        convolution.convolutionWeights, layout: layout, dimensions: convolution.weightExtents,
        name: layer.name)
      constants[position].append((layout, arguments))
    }
    let destination = try Memory(descriptor.destinationLayout)
    try lowering.addStep(
      descriptor, name: layer.name, operationCount: convolution.operationCount(geometry.output),
      reading: arguments + [(.source, input)], writing: destination)
    return (destination, ranges[position + 1].lowerBound)
  }

  private func addPooling(
    _ pooling: MaxPooling, _ position: Int, _ ranges: [Range<Int>], of input: Part,
    to lowering: inout Lowering
  ) throws(ComputeError) -> Part {
    var geometry = PoolingGeometry(
      pooling.window, source: strips.extents(of: position, ranges[position]),
      output: strips.extents(of: position + 1, ranges[position + 1]))
    // The rows behind the last are those of the strip.
    geometry.trailing[0] = 2 * ranges[position + 1].count - ranges[position].count
    let destination = try lowering.addPoolingStep(
      .maximum, geometry, of: input.memory, name: layer(position, lowering).name)
    return (destination, ranges[position + 1].lowerBound)
  }

  /// Rows of a value where they lie if Winograd's kernel can read them there, else as a copy.
  private func rowsInPlace(
    _ range: Range<Int>, of value: Network.Value, _ kernel: WinogradKernel, _ name: String,
    _ lowering: inout Lowering
  ) throws(ComputeError) -> Part {
    let wanted = try kernel.sourceLayout
    let whole = try lowering.memory(of: value, channelBlock: kernel.lanes)
    if whole.layout.channelBlock == kernel.lanes { return (whole, 0) }
    return (
      try copiedRows(range, of: value, to: wanted, name: name, &lowering), range.lowerBound
    )
  }

  /// Rows of a value as a tensor of their own, as a kernel wants it.
  private func copiedRows(
    _ range: Range<Int>, of value: Network.Value, to layout: TensorLayout, name: String,
    _ lowering: inout Lowering
  ) throws(ComputeError) -> Memory {
    let source = try lowering.memory(of: value, channelBlock: layout.channelBlock)
    guard let region = try lowering.rows(range, of: source) else {
      throw ComputeError(operation: name, reason: "oneDNN cannot describe rows of its input")
    }
    return try lowering.copied(region, to: layout, name: name)
  }

  private mutating func wholeResult(
    like layout: TensorLayout, _ lowering: inout Lowering
  ) throws(ComputeError) -> Memory {
    if let whole { return whole }
    let shape = Shape(strips.extents[strips.extents.count - 1])
    let block = layout.channelBlock ?? 1
    let layout: TensorLayout =
      switch storage {
      case .float32 where block == shape[1]: try .channelsLast(shape)
      case .float32: try .channelBlocked(shape, block: block)
      case .bfloat16:
        try TensorLayout.channelBlocked(shape, block: block).retyped(storage.elementType)
      case .quantized: try .channelsLast(shape.dimensions, storage.elementType)
      }
    let result = try Memory(layout)
    lowering.addResident(result)
    whole = result
    return result
  }
}
