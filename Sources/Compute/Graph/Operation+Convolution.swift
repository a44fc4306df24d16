internal import Tensors

/// A convolution with bias, a sum and an activation.
struct Convolution: Operation {
  var inputs: [Network.Value]
  let convolutionWeights: LayerWeights
  let window: Network.Window
  /// The parts into which the channels are split; each output channel reads those of its part.
  let groups: Int
  private var following: Network.Activation

  init(
    _ input: Network.Value, weights: LayerWeights, window: Network.Window, groups: Int,
    activation: Network.Activation, addend: Network.Value?
  ) {
    inputs = [input] + (addend.map { [$0] } ?? [])
    convolutionWeights = weights
    self.window = window
    self.groups = groups
    following = activation
  }

  var weights: LayerWeights? { convolutionWeights }

  var activation: Network.Activation? {
    get { following }
    set { following = newValue ?? .none }
  }

  /// A value of the result's extents that is added before the activation.
  var addend: Network.Value? {
    get { inputs.count > 1 ? inputs[1] : nil }
    set { inputs = [inputs[0]] + (newValue.map { [$0] } ?? []) }
  }

  /// Whether a sum behind it can become its own.
  var takesAddend: Bool { addend == nil && following == .none && !isDepthwise }

  /// Whether it may be one of a chain that is computed strip by strip.
  var isCuttable: Bool {
    addend == nil && groups == 1 && kernel == [3, 3] && window.stride == 1
      && window.padding == Network.Padding(1) && window.dilation == 1 && !window.roundsUp
  }

  /// The window's rows and columns.
  var kernel: [Int] { Array(convolutionWeights.shape.dimensions[2...]) }

  /// The weights' extents as kernels name them: with the groups first, where there are several.
  var weightExtents: [Int] {
    let dimensions = convolutionWeights.shape.dimensions
    return groups == 1 ? dimensions : [groups, dimensions[0] / groups] + dimensions[1...]
  }

  /// Whether each channel is convolved by itself, which waits for memory and not for products.
  var isDepthwise: Bool { groups > 1 && convolutionWeights.shape[1] == 1 }

  var bearsLowPrecision: Bool { !isDepthwise }

  private var axes: [WindowAxis] { [window.rows(kernel[0]), window.columns(kernel[1])] }

  func extents(of inputs: [[Int]], name: String) throws(ComputeError) -> [Int] {
    let source = try map(inputs[0], name: name)
    let output =
      [source[0], convolutionWeights.shape[0]] + zip(axes, source[2...]).map { $0.count($1) }
    guard output[2] > 0, output[3] > 0 else {
      throw ComputeError(
        operation: name, reason: "the input \(Shape(source)) is smaller than the kernel")
    }
    guard inputs.count < 2 || inputs[1] == output else {
      throw ComputeError(
        operation: name, reason: "\(Shape(inputs[1])) cannot be added to \(Shape(output))")
    }
    return output
  }

  func sourceRows(for rows: Range<Int>, of extent: Int) -> Range<Int>? {
    axes[0].cells(rows, of: extent)
  }

  func storage(
    ofInput position: Int, precision: LayerPrecision, result: ValueStorage
  ) -> ValueStorage? {
    guard position > 0 else { return precision.inputStorage }
    // What is added to is read as it is written; bytes are multiplied to the result's scale.
    if case .quantized = result { return nil }
    return result
  }

  /// How the convolution writes its result where its readers want it as `wanted`.
  ///
  /// Bytes have no sign, so what is added must have none. Products of bytes can be written as bfloat16 where
  /// the CPU has it; what is added is kept alike.
  func resultStorage(
    _ precision: LayerPrecision, wanted: ValueStorage, addsNegative: Bool, hasBFloat16: Bool
  ) -> ValueStorage {
    guard case .int8 = precision else { return precision.resultStorage(wanted: wanted) }
    let writesBFloat16 = hasBFloat16 && groups == 1
    return switch wanted {
    case .quantized where !addsNegative: wanted
    case .quantized, .bfloat16: writesBFloat16 ? .bfloat16 : .float32
    case .float32: .float32
    }
  }

  /// The extents of the convolution of a whole source.
  func geometry(_ source: [Int], _ output: [Int]) -> ConvolutionGeometry {
    ConvolutionGeometry(
      input: source, output: output, strides: axes.map(\.stride), leading: axes.map(\.leading),
      trailing: zip(axes, source[2...]).map { $0.exactTrailing($1) },
      dilations: axes.map(\.dilation))
  }

  /// The extents of the convolution of some rows: the map's edge is padded, a seam is not.
  func geometry(
    sourceRows: Range<Int>, of source: [Int], rows: Range<Int>, of output: [Int]
  ) -> ConvolutionGeometry {
    var geometry = geometry(source, output)
    geometry.input[2] = sourceRows.count
    geometry.output[2] = rows.count
    let first = rows.lowerBound * axes[0].stride - axes[0].leading
    geometry.leading[0] = max(sourceRows.lowerBound - first, 0)
    let last = (rows.upperBound - 1) * axes[0].stride - axes[0].leading + axes[0].reach
    geometry.trailing[0] = last - sourceRows.upperBound
    return geometry
  }

  /// Multiplications and additions that a direct computation of a result takes.
  func operationCount(_ output: [Int]) -> Int {
    2 * output.reduce(1, *) * convolutionWeights.shape.dimensions[1...].reduce(1, *)
  }

  func lower(_ layer: LoweredLayer, in lowering: inout Lowering) throws(ComputeError) {
    let (input, result) = (inputs[0], layer.result)
    let output = lowering.extents(of: result)
    let geometry = geometry(lowering.extents(of: input), output)
    if let pooled = lowering.choice.pooling(behind: layer.index) {
      let value = lowering.network.result(ofLayer: pooled)
      let pooledExtents = lowering.extents(of: value)
      if let kernel = lowering.winogradKernel(layer.index, geometry, pooledTo: pooledExtents) {
        try lowerWinograd(kernel, layer, result: value, in: &lowering)
        return
      }
    }
    if let kernel = lowering.winogradKernel(layer.index, geometry, pooledTo: nil) {
      try lowerWinograd(kernel, layer, result: result, in: &lowering)
      return
    }
    if try lowering.lowerNarrow(layer.index, layer) { return }
    let precision = lowering.choice.precisions[layer.index]
    let storage = lowering.choice.results[layer.index]
    // Bytes are added at the scale at which other layers read them.
    var addendStorage = storage
    if let addend, case .quantized = storage,
      case .quantized = lowering.choice.storages[addend.index]
    {
      addendStorage = lowering.choice.storages[addend.index]
    }
    let descriptor = try lowering.kernels.convolution(
      self, geometry, precision: precision, result: storage,
      addendScale: addendStorage.scale / storage.scale, name: layer.name)
    let source = try lowering.memory(
      of: input, kept: precision.inputStorage, as: descriptor.sourceLayout, name: layer.name)
    let destinationLayout = descriptor.destinationLayout
    let destination = try Memory(destinationLayout)
    var root: Memory?
    if let addend {
      // oneDNN's sum adds to what the output already holds: the addend itself where neither this
      // kernel nor a later one reads it, else a copy.
      var base = try lowering.memory(
        of: addend, kept: addendStorage, like: destinationLayout, name: layer.name)
      let isReusable =
        base.layout == destinationLayout
        && lowering.mayOverwrite(addend, at: base, byLayer: layer.index) && addend != input
      if !isReusable {
        base = try lowering.copied(base, to: destinationLayout, name: layer.name)
      }
      root = base
    }
    let constants = try lowering.constants(
      convolutionWeights, layout: descriptor.weightsLayout, dimensions: weightExtents,
      precision: precision, result: storage, name: layer.name)
    try lowering.addStep(
      descriptor, name: layer.name, precision: precision, operationCount: operationCount(output),
      reading: constants + [(.source, source)], writing: destination, over: root)
    lowering.set(destination, of: result, kept: storage)
  }

  private func lowerWinograd(
    _ kernel: WinogradKernel, _ layer: LoweredLayer, result: Network.Value,
    in lowering: inout Lowering
  ) throws(ComputeError) {
    let source = try lowering.winogradMap(of: inputs[0], kernel, name: layer.name)
    let destination = MapRows(
      memory: try Memory(kernel.destinationLayout), storage: kernel.result)
    var base: MapRows?
    var root: Memory?
    if let addend {
      let map = try lowering.winogradMap(of: addend, kernel, name: layer.name)
      // Each result is written where nothing but its own addend is read.
      if map.memory.layout == destination.memory.layout,
        lowering.mayOverwrite(addend, at: map.memory, byLayer: layer.index), addend != inputs[0]
      {
        root = map.memory
      }
      base = map
    }
    try lowering.addWinograd(
      kernel, convolutionWeights, name: layer.name, reading: source, adding: base,
      writing: destination, over: root)
    lowering.set(destination.memory, of: result, kept: kernel.result)
  }
}

/// The extents of one convolution; spatial values are rows, then columns.
struct ConvolutionGeometry: Equatable {
  /// N, C, H, W.
  var input: [Int]
  /// N, K, H', W'.
  var output: [Int]
  var strides: [Int]
  /// The rows and columns of zeros before the input.
  var leading: [Int]
  /// The rows and columns of zeros behind it; negative where the last ones are not read.
  var trailing: [Int]
  /// The distances between neighbouring cells of a window.
  var dilations = [1, 1]
}

extension Network {
  /// Adds a convolution with bias, optionally a sum, and an activation.
  ///
  /// - Parameters:
  ///   - input: (N, C, H, W).
  ///   - weights: (K, C / groups, h, w) and K biases; traps where C is not the input's.
  ///   - window: the kernel's stride, padding and dilation; its size is `weights`'s own.
  ///   - groups: the parts into which channels are split, a divisor of C and K; C of them make the
  ///     convolution depthwise.
  ///   - activation: what follows the sum.
  ///   - addend: a value of the output's shape that is added before the activation.
  ///   - name: what plans and errors call the layer.
  /// - Returns: (N, K, H', W').
  public mutating func convolution(
    _ input: Value, weights: LayerWeights, window: Window, groups: Int = 1,
    activation: Activation = .none, adding addend: Value? = nil, name: String
  ) -> Value {
    let shape = weights.shape
    precondition(
      groups > 0 && shape.rank == 4 && shape[1] * groups == channelCount(input)
        && shape[0] % groups == 0,
      "\(name): weights \(shape) in \(groups) groups on \(channelCount(input)) channels")
    return append(
      Convolution(
        input, weights: weights, window: window, groups: groups, activation: activation,
        addend: addend), channels: shape[0], name: name)
  }
}
