public import Tensors

/// A network compiled for learning at one size of its inputs: forward, then backward.
///
/// It computes in float32, keeps what the backward pass reads, and knows the bytes that this takes before
/// the first step.
///
/// A plan belongs to the compute thread that made it.
@safe public final class TrainingPlan {
  /// How a plan computes.
  public struct Options: Sendable {
    /// Whether 3x3 convolutions, and the gradients of their sources and weights, take Winograd's algorithm.
    public var convolution: PlanOptions.ConvolutionAlgorithm = .direct

    /// Whether the inputs' gradients are wanted.
    public var differentiatesInputs = false

    /// Whether gradients are added to those that parameters have; otherwise each pass replaces them.
    public var addsGradients = true

    /// Whether outputs in no certain order, and their gradients, stay in the layout in which they are
    /// computed; otherwise they are row-major.
    public var keepsLayouts = false

    /// Makes options: direct convolutions, gradients that add up, outputs in rows.
    public init() {}
  }

  /// The bytes that the plan needs in the arena.
  public let arenaByteCount: Int

  /// The steps in the order in which they run, those of the forward pass first.
  public let steps: [Plan.Step]

  /// The number of steps of the forward pass.
  public let forwardCount: Int

  /// What a kernel needs to run, bound to the arena.
  private enum Execution {
    case primitive(PrimitiveCall)
    case native(any NativeStep)
  }

  private let executions: [Execution]
  private let placements: [(memory: Memory, offset: Int)]
  private let lowering: TrainingLowering
  private let stream: Stream
  private let arena: Arena
  private var boundGeneration: Int?

  /// Compiles a network.
  ///
  /// - Parameters:
  ///   - network: what to learn; the gradient is that of its outputs.
  ///   - inputShapes: the inputs' extents.
  ///   - inputLayouts: how they lie; row-major where left out.
  ///   - parameters: what learns; layers that have none there keep their weights, and below the lowest that
  ///     has some nothing is computed backward.
  ///   - options: how the plan computes.
  ///   - arena: where activations and gradients live; what another plan has left there is lost.
  /// - Throws: `ComputeError` where a layer does not fit its input, has no gradient or no kernel, or where
  ///   no output depends on what learns.
  public init(
    _ network: Network, inputShapes: [Shape], inputLayouts: [TensorLayout?]? = nil,
    parameters: ParameterStore, options: Options = Options(), arena: Arena
  ) throws(ComputeError) {
    precondition(
      inputShapes.map { $0[1] } == network.inputChannels,
      "inputs \(inputShapes) of a network of \(network.inputChannels) channels")
    lowering = try TrainingLowering(
      network, inputShapes: inputShapes,
      inputLayouts: inputLayouts ?? [TensorLayout?](repeating: nil, count: inputShapes.count),
      parameters: parameters, options: options, arena: arena)
    let schedule = lowering.schedule
    let placement = Placement(schedule)
    self.arena = arena
    steps = schedule.steps.map(\.report)
    forwardCount = lowering.forwardCount
    arenaByteCount = placement.byteCount
    placements =
      zip(schedule.residents, placement.residents).map { ($0.memory, $1) }
      + zip(schedule.scratch, placement.scratch).map { ($0.memory, $1) }
    executions = schedule.steps.map { step in
      switch step.work {
      case .primitive(let primitive, let arguments):
        .primitive(PrimitiveCall(primitive, arguments))
      case .native(let step): .native(step)
      }
    }
    stream = try Stream()
  }

  /// Runs the forward pass; its outputs stay until `backward` begins or another plan of the arena runs.
  ///
  /// - Parameter inputs: for each input its values, in its layout; they stay as they are until `backward`
  ///   has ended.
  /// - Throws: `ComputeError` where a kernel fails, or the system has no memory for the arena.
  @unsafe public func forward(on inputs: [UnsafePointer<Float>]) throws(ComputeError) {
    precondition(
      unsafe inputs.count == lowering.inputs.count,
      "\(unsafe inputs.count) inputs for \(lowering.inputs.count)")
    try arena.reserve(arenaByteCount)
    if boundGeneration != arena.generation {
      for (memory, offset) in placements {
        // Safety: the arena holds `arenaByteCount` bytes, and every tensor was placed below that.
        try unsafe memory.bind(arena.block.address + offset)
      }
      boundGeneration = arena.generation
    }
    for (memory, number) in lowering.schedule.inputRegions {
      try unsafe memory.bind(UnsafeMutableRawPointer(mutating: inputs[number]))
    }
    try run(0..<forwardCount)
  }

  /// Runs the backward pass from the gradients that `setGradient` has given.
  ///
  /// - Throws: `ComputeError` where a kernel fails.
  public func backward() throws(ComputeError) {
    precondition(boundGeneration == arena.generation, "a backward pass without a forward pass")
    try run(forwardCount..<executions.count)
  }

  private func run(_ range: Range<Int>) throws(ComputeError) {
    for execution in executions[range] {
      switch execution {
      case .primitive(let call): try call.run(on: stream)
      case .native(let step): step.run()
      }
    }
    try stream.wait(for: "waiting for the last kernel")
  }

  /// Runs the forward pass again and looks for its first result that is not finite.
  ///
  /// - Parameter inputs: as for `forward`.
  /// - Returns: the layer's name; `nil` where all results are finite.
  /// - Throws: `ComputeError` as `forward`.
  @unsafe public func firstLayerThatIsNotFinite(
    on inputs: [UnsafePointer<Float>]
  ) throws(ComputeError) -> String? {
    try unsafe forward(on: inputs)
    for index in 0..<forwardCount {
      try run(index..<index + 1)
      let memory = lowering.written[index]
      // Safety: the step has just written the tensor.
      let values = unsafe UnsafeBufferPointer(
        start: memory.floats, count: memory.layout.byteCount / MemoryLayout<Float>.stride)
      if unsafe values.contains(where: { !$0.isFinite }) { return steps[index].name }
    }
    return nil
  }

  /// How an output lies, and its gradient.
  public func outputLayout(_ index: Int) -> TensorLayout { lowering.outputs[index].value.layout }

  /// Whether anything that learns depends on an output's gradient.
  public func takesGradient(ofOutput index: Int) -> Bool {
    lowering.outputs[index].gradient != nil
  }

  /// An output of the forward pass: row-major, or channels innermost where the network says so.
  public func withOutput<Result>(_ index: Int, _ body: (Span<Float>) -> Result) -> Result {
    let memory = lowering.outputs[index].value
    // Safety: the tensor lies in the arena with so many numbers.
    return unsafe body(
      Span(
        _unsafeStart: UnsafePointer(memory.floats), count: memory.layout.shape.count))
  }

  /// Says what the gradient of a loss by an output is, in the output's order, before `backward`.
  ///
  /// - Parameters:
  ///   - index: the output; one that depends on nothing that learns takes no gradient.
  ///   - write: writes all numbers of the gradient.
  public func setGradient(ofOutput index: Int, _ write: (inout MutableSpan<Float>) -> Void) {
    guard let memory = lowering.outputs[index].gradient else { return }
    // Safety: the tensor lies in the arena with so many bytes.
    var span = unsafe MutableSpan(
      _unsafeStart: memory.floats, count: memory.layout.shape.count)
    write(&span)
  }

  /// The numbers of an output in its layout, where the caller reads several at once.
  @unsafe public func outputValues(_ index: Int) -> UnsafeBufferPointer<Float> {
    let memory = lowering.outputs[index].value
    // Safety: as above.
    return unsafe UnsafeBufferPointer(
      start: memory.floats, count: memory.layout.byteCount / MemoryLayout<Float>.stride)
  }

  /// Room for the gradient of an output in its layout, whose numbers are whatever was there before; `nil`
  /// where nothing that learns depends on it.
  @unsafe public func gradientValues(
    ofOutput index: Int
  ) -> UnsafeMutableBufferPointer<Float>? {
    guard let memory = lowering.outputs[index].gradient else { return nil }
    // Safety: as above.
    return unsafe UnsafeMutableBufferPointer(
      start: memory.floats, count: memory.layout.byteCount / MemoryLayout<Float>.stride)
  }

  /// The gradient of an input after `backward`, row-major, in the arena; `nil` where none was asked for.
  @unsafe public func inputGradientValues(_ index: Int) -> UnsafeBufferPointer<Float>? {
    guard let memory = lowering.inputGradients[index] else { return nil }
    // Safety: as above.
    return unsafe UnsafeBufferPointer(start: memory.floats, count: memory.layout.shape.count)
  }

  /// The gradient of an input after `backward`, row-major; nothing where none was asked for.
  public func withInputGradient<Result>(
    _ index: Int, _ body: (Span<Float>) -> Result
  ) -> Result? {
    guard let memory = lowering.inputGradients[index] else { return nil }
    // Safety: as above.
    return unsafe body(
      Span(_unsafeStart: UnsafePointer(memory.floats), count: memory.layout.shape.count))
  }
}
