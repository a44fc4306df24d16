internal import CDNNL
internal import Tensors

/// Walks a network's layers and makes the steps, layouts and lifetimes of a plan.
struct PlanBuilder {
  /// A kernel with the tensors it works on.
  struct Step {
    enum Work {
      case primitive(Primitive, [(Int32, Memory)])
      case winograd(WinogradStep)
    }

    var report: Plan.Step
    var work: Work
  }

  /// A tensor that lies in the arena.
  private struct Resident {
    var memory: Memory
    /// The resident whose bytes this one takes over: a convolution that adds to a residual sum
    /// writes where the residual lies.
    var root: Int
    var first: Int
    var last: Int
  }

  let network: Network
  let options: PlanOptions
  /// Where the plan's activations will lie: until then, scratch memory for putting weights in order.
  let arena: Arena
  private(set) var steps: [Step] = []
  private(set) var weights: [LayerWeights.Prepared] = []
  private(set) var biases: [MemoryBlock] = []
  private(set) var memories: [Memory] = []

  /// For each value of the network: its extents, and where it is once a layer has made it.
  private var shapes: [[Int]?]
  private var located: [Memory?]
  private(set) var stored: [ValueStorage]
  /// The layers that Winograd's algorithm computes: decided once, so that a part of the memory for their
  /// weights that becomes free meanwhile changes nothing within a plan.
  private(set) var winogradLayers: Set<Int> = []
  /// Copies of values that readers wanted otherwise than they are kept.
  private var converted: [(value: Network.Value, storage: ValueStorage, memory: Memory)] = []
  private var residents: [Resident] = []
  private var residentOf: [ObjectIdentifier: Int] = [:]
  private var scratch: [(memory: Memory, step: Int)] = []
  private(set) var outputs: [Memory] = []
  /// Parts of the network's input that steps read: they move with it.
  private(set) var inputRegions: [Memory] = []

  init(
    network: Network, inputShape: Shape, inputLayout: TensorLayout?, arena: Arena,
    options: PlanOptions
  ) throws(ComputeError) {
    self.network = network
    self.options = options
    self.arena = arena
    shapes = [[Int]?](repeating: nil, count: network.layers.count + 1)
    located = [Memory?](repeating: nil, count: network.layers.count + 1)
    stored = [ValueStorage](repeating: .float32, count: network.layers.count + 1)
    shapes[0] = inputShape.dimensions
    if let inputLayout {
      precondition(inputLayout.shape == inputShape, "\(inputLayout.shape) is not \(inputShape)")
      located[0] = try Memory(inputLayout)
    }
    for index in network.layers.indices {
      if let weights = winogradCandidate(layer: index),
        options.winogradBudget.grants(WinogradKernel.weightByteCount(weights), to: weights)
      {
        winogradLayers.insert(index)
      }
    }
  }

  mutating func build() throws(ComputeError) {
    var index = 0
    while index < network.layers.count {
      if let strips = try strips(from: index) {
        try add(strips)
        index = strips.layers.upperBound
        continue
      }
      let layer = network.layers[index]
      index += 1
      let value = Network.Value(index: index)
      switch layer.operation {
      case .convolution(let weights, let window, let activation, let residual):
        let result = try addConvolution(
          layer, weights, window, activation, residual: residual, to: value)
        // A pooling behind it may have been computed along.
        index = result.index
      case .linear(let weights, let activation):
        try addLinear(layer, weights, activation, to: value)
      case .maxPooling(let window):
        try addPooling(layer, dnnl_pooling_max, window, to: value)
      case .globalAveragePooling:
        try addPooling(layer, dnnl_pooling_avg_exclude_padding, nil, to: value)
      case .softmax:
        try addSoftmax(layer, to: value)
      }
    }
    for (value, order) in network.outputs {
      var memory = try memory(of: value)
      if order == .channelsLast {
        memory = try reordered(
          memory, to: TensorLayout.channelsLast(Shape(extents(of: value))), name: "output order")
      }
      outputs.append(memory)
    }
    // Outputs are read after the last step.
    for output in outputs { extendLife(of: output, to: steps.count) }
  }

  // MARK: Values

  func extents(of value: Network.Value) -> [Int] {
    guard let shape = shapes[value.index] else {
      preconditionFailure("a value that no layer has made")
    }
    return shape
  }

  /// Where a value lies; the network's input, if nobody said how it lies, is row-major.
  mutating func memory(of value: Network.Value) throws(ComputeError) -> Memory {
    if let memory = located[value.index] { return memory }
    let memory = try Memory(TensorLayout.rowMajor(Shape(extents(of: value))))
    located[value.index] = memory
    return memory
  }

  mutating func inputLayout(of value: Network.Value) throws(ComputeError) -> TensorLayout {
    try memory(of: value).layout
  }

  func layout(of memory: Memory) -> TensorLayout { memory.layout }

  /// A value in the layout that a kernel wants; an input that is not yet placed takes it on.
  mutating func memory(
    of value: Network.Value, as layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    if located[value.index] == nil, layout.channelBlock != nil || layout.shape.rank == 2 {
      located[value.index] = try Memory(layout)
    }
    return try reordered(memory(of: value), to: layout, name: name)
  }

  /// A value; an input that is not yet placed takes on an order of channels.
  mutating func memory(
    of value: Network.Value, channelBlock: Int?
  ) throws(ComputeError) -> Memory {
    if located[value.index] == nil, channelBlock == extents(of: value)[1] {
      located[value.index] = try Memory(TensorLayout.channelsLast(Shape(extents(of: value))))
    }
    return try memory(of: value)
  }

  mutating func reordered(
    _ source: Memory, to layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    source.layout == layout ? source : try copied(source, to: layout, name: name)
  }

  /// A copy of a tensor in a layout, which may be its own, with its values multiplied by a factor.
  mutating func copied(
    _ source: Memory, to layout: TensorLayout, scale: Float = 1, name: String
  ) throws(ComputeError) -> Memory {
    let descriptor = try PrimitiveDescriptor(
      reorderingFrom: source.layout, to: layout,
      attributes: Attributes(scales: scale == 1 ? [] : [scale]), name: name)
    let destination = try Memory(layout)
    try addStep(
      descriptor, name: "\(name): reorder", operationCount: 0, reading: [(DNNL_ARG_FROM, source)],
      writing: (DNNL_ARG_TO, destination))
    return destination
  }

  /// A value as a layer wants it; another type or scale is another copy, which is made once.
  mutating func memory(
    of value: Network.Value, kept storage: ValueStorage, as layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    let present = stored[value.index]
    if present == storage { return try memory(of: value, as: layout, name: name) }
    let known = converted.first {
      $0.value == value && $0.storage == storage && $0.memory.layout == layout
    }
    if let known { return known.memory }
    // An input that nobody has placed lies as its first reader likes, but for the type.
    let source =
      located[value.index] == nil
      ? try memory(of: value, as: layout.retyped(dnnl_f32), name: name) : try memory(of: value)
    let copy = try copied(
      source, to: layout, scale: present.scale / storage.scale, name: name)
    converted.append((value, storage, copy))
    return copy
  }

  /// The same bytes under another layout, as a matrix is a map of one row and one column.
  mutating func view(
    of memory: Memory, as layout: TensorLayout
  ) throws(ComputeError) -> Memory {
    let view = try Memory(layout)
    addAlias(view, of: memory)
    return view
  }

  mutating func setResult(
    _ memory: Memory, of value: Network.Value, kept storage: ValueStorage = .float32
  ) {
    shapes[value.index] = memory.layout.shape.dimensions
    located[value.index] = memory
    stored[value.index] = storage
  }

  /// Whether a value is read after the layer that is being added.
  func isReadLater(_ value: Network.Value, than result: Network.Value) -> Bool {
    network.outputs.contains { $0.value == value }
      || network.layers[result.index...].contains { layer in
        if layer.input == value { return true }
        if case .convolution(_, _, _, let residual) = layer.operation { return residual == value }
        return false
      }
  }

  // MARK: Parts of values

  /// Makes room for a value that steps write part by part.
  mutating func addResident(_ memory: Memory) {
    let index = steps.count
    residentOf[ObjectIdentifier(memory)] = residents.count
    residents.append(Resident(memory: memory, root: residents.count, first: index, last: index))
    memories.append(memory)
  }

  /// A tensor that is some rows of another; `nil` where oneDNN cannot describe it.
  ///
  /// A step that reads it has to name `memory` too, so that this is kept for as long.
  mutating func rows(_ rows: Range<Int>, of memory: Memory) throws(ComputeError) -> Memory? {
    guard let layout = memory.layout.region(axis: 2, rows) else { return nil }
    let region = try Memory(layout)
    addAlias(region, of: memory)
    return region
  }

  /// Places a tensor where another one lies.
  private mutating func addAlias(_ alias: Memory, of memory: Memory) {
    if let index = residentOf[ObjectIdentifier(memory)] {
      residentOf[ObjectIdentifier(alias)] = residents.count
      residents.append(
        Resident(
          memory: alias, root: residents[index].root, first: steps.count, last: steps.count))
    } else {
      inputRegions.append(alias)
    }
    memories.append(alias)
  }

  // MARK: Steps

  /// Adds a step that reads some tensors and writes one, which takes over the bytes of `root`.
  mutating func addStep(
    _ descriptor: PrimitiveDescriptor, name: String, precision: LayerPrecision = .float32,
    operationCount: Int,
    reading sources: [(Int32, Memory)], writing destination: (Int32, Memory),
    over root: Memory? = nil
  ) throws(ComputeError) {
    var arguments = sources
    arguments.append(destination)
    place(destination.1, reading: sources.map(\.1), over: root)
    let scratchLayout = descriptor.layout(dnnl_query_scratchpad_md)
    if scratchLayout.byteCount > 0 {
      arguments.append((DNNL_ARG_SCRATCHPAD, try placeScratch(scratchLayout)))
    }
    steps.append(
      Step(
        report: Plan.Step(
          name: name, kernel: descriptor.kernelName, precision: precision.plain,
          operationCount: operationCount,
          outputShape: destination.1.layout.shape),
        work: .primitive(try Primitive(descriptor, name: name), arguments)))
  }

  /// Adds a step that reads and writes rows of tensors by Winograd's algorithm; they lie in the kernel's
  /// layouts.
  mutating func addWinograd(
    _ kernel: WinogradKernel, _ weights: LayerWeights, name: String, reading source: MapRows,
    writing destination: MapRows
  ) throws(ComputeError) {
    for memory in [source.memory, destination.memory] {
      precondition(memory.layout.channelBlock == kernel.lanes, "\(name): another layout")
    }
    let transformed = try weights.winogradWeights(lanes: kernel.lanes, name: name)
    let biases = MemoryBlock(copying: weights.biases)
    place(destination.memory, reading: [source.memory], over: nil)
    let scratch = try placeScratch(kernel.scratchLayout)
    steps.append(
      Step(
        report: Plan.Step(
          name: name, kernel: kernel.name, precision: .float32,
          operationCount: kernel.operationCount, outputShape: Shape(kernel.output)),
        work: .winograd(
          WinogradStep(
            kernel: kernel, source: source, destination: destination, scratch: scratch,
            weights: transformed, biases: biases))))
  }

  /// Gives what the next step writes a place in the arena, or the bytes of `root`, and keeps what it
  /// reads until then.
  private mutating func place(
    _ destination: Memory, reading sources: [Memory], over root: Memory?
  ) {
    let index = steps.count
    for memory in sources { extendLife(of: memory, to: index) }
    if residentOf[ObjectIdentifier(destination)] == nil {
      let rootIndex = root.flatMap { residentOf[ObjectIdentifier($0)] }
      residentOf[ObjectIdentifier(destination)] = residents.count
      residents.append(
        Resident(
          memory: destination, root: rootIndex.map { residents[$0].root } ?? residents.count,
          first: index, last: index))
      memories.append(destination)
    }
    // Where it is part of a value, that has its place already.
    extendLife(of: destination, to: index)
  }

  /// Room for the next step alone.
  private mutating func placeScratch(_ layout: TensorLayout) throws(ComputeError) -> Memory {
    let memory = try Memory(layout)
    scratch.append((memory, steps.count))
    memories.append(memory)
    return memory
  }

  private mutating func extendLife(of memory: Memory, to step: Int) {
    guard let index = residentOf[ObjectIdentifier(memory)] else { return }
    let root = residents[index].root
    residents[root].last = max(residents[root].last, step)
  }

  /// Whether a tensor lies in the arena: the network's input does not.
  func isResident(_ memory: Memory) -> Bool { residentOf[ObjectIdentifier(memory)] != nil }

  mutating func keep(_ prepared: LayerWeights.Prepared, _ bias: MemoryBlock, _ memories: [Memory]) {
    weights.append(prepared)
    biases.append(bias)
    self.memories += memories
  }

  // MARK: Arena

  /// Gives every tensor and scratchpad a place.
  func arrange() -> (byteCount: Int, placements: [Plan.Placement], outputOffsets: [Int?]) {
    let roots = residents.indices.filter { residents[$0].root == $0 }
    let buffers =
      roots.map { root in
        ArenaLayout.Buffer(
          byteCount: residents.filter { $0.root == root }.map(\.memory.layout.byteCount).max() ?? 0,
          first: residents[root].first, last: residents[root].last)
      }
      + scratch.map {
        ArenaLayout.Buffer(byteCount: $0.memory.layout.byteCount, first: $0.step, last: $0.step)
      }
    let layout = ArenaLayout(buffers)
    var offsetOfRoot: [Int: Int] = [:]
    for (position, root) in roots.enumerated() { offsetOfRoot[root] = layout.offsets[position] }
    func offset(_ memory: Memory) -> Int? {
      residentOf[ObjectIdentifier(memory)].flatMap { offsetOfRoot[residents[$0].root] }
    }
    var placements = residents.compactMap { resident in
      offset(resident.memory).map { Plan.Placement(memory: resident.memory, offset: $0) }
    }
    for (position, entry) in scratch.enumerated() {
      placements.append(
        Plan.Placement(memory: entry.memory, offset: layout.offsets[roots.count + position]))
    }
    return (layout.byteCount, placements, outputs.map(offset))
  }
}
