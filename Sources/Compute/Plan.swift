internal import CDNNL
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
    /// Multiplications and additions, counted as a direct computation would need them.
    public let operationCount: Int
    /// The extents of what the step writes.
    public let outputShape: Shape
  }

  /// What a kernel needs to run, bound to the arena.
  @safe enum Execution {
    case primitive(Primitive, [dnnl_exec_arg_t])
    case winograd(WinogradStep)
  }

  /// A memory object that lies in the arena.
  struct Placement {
    let memory: Memory
    let offset: Int
  }

  /// The layout in which `run` expects the input.
  public let inputLayout: TensorLayout

  /// The layouts of the outputs, in the order in which the network declared them.
  public let outputLayouts: [TensorLayout]

  /// The steps in the order in which they run.
  public let steps: [Step]

  /// The bytes that the plan needs in the arena.
  public let arenaByteCount: Int

  private let executions: [Execution]
  private let placements: [Placement]
  /// The network's input, and the parts of it that strips read.
  private let inputs: [Memory]
  private let outputOffsets: [Int?]
  private let weights: [LayerWeights.Prepared]
  private let biases: [MemoryBlock]
  private let memories: [Memory]
  private let stream: Stream
  private let arena: Arena
  /// The arena's block that the placements point into.
  private var boundGeneration: Int?
  private var boundInput: UnsafeRawPointer?

  /// Compiles a network.
  ///
  /// - Parameters:
  ///   - network: what to compute.
  ///   - shape: the input's extents; traps unless its channels are the network's.
  ///   - inputLayout: how the input will lie in memory; the first kernel's own wish where it is
  ///     left out.
  ///   - arena: where activations live; plans that never run at the same time share one. What
  ///     another plan has left there is lost.
  ///   - options: precision and algorithms.
  /// - Throws: `ComputeError` where a layer does not fit its input or oneDNN has no kernel for it.
  public init(
    _ network: Network, inputShape shape: Shape, inputLayout: TensorLayout? = nil, arena: Arena,
    options: PlanOptions = PlanOptions()
  ) throws(ComputeError) {
    precondition(
      shape.rank >= 2 && shape[1] == network.inputChannels,
      "input \(shape) of a network of \(network.inputChannels) channels")
    var builder = try PlanBuilder(
      network: network, inputShape: shape, inputLayout: inputLayout, arena: arena, options: options)
    try builder.build()

    self.inputLayout = try builder.inputLayout(of: network.input)
    self.arena = arena
    inputs = try [builder.memory(of: network.input)] + builder.inputRegions
    var layouts: [TensorLayout] = []
    for output in builder.outputs { layouts.append(builder.layout(of: output)) }
    outputLayouts = layouts
    steps = builder.steps.map(\.report)
    let arrangement = builder.arrange()
    arenaByteCount = arrangement.byteCount
    placements = arrangement.placements
    outputOffsets = arrangement.outputOffsets
    weights = builder.weights
    biases = builder.biases
    memories = builder.memories
    executions = builder.steps.map { step in
      switch step.work {
      case .primitive(let primitive, let arguments):
        unsafe .primitive(
          primitive,
          arguments.map { argument, memory in
            unsafe dnnl_exec_arg_t(arg: argument, memory: memory.handle)
          })
      case .winograd(let step): .winograd(step)
      }
    }
    stream = try Stream()
  }

  /// Runs the plan.
  ///
  /// The outputs stay valid until another plan of the same arena runs.
  ///
  /// - Parameters:
  ///   - source: `inputLayout.byteCount` bytes, which nothing writes meanwhile; aligned to 4 bytes.
  ///   - observe: called after each step with its index, to time the steps.
  /// - Throws: `ComputeError` where a kernel fails.
  @unsafe public func run(
    on source: UnsafeRawPointer, observe: ((Int) -> Void)? = nil
  ) throws(ComputeError) {
    arena.reserve(arenaByteCount)
    if boundGeneration != arena.generation {
      for placement in placements {
        // Safety: the arena holds `arenaByteCount` bytes, and `ArenaLayout` placed every tensor
        // below that.
        try unsafe placement.memory.bind(arena.block.address + placement.offset)
      }
      boundGeneration = arena.generation
    }
    if unsafe boundInput != source {
      for input in inputs {
        try unsafe input.bind(UnsafeMutableRawPointer(mutating: source))
      }
      unsafe boundInput = source
    }
    for (index, execution) in executions.enumerated() {
      switch execution {
      case .primitive(let primitive, let arguments):
        try unsafe check(
          dnnl_primitive_execute(
            primitive.handle, stream.handle, Int32(arguments.count), arguments), steps[index].name)
      case .winograd(let step): step.run()
      }
      if let observe {
        try unsafe check(dnnl_stream_wait(stream.handle), steps[index].name)
        observe(index)
      }
    }
    try unsafe check(dnnl_stream_wait(stream.handle), "waiting for the last kernel")
  }

  /// Where an output begins after `run`; `outputLayouts[index]` says how it lies there.
  @unsafe public func output(_ index: Int) -> UnsafeRawPointer {
    guard boundGeneration != nil, let input = unsafe boundInput else {
      preconditionFailure("output \(index) of a plan that has not run")
    }
    // An output that no layer makes is the input itself.
    guard let offset = outputOffsets[index] else { return unsafe input }
    // Safety: a block that took the place of the one that was run in is no smaller.
    return unsafe UnsafeRawPointer(arena.block.address + offset)
  }

  /// An output's elements as float32, padding included.
  @unsafe public func outputValues(_ index: Int) -> UnsafeBufferPointer<Float> {
    // Safety: the tensor's bytes lie in the arena or are the input's, and its element type is float32.
    unsafe UnsafeBufferPointer(
      start: output(index).assumingMemoryBound(to: Float.self),
      count: outputLayouts[index].byteCount / MemoryLayout<Float>.stride)
  }
}
