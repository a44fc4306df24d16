internal import CConvolutionKernels
internal import Tensors

/// Turns a network into steps forward and steps backward, and says from which step to which each tensor
/// is needed.
///
/// The network is a list in topological order, so its reverse walk is the backward pass. A gradient is
/// computed only where something below it learns. Every map lies in one order, in which oneDNN's kernels
/// and our own take it: channels in blocks of a vector's lanes where they come out even, else row-major.
struct TrainingLowering {
  let network: Network
  let extents: Extents
  let parameters: ParameterStore
  let options: TrainingPlan.Options
  private let arena: Arena
  private(set) var schedule = Schedule()
  /// The number of steps of the forward pass.
  private(set) var forwardCount = 0
  /// The network's outputs as they are handed out, and their gradients as they are handed in.
  private(set) var outputs: [(value: Memory, gradient: Memory?)] = []
  private(set) var inputs: [Memory] = []
  /// The gradients of the network's inputs, where they were asked for.
  private(set) var inputGradients: [Memory?] = []
  private(set) var blocks: [AnyObject] = []
  /// What each step writes, in the order of the steps.
  private(set) var written: [Memory] = []
  private var gradientsBegun: Set<ObjectIdentifier> = []
  /// Weights that are transformed once for all layers that share them: for the results, and for the
  /// sources' gradients.
  var transformed: [ObjectIdentifier: Memory] = [:]
  var turned: [ObjectIdentifier: Memory] = [:]

  private var values: [Memory?]
  private var gradients: [Memory?]
  /// Whether the gradient of a value is wanted.
  private let isWanted: [Bool]

  init(
    _ network: Network, inputShapes: [Shape], inputLayouts: [TensorLayout?],
    parameters: ParameterStore, options: TrainingPlan.Options, arena: Arena
  ) throws(ComputeError) {
    self.network = network
    self.parameters = parameters
    self.options = options
    self.arena = arena
    let differentiatesInputs = options.differentiatesInputs
    extents = try Extents(network, inputs: inputShapes)
    let count = network.inputChannels.count + network.layers.count
    values = [Memory?](repeating: nil, count: count)
    gradients = [Memory?](repeating: nil, count: count)
    var isWanted = [Bool](repeating: differentiatesInputs, count: network.inputChannels.count)
    for layer in network.layers {
      let learns = parameters.learns(layer.operation)
      isWanted.append(learns || layer.operation.inputs.contains { isWanted[$0.index] })
    }
    self.isWanted = isWanted
    try lowerInputs(inputLayouts)
    var records: [any LayerGradient] = []
    for (index, layer) in network.layers.enumerated() {
      guard let operation = layer.operation as? any Differentiable else {
        throw ComputeError(
          operation: layer.name, reason: "\(type(of: layer.operation)) has no gradient")
      }
      let place = LoweredLayer(
        index: index, name: layer.name, result: network.result(ofLayer: index))
      records.append(try operation.lowerForward(place, in: &self))
    }
    try lowerOutputs()
    for (index, record) in records.enumerated().reversed() {
      guard let upstream = gradients[network.result(ofLayer: index).index] else { continue }
      try record.lowerBackward(upstream, in: &self)
    }
    for input in network.inputs {
      guard differentiatesInputs, let gradient = gradients[input.index] else {
        inputGradients.append(nil)
        continue
      }
      let plain = try reordered(gradient, to: .rowMajor(Shape(extents[input])), "input gradient")
      schedule.keepToTheEnd(plain)
      inputGradients.append(plain)
    }
  }

  private mutating func lowerInputs(_ layouts: [TensorLayout?]) throws(ComputeError) {
    for input in network.inputs {
      let layout: TensorLayout
      if let given = layouts[input.index] {
        layout = given
      } else {
        layout = try .rowMajor(Shape(extents[input]))
      }
      let memory = try Memory(layout)
      schedule.addInput(memory, number: input.index)
      inputs.append(memory)
      values[input.index] = try reordered(memory, to: self.layout(of: extents[input]), "input")
    }
  }

  private mutating func lowerOutputs() throws(ComputeError) {
    for (value, order) in network.outputs {
      let shape = Shape(extents[value])
      let layout: TensorLayout
      if order == .channelsLast {
        layout = try .channelsLast(shape)
      } else {
        layout = try options.keepsLayouts ? self.layout(of: extents[value]) : .rowMajor(shape)
      }
      let memory = try reordered(memory(of: value), to: layout, "output")
      outputs.append((memory, isWanted[value.index] ? try Memory(layout) : nil))
    }
    // Between the passes the caller reads the outputs and writes their gradients: a step that does
    // nothing keeps the place of both.
    forwardCount = schedule.steps.count
    let given = outputs.compactMap(\.gradient)
    guard let last = given.last else {
      throw ComputeError(operation: "training plan", reason: "no output depends on a parameter")
    }
    for gradient in given { schedule.addResident(gradient) }
    addStep("loss", changing: last, reading: outputs.map(\.value)) {}
    for ((value, _), output) in zip(network.outputs, outputs) {
      guard let gradient = output.gradient else { continue }
      // A copy where the layout is the same: it will be added to and overwritten.
      try add(copied(gradient, to: layout(of: extents[value]), "output gradient"), to: value)
    }
  }

  // MARK: Values

  func extents(of value: Network.Value) -> [Int] { extents[value] }

  /// How every value of such extents lies.
  func layout(of extents: [Int]) throws(ComputeError) -> TensorLayout {
    if extents.count == 4, let lanes = Engine.winogradLanes, extents[1] % lanes == 0 {
      return try .channelBlocked(Shape(extents), block: lanes)
    }
    return try .rowMajor(Shape(extents))
  }

  func memory(of value: Network.Value) -> Memory {
    guard let memory = values[value.index] else {
      preconditionFailure("a value that no layer has made")
    }
    return memory
  }

  mutating func set(_ memory: Memory, of value: Network.Value) { values[value.index] = memory }

  /// Whether anything at or below a value learns.
  func wantsGradient(of value: Network.Value) -> Bool { isWanted[value.index] }

  /// Adds to a value's gradient, which is complete when the layer that makes the value has its turn.
  ///
  /// The tensor belongs to the value from here on.
  mutating func add(_ gradient: Memory, to value: Network.Value) throws(ComputeError) {
    guard isWanted[value.index] else { return }
    guard let sum = gradients[value.index] else {
      gradients[value.index] = gradient
      return
    }
    let count = sum.layout.byteCount / MemoryLayout<Float>.stride
    addStep("sum of gradients", changing: sum, reading: [gradient]) {
      // Safety: both have the layout of the value.
      OpenMP.parallel(count, threadCount: OpenMP.threadCount) { range in
        unsafe gradient_add(
          sum.floats + range.lowerBound, gradient.floats + range.lowerBound, range.count)
      }
    }
  }

  // MARK: Steps

  /// Adds a step of our own that writes one tensor.
  mutating func addStep(
    _ name: String, reading sources: [Memory], writing destination: Memory,
    _ body: @escaping () -> Void
  ) {
    addStep(name, ClosureStep(body: body), reading: sources, writing: destination)
  }

  /// Adds a step of our own that writes no tensor of the arena but one that exists, or none.
  mutating func addStep(
    _ name: String, changing memory: Memory, reading sources: [Memory],
    _ body: @escaping () -> Void
  ) {
    addStep(name, ClosureStep(body: body), reading: sources + [memory], writing: memory)
  }

  mutating func addStep(
    _ name: String, _ step: any NativeStep, reading sources: [Memory], writing destination: Memory
  ) {
    schedule.add(
      Schedule.Step(report: report(name, "own", destination), work: .native(step)),
      reading: sources, writing: destination)
    written.append(destination)
  }

  /// Adds a step of oneDNN's that writes one tensor, or several.
  mutating func addStep(
    _ name: String, _ descriptor: PrimitiveDescriptor, reading sources: [(Argument, Memory)],
    writing destinations: [(Argument, Memory)]
  ) throws(ComputeError) {
    var arguments = sources + destinations
    let scratch = descriptor.scratchpadLayout
    if scratch.byteCount > 0 { arguments.append((.scratchpad, try schedule.addScratch(scratch))) }
    for (_, memory) in destinations.dropFirst() { schedule.addResident(memory) }
    schedule.add(
      Schedule.Step(
        report: report(name, descriptor.kernelName, destinations[0].1),
        work: .primitive(try Primitive(descriptor, name: name), arguments)),
      reading: sources.map(\.1), writing: destinations[0].1)
    written.append(destinations[0].1)
  }

  /// Adds a reorder from a tensor of the arena to one that has its place outside of it.
  mutating func addReorder(
    _ name: String, from source: Memory, to constant: Memory
  ) throws(ComputeError) {
    let descriptor = try PrimitiveDescriptor.reorder(
      source.layout, to: constant.layout, name: name)
    var arguments = [(Argument.source, source), (Argument.destination, constant)]
    let scratch = descriptor.scratchpadLayout
    if scratch.byteCount > 0 { arguments.append((.scratchpad, try schedule.addScratch(scratch))) }
    schedule.add(
      Schedule.Step(
        report: report(name, descriptor.kernelName, constant),
        work: .primitive(try Primitive(descriptor, name: name), arguments)),
      reading: [source], writing: source)
    written.append(source)
  }

  /// Whether a gradient that is computed now takes the place of what the parameter has.
  mutating func replacesGradient(of parameter: Parameter) -> Bool {
    gradientsBegun.insert(ObjectIdentifier(parameter)).inserted && !options.addsGradients
  }

  private func report(_ name: String, _ kernel: String, _ destination: Memory) -> Plan.Step {
    Plan.Step(
      name: name, kernel: kernel, precision: .float32, isWinograd: false, operationCount: 0,
      outputShape: destination.layout.shape)
  }

  /// A copy of a tensor in a layout, or the tensor itself where it has that already.
  mutating func reordered(
    _ source: Memory, to layout: TensorLayout, _ name: String
  ) throws(ComputeError) -> Memory {
    source.layout == layout ? source : try copied(source, to: layout, name)
  }

  /// A copy of a tensor in a layout, which may be its own.
  mutating func copied(
    _ source: Memory, to layout: TensorLayout, _ name: String
  ) throws(ComputeError) -> Memory {
    let destination = try Memory(layout)
    try addStep(
      "\(name): reorder", .reorder(source.layout, to: layout, name: name),
      reading: [(.source, source)], writing: [(.destination, destination)])
    return destination
  }

  /// A tensor for the next step alone.
  mutating func addScratch(_ layout: TensorLayout) throws(ComputeError) -> Memory {
    try schedule.addScratch(layout)
  }

  // MARK: Constants

  /// A tensor at a fixed place, which the plan keeps.
  mutating func constant(
    _ layout: TensorLayout, in block: MemoryBlock
  ) throws(ComputeError) -> Memory {
    // Safety: the caller made the block for the layout.
    let memory = try unsafe Memory(layout, at: block.address)
    blocks.append(block)
    schedule.keep(memory)
    return memory
  }

  /// A layer's weights in a kernel's layout: a learning layer's are put in order in each forward pass.
  mutating func weights(
    _ weights: LayerWeights, extents: [Int], as layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    if let pair = parameters.pair(of: weights) {
      let plain = try constant(.rowMajor(Shape(extents)), in: pair.weights.values)
      return try reordered(plain, to: layout, name)
    }
    let prepared = try weights.prepared(in: layout, dimensions: extents, name: name, scratch: arena)
    return try constant(prepared.layout, in: prepared.block)
  }

  /// A layer's biases.
  mutating func biases(_ weights: LayerWeights) throws(ComputeError) -> Memory {
    let layout = try TensorLayout.rowMajor([weights.biases.count])
    if let biases = parameters.pair(of: weights)?.biases {
      return try constant(layout, in: biases.values)
    }
    return try constant(layout, in: MemoryBlock(copying: weights.biases))
  }
}
