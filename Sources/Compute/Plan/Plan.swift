public import Tensors

/// A network compiled for one input size.
///
/// Kernels are chosen and created, weights lie in the kernels' own layouts, and every activation has
/// its place in an arena: running the plan allocates and creates nothing.
///
/// A plan belongs to the compute thread that made it.
@safe public final class Plan {
  /// One kernel of a plan, for reports.
  public struct Step: Sendable {
    /// The layer's name, with what was done to it where that is not the layer itself.
    public let name: String
    /// The kernel's own name.
    public let kernel: String
    /// In what it multiplies.
    public let precision: PlanOptions.Precision
    /// Whether it is a convolution by Winograd's algorithm.
    public let isWinograd: Bool
    /// Multiplications and additions, counted as a direct computation would need them.
    public let operationCount: Int
    /// The extents of what the step writes.
    public let outputShape: Shape
  }

  /// What a kernel needs to run, bound to the arena.
  private enum Execution {
    case primitive(PrimitiveCall)
    case native(any NativeStep)
  }

  /// A memory object that lies in the arena.
  private struct Placed {
    let memory: Memory
    let offset: Int
  }

  /// Where an output lies.
  private enum OutputPlace {
    case arena(offset: Int)
    /// An output that no layer makes is an input itself.
    case input(Int)
  }

  /// The layouts in which `run` expects the inputs.
  public let inputLayouts: [TensorLayout]

  /// The layout in which `run` expects the first input.
  public var inputLayout: TensorLayout { inputLayouts[0] }

  /// The layouts of the outputs, in the order in which the network declared them.
  public let outputLayouts: [TensorLayout]

  /// The steps in the order in which they run.
  public let steps: [Step]

  /// The bytes that the plan needs in the arena.
  public let arenaByteCount: Int

  private let executions: [Execution]
  private let placements: [Placed]
  /// The network's inputs, and the parts of them that strips read.
  private let inputs: [(memory: Memory, input: Int)]
  private let outputPlaces: [OutputPlace]
  /// What the constants lie in.
  private let blocks: [AnyObject]
  private let memories: [Memory]
  private let stream: Stream
  private let arena: Arena
  /// The arena's block that the placements point into.
  private var boundGeneration: Int?
  private var boundInputs: [UnsafeRawPointer] = unsafe []

  /// Compiles a network of one input.
  ///
  /// - Parameters:
  ///   - network: what to compute.
  ///   - shape: the input's extents; traps unless its channels are the network's.
  ///   - inputLayout: how the input will lie in memory; the first kernel's own wish where it is
  ///     left out.
  ///   - arena: where activations live; plans that never run at the same time share one. What
  ///     another plan has left there is lost.
  ///   - options: precision and algorithms.
  ///   - winogradBudget: what weights transformed for Winograd's convolutions may take, together with
  ///     those of all other plans that are given the same.
  /// - Throws: `ComputeError` where a layer does not fit its input or oneDNN has no kernel for it.
  public convenience init(
    _ network: Network, inputShape shape: Shape, inputLayout: TensorLayout? = nil, arena: Arena,
    options: PlanOptions = PlanOptions(), winogradBudget: WinogradBudget = WinogradBudget()
  ) throws(ComputeError) {
    try self.init(
      network, inputShapes: [shape], inputLayouts: [inputLayout], arena: arena, options: options,
      winogradBudget: winogradBudget)
  }

  /// Compiles a network of several inputs.
  ///
  /// - Parameters:
  ///   - network: what to compute.
  ///   - shapes: the inputs' extents; traps unless their channels are the network's.
  ///   - inputLayouts: how the inputs will lie in memory, `nil` for an input whose first kernel may
  ///     choose; left out for all.
  ///   - arena: where activations live; plans that never run at the same time share one. What
  ///     another plan has left there is lost.
  ///   - options: precision and algorithms.
  ///   - winogradBudget: what weights transformed for Winograd's convolutions may take, together with
  ///     those of all other plans that are given the same.
  /// - Throws: `ComputeError` where a layer does not fit its input or oneDNN has no kernel for it.
  public init(
    _ network: Network, inputShapes shapes: [Shape], inputLayouts: [TensorLayout?]? = nil,
    arena: Arena, options: PlanOptions = PlanOptions(),
    winogradBudget: WinogradBudget = WinogradBudget()
  ) throws(ComputeError) {
    let given = inputLayouts ?? [TensorLayout?](repeating: nil, count: shapes.count)
    precondition(
      shapes.count == network.inputChannels.count && given.count == shapes.count,
      "\(shapes.count) inputs of a network of \(network.inputChannels.count)")
    for (number, shape) in shapes.enumerated() {
      precondition(
        shape.rank >= 2 && shape[1] == network.inputChannels[number],
        "input \(shape) of a network of \(network.inputChannels[number]) channels")
      if let layout = given[number] {
        precondition(layout.shape == shape, "\(layout.shape) is not \(shape)")
      }
    }
    let network = Fusion(network).network
    let extents = try Extents(network, inputs: shapes)
    let choice = KernelChoice(network, options: options) {
      winogradBudget.grants($1, to: $0)
    }
    let kernels = DirectKernels(options: options)
    let cuts = try StripCuts(
      network, extents, choice, limit: options.stripByteCount
    ) { (convolution, geometry, name) throws(ComputeError) in
      try kernels.convolution(
        convolution, geometry, precision: .float32, result: .float32, name: name
      ).workingByteCount
    }
    let lowering = try Lowering(
      network, extents, choice, cuts: cuts.strips, inputLayouts: given, arena: arena,
      kernels: kernels)
    let schedule = lowering.schedule
    let placement = Placement(schedule)

    self.arena = arena
    self.inputLayouts = lowering.inputLayouts
    inputs = schedule.inputRegions
    outputLayouts = lowering.outputs.map(\.layout)
    outputPlaces = lowering.outputs.map { output in
      if let resident = schedule.resident(of: output) {
        return .arena(offset: placement.residents[resident])
      }
      guard let input = schedule.input(of: output) else {
        preconditionFailure("an output that lies nowhere")
      }
      return .input(input)
    }
    steps = schedule.steps.map(\.report)
    arenaByteCount = placement.byteCount
    placements =
      zip(schedule.residents, placement.residents).map { Placed(memory: $0.memory, offset: $1) }
      + zip(schedule.scratch, placement.scratch).map { Placed(memory: $0.memory, offset: $1) }
    blocks = lowering.blocks
    memories = schedule.constants
    executions = schedule.steps.map { step in
      switch step.work {
      case .primitive(let primitive, let arguments):
        .primitive(PrimitiveCall(primitive, arguments))
      case .native(let step): .native(step)
      }
    }
    stream = try Stream()
  }

  /// Runs a plan of one input.
  ///
  /// - Parameters:
  ///   - source: `inputLayout.byteCount` bytes, which nothing writes meanwhile; aligned to 4 bytes.
  ///   - observe: called after each step with its index, to time the steps.
  /// - Throws: `ComputeError` where a kernel fails.
  @unsafe public func run(
    on source: UnsafeRawPointer, observe: ((Int) -> Void)? = nil
  ) throws(ComputeError) {
    try unsafe run(on: [source], observe: observe)
  }

  /// Runs the plan.
  ///
  /// The outputs stay valid until another plan of the same arena runs.
  ///
  /// - Parameters:
  ///   - sources: for each input the bytes of its layout, which nothing writes meanwhile; aligned to 4
  ///     bytes.
  ///   - observe: called after each step with its index, to time the steps.
  /// - Throws: `ComputeError` where a kernel fails, or the system has no memory for the arena.
  @unsafe public func run(
    on sources: [UnsafeRawPointer], observe: ((Int) -> Void)? = nil
  ) throws(ComputeError) {
    precondition(
      unsafe sources.count == inputLayouts.count,
      "\(unsafe sources.count) inputs for \(inputLayouts.count)")
    try arena.reserve(arenaByteCount)
    if boundGeneration != arena.generation {
      for placement in placements {
        // Safety: the arena holds `arenaByteCount` bytes, and `ArenaLayout` placed every tensor
        // below that.
        try unsafe placement.memory.bind(arena.block.address + placement.offset)
      }
      boundGeneration = arena.generation
    }
    if unsafe boundInputs != sources {
      for (memory, input) in inputs {
        try unsafe memory.bind(UnsafeMutableRawPointer(mutating: sources[input]))
      }
      unsafe boundInputs = sources
    }
    for (index, execution) in executions.enumerated() {
      switch execution {
      case .primitive(let call): try call.run(on: stream)
      case .native(let step): step.run()
      }
      if let observe {
        try stream.wait(for: steps[index].name)
        observe(index)
      }
    }
    try stream.wait(for: "waiting for the last kernel")
  }

  /// Where an output begins after `run`; `outputLayouts[index]` says how it lies there.
  @unsafe public func output(_ index: Int) -> UnsafeRawPointer {
    precondition(
      unsafe boundGeneration != nil && !boundInputs.isEmpty,
      "output \(index) of a plan that has not run")
    switch outputPlaces[index] {
    case .input(let input): return unsafe boundInputs[input]
    case .arena(let offset):
      precondition(
        offset + outputLayouts[index].byteCount <= arena.block.count,
        "output \(index) of an arena that another plan has emptied")
      // Safety: the output lies within the block, as was just checked.
      return unsafe UnsafeRawPointer(arena.block.address + offset)
    }
  }

  /// An output's elements as float32, padding included.
  @unsafe public func outputValues(_ index: Int) -> UnsafeBufferPointer<Float> {
    // Safety: the tensor's bytes lie in the arena or are the input's, and its element type is float32.
    unsafe UnsafeBufferPointer(
      start: output(index).assumingMemoryBound(to: Float.self),
      count: outputLayouts[index].byteCount / MemoryLayout<Float>.stride)
  }
}
