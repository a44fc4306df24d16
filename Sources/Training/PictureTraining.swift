internal import Compute
internal import Networks
internal import Tensors

/// What runs a closure of the engine and tells its errors as a training's.
func computing<Result>(
  _ body: () throws(ComputeError) -> Result
) throws(TrainingError) -> Result {
  do {
    return try body()
  } catch {
    throw .compute(error)
  }
}

/// The network of the picture in a training: features of all levels, then offsets, then logits of the RPN.
///
/// Below the lowest layer that learns it is computed as for inference. Both parts share an arena, one after
/// the other; what crosses from one to the other is copied in between.
@safe final class PictureTraining {
  private let divided: DividedNetwork
  private let store: ParameterStore
  private let options: TrainingPlan.Options
  private let arena = Arena()
  private let winogradBudget = WinogradBudget()
  private var crossing: [FloatBuffer] = []
  private var prepared: [Prepared] = []

  /// The plans for one size.
  private final class Prepared {
    let shape: Shape
    let frozen: Plan?
    let learning: TrainingPlan?

    init(shape: Shape, frozen: Plan?, learning: TrainingPlan?) {
      self.shape = shape
      self.frozen = frozen
      self.learning = learning
    }
  }

  /// The plans of so many sizes are kept.
  private static let capacity = 4

  private var current: Prepared?
  private var inputs: [UnsafePointer<Float>] = unsafe []

  init(
    _ networks: DetectorNetworks, store: ParameterStore, options: TrainingPlan.Options,
    where isTrained: (String) -> Bool
  ) {
    divided = networks.picture.divided(where: isTrained)
    self.store = store
    self.options = options
  }

  private func plans(for shape: Shape) throws(ComputeError) -> Prepared {
    if let index = prepared.firstIndex(where: { $0.shape == shape }) {
      let found = prepared.remove(at: index)
      prepared.append(found)
      return found
    }
    if prepared.count >= Self.capacity { prepared.removeFirst() }
    var frozen: Plan?
    if let network = divided.frozen {
      frozen = try Plan(
        network, inputShape: shape, inputLayout: .rowMajor(shape), arena: arena,
        options: PlanOptions(convolution: options.convolution), winogradBudget: winogradBudget)
    }
    var learning: TrainingPlan?
    if let network = divided.learning {
      var shapes: [Shape] = []
      var layouts: [TensorLayout?] = []
      for source in divided.sources {
        switch source {
        case .input:
          shapes.append(shape)
          layouts.append(nil)
        case .frozen(let index):
          guard let layout = frozen?.outputLayouts[index] else { continue }
          shapes.append(layout.shape)
          layouts.append(layout)
        }
      }
      learning = try TrainingPlan(
        network, inputShapes: shapes, inputLayouts: layouts, parameters: store, options: options,
        arena: arena)
    }
    let made = Prepared(shape: shape, frozen: frozen, learning: learning)
    prepared.append(made)
    return made
  }

  /// Runs the forward pass.
  ///
  /// - Parameters:
  ///   - values: [N, 3, H, W], which stay until `backward` has ended.
  ///   - shape: their extents.
  ///   - thread: whose team copies.
  /// - Throws: `ComputeError` where a layer has no kernel or gradient, or memory is short.
  @unsafe func forward(
    _ values: UnsafePointer<Float>, shape: Shape, thread: ComputeThread
  ) throws(ComputeError) {
    let plans = try plans(for: shape)
    current = plans
    try unsafe plans.frozen?.run(on: UnsafeRawPointer(values))
    guard let learning = plans.learning else { return }
    unsafe inputs.removeAll(keepingCapacity: true)
    for (number, source) in divided.sources.enumerated() {
      switch source {
      case .input: unsafe inputs.append(values)
      case .frozen(let index):
        guard let plan = plans.frozen else { continue }
        while crossing.count <= number { crossing.append(FloatBuffer()) }
        let output = unsafe plan.outputValues(index)
        let copy = unsafe try crossing[number].reserve(output.count)
        guard let from = output.baseAddress, let to = copy.baseAddress else {
          continue
        }
        thread.parallel(output.count) { range in
          // Safety: both have as many floats.
          unsafe (to + range.lowerBound).update(from: from + range.lowerBound, count: range.count)
        }
        unsafe inputs.append(UnsafePointer(to))
      }
    }
    try unsafe learning.forward(on: inputs)
  }

  /// Runs the backward pass, where anything learns.
  func backward() throws(ComputeError) { try current?.learning?.backward() }

  /// Looks for the first layer whose result is not finite.
  func firstLayerThatIsNotFinite() throws(ComputeError) -> String? {
    if unsafe inputs.isEmpty { return nil }
    return try unsafe current?.learning?.firstLayerThatIsNotFinite(on: inputs)
  }

  /// How an output lies.
  func outputLayout(_ index: Int) -> TensorLayout {
    if let learning = current?.learning { return learning.outputLayout(index) }
    guard let frozen = current?.frozen else {
      preconditionFailure("an output before a forward pass")
    }
    return frozen.outputLayouts[index]
  }

  /// The numbers of an output.
  @unsafe func outputValues(_ index: Int) -> UnsafeBufferPointer<Float> {
    if let learning = current?.learning { return unsafe learning.outputValues(index) }
    guard let frozen = current?.frozen else {
      preconditionFailure("an output before a forward pass")
    }
    return unsafe frozen.outputValues(index)
  }

  /// Room for the gradient of an output; `nil` where nothing that learns depends on it.
  @unsafe func gradientValues(_ index: Int) -> UnsafeMutableBufferPointer<Float>? {
    unsafe current?.learning?.gradientValues(ofOutput: index)
  }

  /// The bytes of the arena and of what crosses.
  var byteCount: Int { arena.byteCount + crossing.reduce(0) { $0 + $1.byteCount } }
}

/// The RoI head in a training: offsets, then logits, of pooled RoIs.
final class HeadTraining {
  private let network: Network
  private let channels: Int
  private let size: Int
  private let store: ParameterStore
  private let options: TrainingPlan.Options
  private let arena = Arena()
  private let input = FloatBuffer()
  private var plans: [(count: Int, differentiatesInputs: Bool, plan: TrainingPlan)] = []
  private(set) var plan: TrainingPlan?

  /// The plans of so many numbers of RoIs are kept.
  private static let capacity = 4

  init(_ networks: DetectorNetworks, store: ParameterStore, options: TrainingPlan.Options) {
    network = networks.head
    channels = networks.levels[networks.roiLevels.lowerBound].channels
    size = networks.pooledSize
    self.store = store
    self.options = options
  }

  /// Makes the plan for some RoIs and gives the room for their pooled features, [R, C, P, P].
  @unsafe func begin(
    count: Int, differentiatesInputs: Bool
  ) throws(ComputeError) -> UnsafeMutableBufferPointer<Float> {
    let index = plans.firstIndex {
      $0.count == count && $0.differentiatesInputs == differentiatesInputs
    }
    if let index {
      plans.append(plans.remove(at: index))
    } else {
      if plans.count >= Self.capacity { plans.removeFirst() }
      var options = options
      options.differentiatesInputs = differentiatesInputs
      let plan = try TrainingPlan(
        network, inputShapes: [[count, channels, size, size]], parameters: store, options: options,
        arena: arena)
      plans.append((count, differentiatesInputs, plan))
    }
    plan = plans.last?.plan
    return unsafe try input.reserve(count * channels * size * size)
  }

  /// Runs the forward pass on what `begin` gave the room for.
  @unsafe func forward(
    on pooled: UnsafeMutableBufferPointer<Float>
  ) throws(ComputeError) {
    guard let start = pooled.baseAddress else { return }
    try unsafe plan?.forward(on: [UnsafePointer(start)])
  }

  /// Looks for the first layer whose result is not finite.
  @unsafe func firstLayerThatIsNotFinite(
    on pooled: UnsafeMutableBufferPointer<Float>
  ) throws(ComputeError) -> String? {
    guard let start = pooled.baseAddress else { return nil }
    return try unsafe plan?.firstLayerThatIsNotFinite(on: [UnsafePointer(start)])
  }

  /// The bytes of the arena and of pooled features.
  var byteCount: Int { arena.byteCount + input.byteCount }
}
