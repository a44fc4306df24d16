internal import CConvolutionKernels
internal import Tensors

/// Factors and terms for the channels of a map.
enum MapFactors {
  /// The same for every picture.
  case constants(scale: [Float], bias: [Float])
  /// A value with a factor for each picture and channel.
  case value(Network.Value)
  /// What statistics of the map itself make.
  case groupNormalisation(GroupNormalisation)
}

extension Lowering {
  /// Adds a pass over maps: activation(first * scale + bias + second).
  ///
  /// The result lies as the first map does (as the second where there is no first), and takes over its
  /// memory where nothing reads it afterwards.
  mutating func addMapStep(
    _ layer: LoweredLayer, first: Network.Value?, second: Network.Value? = nil,
    enlargesSecond: Bool = false, factors: MapFactors? = nil,
    activation: Network.Activation = .none, kernel: String
  ) throws(ComputeError) {
    let output = extents(of: layer.result)
    guard let main = first ?? second else { preconditionFailure("\(layer.name) reads nothing") }
    let source = try mapMemory(of: main, name: layer.name)
    let order = try MapOrder(source.layout, layer.name)
    let layout =
      first == nil ? try order.layout(like: source.layout, output) : source.layout
    let destination = try Memory(layout)
    var reading = [source]
    var other: Memory?
    var root: Memory?
    if let first, mayOverwrite(first, at: source, byLayer: layer.index) { root = source }
    if let second {
      let memory =
        first == nil
        ? source
        : try mapMemory(
          of: second, like: order.layout(like: source.layout, extents(of: second)),
          name: layer.name)
      if root == nil, !enlargesSecond, mayOverwrite(second, at: memory, byLayer: layer.index) {
        root = memory
      }
      other = memory
      if first != nil { reading.append(memory) }
    }
    var table: MapStep.Table?
    switch factors {
    case nil: break
    case .constants(let scale, let bias):
      table = .constants(
        scale: try MemoryBlock(copying: order.padded(scale)),
        bias: try MemoryBlock(copying: order.padded(bias)))
    case .value(let value):
      let memory = try factorMemory(of: value, order, name: layer.name)
      reading.append(memory)
      table = .tensor(scale: memory, bias: nil)
    case .groupNormalisation(let operation):
      table = try addStatistics(operation, of: source, order, layer)
      if case .tensor(let scale, let bias) = table {
        reading += [scale] + (bias.map { [$0] } ?? [])
      }
    }
    let secondExtents = second.map { extents(of: $0) }
    addStep(
      MapStep(
        order: order, extents: output, first: first == nil ? nil : source, second: other,
        enlargedFrom: enlargesSecond ? secondExtents : nil, table: table,
        activation: activation, destination: destination),
      report: Plan.Step(
        name: layer.name, kernel: "own: \(kernel)", precision: .float32, isWinograd: false,
        operationCount: 0, outputShape: Shape(output)),
      reading: reading, writing: destination, over: root)
    set(destination, of: layer.result)
  }

  /// Adds the enlargement of a map to the result's rows and columns, as it lies and is kept.
  mutating func addEnlargement(
    of input: Network.Value, _ layer: LoweredLayer
  ) throws(ComputeError) {
    var source = try memory(of: input)
    var kept = storage(of: input)
    if (try? MapOrder(source.layout, layer.name)) == nil {
      source = try mapMemory(of: input, name: layer.name)
      kept = .float32
    }
    let order = try MapOrder(source.layout, layer.name)
    let output = extents(of: layer.result)
    let layout = try order.layout(like: source.layout.retyped(.float32), output)
    let destination = try Memory(layout.retyped(kept.elementType))
    addStep(
      EnlargementStep(
        order: order, source: source, sourceExtents: extents(of: input), destination: destination,
        extents: output),
      report: Plan.Step(
        name: layer.name, kernel: "own: upsample", precision: .float32, isWinograd: false,
        operationCount: 0, outputShape: Shape(output)), reading: [source], writing: destination)
    set(destination, of: layer.result, kept: kept)
  }

  /// Adds a local response normalisation.
  mutating func addLocalResponseStep(
    _ operation: LocalResponseNormalisation, _ layer: LoweredLayer
  ) throws(ComputeError) {
    let source = try mapMemory(of: operation.inputs[0], name: layer.name)
    let destination = try Memory(source.layout)
    addStep(
      LocalResponseStep(
        order: try MapOrder(source.layout, layer.name), extents: extents(of: layer.result),
        operation: operation, source: source, destination: destination),
      report: Plan.Step(
        name: layer.name, kernel: "own: local response", precision: .float32, isWinograd: false,
        operationCount: 0, outputShape: Shape(extents(of: layer.result))),
      reading: [source], writing: destination)
    set(destination, of: layer.result)
  }

  /// A value as float32 in a layout that the own kernels read.
  private mutating func mapMemory(
    of value: Network.Value, name: String
  ) throws(ComputeError) -> Memory {
    let memory = try memory(of: value, kept: .float32, name: name)
    if (try? MapOrder(memory.layout, name)) != nil { return memory }
    return try reordered(memory, to: .rowMajor(Shape(extents(of: value))), name: name)
  }

  /// A value as float32 in a certain layout.
  private mutating func mapMemory(
    of value: Network.Value, like layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    try memory(of: value, kept: .float32, as: layout, name: name)
  }

  /// Factors of (N, C) or (N, C, 1, 1), as a map of one cell in the order of the map's channels.
  private mutating func factorMemory(
    of value: Network.Value, _ order: MapOrder, name: String
  ) throws(ComputeError) -> Memory {
    let extents = extents(of: value)
    let cell = Array(extents[..<2]) + [1, 1]
    var memory =
      extents.count == 4
      ? try memory(of: value, kept: .float32, name: name)
      : try memory(of: value, kept: .float32, as: .rowMajor(Shape(extents)), name: name)
    if extents.count != 4 { memory = try view(of: memory, as: .rowMajor(Shape(cell))) }
    let wanted: TensorLayout =
      order.isBlocked
      ? try .channelBlocked(Shape(cell), block: order.lanes) : try .rowMajor(Shape(cell))
    return try reordered(memory, to: wanted, name: name)
  }

  /// Adds the step that makes a group normalisation's factors and terms.
  private mutating func addStatistics(
    _ operation: GroupNormalisation, of source: Memory, _ order: MapOrder, _ layer: LoweredLayer
  ) throws(ComputeError) -> MapStep.Table {
    let extents = extents(of: layer.result)
    let count = extents[0] * order.paddedChannels
    // Factors, then terms.
    let table = try Memory(TensorLayout.rowMajor([2 * count]))
    let sums = try addScratch(TensorLayout.rowMajor([2 * count]))
    addStep(
      GroupStatisticsStep(
        order: order, extents: extents, operation: operation, source: source, sums: sums,
        table: table),
      report: Plan.Step(
        name: layer.name, kernel: "own: group statistics", precision: .float32, isWinograd: false,
        operationCount: 0, outputShape: [extents[0], operation.groups]),
      reading: [source], writing: table)
    return .tensor(scale: table, bias: table)
  }
}
