internal import Tensors

/// Turns layers into steps: chooses layouts, makes kernels, and says where each value lies.
///
/// The last pass but one, and the only one that asks oneDNN for kernels. What the passes before have
/// decided does not change here.
struct Lowering {
  let network: Network
  let extents: Extents
  let choice: KernelChoice
  let kernels: DirectKernels
  /// Where the plan's activations will lie: until then, scratch memory for putting weights in order.
  let arena: Arena
  private(set) var schedule = Schedule()
  private(set) var outputs: [Memory] = []
  /// What the steps' constants lie in.
  private(set) var blocks: [AnyObject] = []

  /// For each value, where it is once a layer has made it or, of an input, a layer has read it.
  private var located: [Memory?]
  private var stored: [ValueStorage]
  /// Copies of values that readers wanted otherwise than they are kept.
  private var converted: [(value: Network.Value, storage: ValueStorage, memory: Memory)] = []

  /// Lowers a whole network.
  ///
  /// - Parameters:
  ///   - network: the layers.
  ///   - extents: their results' extents.
  ///   - choice: the kernels.
  ///   - cuts: the chains that are computed strip by strip.
  ///   - inputLayouts: how the inputs will lie; the first kernel's own wish where it is `nil`.
  ///   - arena: scratch memory, the contents of which are lost.
  ///   - kernels: where oneDNN's kernels come from.
  /// - Throws: `ComputeError` where oneDNN has no kernel for a layer, or the system no memory for weights.
  init(
    _ network: Network, _ extents: Extents, _ choice: KernelChoice, cuts: [Int: LayerStrips],
    inputLayouts: [TensorLayout?], arena: Arena, kernels: DirectKernels
  ) throws(ComputeError) {
    self.network = network
    self.extents = extents
    self.choice = choice
    self.arena = arena
    self.kernels = kernels
    let count = network.inputChannels.count + network.layers.count
    located = [Memory?](repeating: nil, count: count)
    stored = [ValueStorage](repeating: .float32, count: count)
    for (number, layout) in inputLayouts.enumerated() {
      guard let layout else { continue }
      try setInput(number, Memory(layout))
    }
    var index = 0
    while index < network.layers.count {
      if let strips = cuts[index] {
        try add(strips)
        index = strips.layers.upperBound
        continue
      }
      let layer = network.layers[index]
      let result = network.result(ofLayer: index)
      // A pooling may have been computed along with the convolution before, and a 1x1 convolution with
      // another one of the same map.
      if located[result.index] == nil {
        try layer.operation.lower(
          LoweredLayer(index: index, name: layer.name, result: result), in: &self)
      }
      index += 1
    }
    for (value, order) in network.outputs {
      var memory = try memory(of: value, kept: .float32, name: "output")
      if order == .channelsLast {
        memory = try reordered(
          memory, to: TensorLayout.channelsLast(Shape(extents[value])), name: "output order")
      }
      outputs.append(memory)
    }
    // Inputs that nothing reads lie as they like.
    for input in network.inputs { _ = try memory(of: input) }
    // Outputs are read after the last step.
    for output in outputs { schedule.keepToTheEnd(output) }
  }

  /// How the inputs lie.
  var inputLayouts: [TensorLayout] {
    network.inputs.map { input in
      guard let memory = located[input.index] else {
        preconditionFailure("an input that lies nowhere")
      }
      return memory.layout
    }
  }

  // MARK: Values

  func extents(of value: Network.Value) -> [Int] { extents[value] }

  private mutating func setInput(_ number: Int, _ memory: Memory) {
    located[number] = memory
    schedule.addInput(memory, number: number)
  }

  /// Where a value lies; an input, if nobody said how it lies, is row-major.
  mutating func memory(of value: Network.Value) throws(ComputeError) -> Memory {
    if let memory = located[value.index] { return memory }
    precondition(network.maker(of: value) == nil, "a value that no layer has made")
    let memory = try Memory(TensorLayout.rowMajor(Shape(extents[value])))
    setInput(value.index, memory)
    return memory
  }

  /// A value in the layout that a kernel wants; an input that is not yet placed takes it on.
  mutating func memory(
    of value: Network.Value, as layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    if located[value.index] == nil, layout.channelBlock != nil || layout.shape.rank == 2 {
      setInput(value.index, try Memory(layout))
    }
    return try reordered(memory(of: value), to: layout, name: name)
  }

  /// A value; an input that is not yet placed takes on an order of channels.
  mutating func memory(
    of value: Network.Value, channelBlock: Int?
  ) throws(ComputeError) -> Memory {
    if located[value.index] == nil, channelBlock == extents[value][1] {
      setInput(
        value.index, try Memory(TensorLayout.channelsLast(Shape(extents[value]))))
    }
    return try memory(of: value)
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
    if case .quantized = storage, storage.zero != 0 || present == .bfloat16 {
      // oneDNN's own copy of bfloat16 to bytes takes three times as long.
      let kept: ValueStorage = present == .bfloat16 ? .bfloat16 : .float32
      let floats = try memory(
        of: value, kept: kept, as: layout.retyped(kept.elementType), name: name)
      let bytes = try Memory(layout)
      addStep(
        RoundingStep(source: floats, destination: bytes, scale: storage.scale, zero: storage.zero),
        report: Plan.Step(
          name: "\(name): round", kernel: "own: bytes", precision: .float32, isWinograd: false,
          operationCount: 0, outputShape: layout.shape), reading: [floats], writing: bytes)
      converted.append((value, storage, bytes))
      return bytes
    }
    // An input that nobody has placed lies as its first reader likes, but for the type.
    let source =
      located[value.index] == nil
      ? try memory(of: value, as: layout.retyped(.float32), name: name)
      : try memory(of: value)
    let copy = try copied(
      source, to: layout, scale: present.scale / storage.scale, name: name)
    converted.append((value, storage, copy))
    return copy
  }

  /// A value in a type, in the layout that it has.
  mutating func memory(
    of value: Network.Value, kept storage: ValueStorage, name: String
  ) throws(ComputeError) -> Memory {
    let source = try memory(of: value)
    if stored[value.index] == storage { return source }
    return try memory(
      of: value, kept: storage, as: source.layout.retyped(storage.elementType), name: name)
  }

  /// A value in a type, in the layout that it has; an input that is not yet placed takes on a kernel's.
  mutating func memory(
    of value: Network.Value, kept storage: ValueStorage, like layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    if located[value.index] == nil {
      _ = try memory(of: value, as: layout.retyped(.float32), name: name)
    }
    return try memory(of: value, kept: storage, name: name)
  }

  /// How a value is kept.
  func storage(of value: Network.Value) -> ValueStorage { stored[value.index] }

  mutating func set(
    _ memory: Memory, of value: Network.Value, kept storage: ValueStorage = .float32
  ) {
    located[value.index] = memory
    stored[value.index] = storage
  }

  /// Whether a layer may write its result over one of its inputs, or a copy of that, which nothing reads
  /// afterwards.
  func mayOverwrite(_ value: Network.Value, at memory: Memory, byLayer index: Int) -> Bool {
    let isItsOwn =
      located[value.index] === memory
      || converted.contains { $0.value == value && $0.memory === memory }
    return isItsOwn && schedule.resident(of: memory) != nil
      && !network.isRead(value, afterLayer: index)
  }

  // MARK: Copies and views

  mutating func reordered(
    _ source: Memory, to layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    source.layout == layout ? source : try copied(source, to: layout, name: name)
  }

  /// A copy of a tensor in a layout, which may be its own, with its values multiplied by a factor.
  mutating func copied(
    _ source: Memory, to layout: TensorLayout, scale: Float = 1, name: String
  ) throws(ComputeError) -> Memory {
    let destination = try Memory(layout)
    try copy(source, to: destination, scale: scale, name: "\(name): reorder")
    return destination
  }

  /// Adds a step that copies a tensor, with its values multiplied by a factor.
  mutating func copy(
    _ source: Memory, to destination: Memory, scale: Float, name: String
  ) throws(ComputeError) {
    let descriptor = try PrimitiveDescriptor.reorder(
      source.layout, to: destination.layout, scales: scale == 1 ? [] : [scale], name: name)
    try addStep(
      descriptor, name: name, operationCount: 0, reading: [(.source, source)],
      writing: destination)
  }

  /// The same bytes under another layout, as a matrix is a map of one row and one column.
  mutating func view(
    of memory: Memory, as layout: TensorLayout
  ) throws(ComputeError) -> Memory {
    let view = try Memory(layout)
    schedule.addAlias(view, of: memory)
    return view
  }

  /// A tensor that is some rows of another; `nil` where oneDNN cannot describe it.
  ///
  /// A step that reads it has to name `memory` too, so that this is kept for as long.
  mutating func rows(_ rows: Range<Int>, of memory: Memory) throws(ComputeError) -> Memory? {
    guard let layout = memory.layout.region(axis: 2, rows) else { return nil }
    return try view(of: memory, as: layout)
  }

  /// Makes room for a value that steps write part by part.
  mutating func addResident(_ memory: Memory) { schedule.addResident(memory) }

  // MARK: Steps

  /// Adds a step of oneDNN's that reads some tensors and writes one, which takes over the bytes of
  /// `root`.
  mutating func addStep(
    _ descriptor: PrimitiveDescriptor, name: String, precision: LayerPrecision = .float32,
    operationCount: Int, reading sources: [(Argument, Memory)], writing destination: Memory,
    over root: Memory? = nil
  ) throws(ComputeError) {
    var arguments = sources
    arguments.append((.destination, destination))
    let scratchLayout = descriptor.scratchpadLayout
    if scratchLayout.byteCount > 0 {
      arguments.append((.scratchpad, try schedule.addScratch(scratchLayout)))
    }
    let report = Plan.Step(
      name: name, kernel: descriptor.kernelName, precision: precision.plain, isWinograd: false,
      operationCount: operationCount, outputShape: destination.layout.shape)
    schedule.add(
      Schedule.Step(
        report: report, work: .primitive(try Primitive(descriptor, name: name), arguments)),
      reading: sources.map(\.1), writing: destination, over: root)
  }

  /// Adds a step of an own kernel.
  mutating func addStep(
    _ step: any NativeStep, report: Plan.Step, reading sources: [Memory],
    writing destination: Memory, over root: Memory? = nil
  ) {
    schedule.add(
      Schedule.Step(report: report, work: .native(step)), reading: sources, writing: destination,
      over: root)
  }

  /// Room for the next step alone.
  mutating func addScratch(_ layout: TensorLayout) throws(ComputeError) -> Memory {
    try schedule.addScratch(layout)
  }

  /// Keeps what constants lie in for as long as the plan lives.
  mutating func keep(_ block: AnyObject) { blocks.append(block) }

  /// A tensor at a fixed place.
  mutating func constant(
    _ layout: TensorLayout, in block: MemoryBlock
  ) throws(ComputeError) -> Memory {
    // Safety: the caller made the block for the layout, and the plan keeps it.
    let memory = try unsafe Memory(layout, at: block.address)
    blocks.append(block)
    schedule.keep(memory)
    return memory
  }

  /// The arguments for a layer's weights and biases.
  ///
  /// `result` is how the layer's result is kept.
  mutating func constants(
    _ weights: LayerWeights, layout: TensorLayout, dimensions: [Int], outputsLast: Bool = false,
    precision: LayerPrecision = .float32, result: ValueStorage = .float32, name: String
  ) throws(ComputeError) -> [(Argument, Memory)] {
    let prepared = try weights.prepared(
      in: layout, dimensions: dimensions, outputsLast: outputsLast, name: name, scratch: arena)
    let units = try precision.biasUnits(weights, to: result, name: name)
    let zeroTerms = try precision.zeroTerms(weights, name: name)
    var biases = weights.biases
    for (index, term) in zeroTerms.enumerated() { biases[index] -= term }
    for (index, unit) in units.enumerated() { biases[index] /= unit }
    let bias = try MemoryBlock(copying: biases)
    return [
      (.weights, try constant(prepared.layout, in: prepared.block)),
      (
        .bias,
        try constant(
          .rowMajor(outputsLast ? [1, biases.count] : [biases.count]), in: bias)
      ),
    ]
  }
}
