internal import CDNNL
internal import Tensors

extension PlanBuilder {
  /// Adds a convolution, and a pooling behind it where the kernel computes that along.
  ///
  /// - Returns: the value that has been made: the convolution's own or the pooling's.
  mutating func addConvolution(
    _ layer: Network.Layer, _ weights: LayerWeights, _ window: Network.Window,
    _ activation: Network.Activation, residual: Network.Value?, to value: Network.Value
  ) throws(ComputeError) -> Network.Value {
    let source = extents(of: layer.input)
    let kernel = [weights.shape[2], weights.shape[3]]
    let name = layer.name
    guard source.count == 4 else {
      throw ComputeError(operation: name, reason: "a convolution of \(Shape(source))")
    }
    var output = [source[0], weights.shape[0]]
    for axis in 0..<2 {
      var window = window
      window.size = kernel[axis]
      output.append(window.outputExtent(source[2 + axis]))
    }
    guard output[2] > 0, output[3] > 0 else {
      throw ComputeError(
        operation: name, reason: "the input \(Shape(source)) is smaller than the kernel")
    }
    let windows = kernel.map { size in
      var window = window
      window.size = size
      return window
    }
    let geometry = ConvolutionGeometry(
      input: source, output: output, strides: windows.map(\.stride),
      leading: windows.map(\.padding),
      trailing: zip(windows, source[2...]).map { $0.trailingPadding($1) })
    let precision = precision(ofLayer: value.index - 1)
    let pooled = pooledExtents(output, behind: value)
    if let kernel = winogradKernel(layer: value.index - 1, geometry, pooledTo: pooled) {
      let input = try memory(
        of: layer.input, kept: .float32, as: kernel.sourceLayout, name: name)
      let destination = try Memory(kernel.destinationLayout)
      try addWinograd(
        kernel, weights, name: name, reading: MapRows(memory: input),
        writing: MapRows(memory: destination))
      let result = Network.Value(index: value.index + (pooled == nil ? 0 : 1))
      setResult(destination, of: result)
      return result
    }
    // What is added to is read as it is written: as float32.
    let result = precision == .float32 || residual != nil ? .float32 : storage(of: value)
    let descriptor = try convolutionDescriptor(
      weights, geometry, activation, addsToOutput: residual != nil, precision: precision,
      result: result, name: name)
    let input = try memory(
      of: layer.input, kept: precision.inputStorage, as: descriptor.layout(dnnl_query_src_md),
      name: name)
    let destinationLayout = descriptor.layout(dnnl_query_dst_md)
    let destination = try Memory(destinationLayout)
    var root: Memory?
    if let residual {
      // oneDNN's sum adds to what the output already holds: the residual itself where neither this
      // kernel nor a later one reads it, else a copy.
      var base = try memory(of: residual)
      let isReusable =
        base.layout == destinationLayout && isResident(base) && residual != layer.input
        && !isReadLater(residual, than: value)
      if !isReusable { base = try copied(base, to: destinationLayout, name: name) }
      root = base
    }
    var arguments = try parameters(
      weights, layout: descriptor.layout(dnnl_query_weights_md),
      dimensions: weights.shape.dimensions, precision: precision, name: name)
    arguments.append((DNNL_ARG_SRC, input))
    try addStep(
      descriptor, name: name, precision: precision,
      operationCount: 2 * output.reduce(1, *) * weights.shape.dimensions[1...].reduce(1, *),
      reading: arguments, writing: (DNNL_ARG_DST, destination), over: root)
    setResult(destination, of: value, kept: result)
    return value
  }

  /// The extents behind the pooling that follows a value, where it takes the maxima of 2x2 and nothing
  /// else reads the value; else `nil`.
  private func pooledExtents(_ extents: [Int], behind value: Network.Value) -> [Int]? {
    guard value.index < network.layers.count else { return nil }
    let next = network.layers[value.index]
    guard case .maxPooling(let window) = next.operation, next.input == value,
      window.isPairwise, !isReadLater(value, than: Network.Value(index: value.index + 1))
    else { return nil }
    let pooled = extents[..<2] + extents[2...].map { window.outputExtent($0) }
    return pooled.allSatisfy { $0 > 0 } ? Array(pooled) : nil
  }

  mutating func addLinear(
    _ layer: Network.Layer, _ weights: LayerWeights, _ activation: Network.Activation,
    to value: Network.Value
  ) throws(ComputeError) {
    let source = extents(of: layer.input)
    let name = layer.name
    let inputs = source.dropFirst().reduce(1, *)
    guard weights.shape.rank == 2, weights.shape[1] == inputs else {
      throw ComputeError(
        operation: name,
        reason: "weights \(weights.shape) do not fit \(inputs) inputs (\(Shape(source)))")
    }
    let precision = precision(ofLayer: value.index - 1)
    if precision == .float32 {
      try addMatrixProduct(layer, weights, activation, inputs: inputs, to: value)
      return
    }
    let result = storage(of: value)
    // A map is read as it lies, so the weights get its axes: (K, C·H·W) is (K, C, H, W). Bytes are
    // always read as a map, if need be of one cell: oneDNN's kernel for matrices of bytes is ten
    // times slower than the one for maps.
    var map = source
    if case .int8 = precision, source.count == 2 { map += [1, 1] }
    let dimensions = [weights.shape[0]] + map.dropFirst()
    let output = [source[0], weights.shape[0]]
    let attributes = try Attributes(
      activation: activation, scales: precision.outputScales(weights, to: result, name: name),
      scaledAxis: 1)
    let wantedSource: TensorLayout =
      switch precision {
      case .float32, .bfloat16: try .any(map, elementType: dnnl_bf16)
      case .int8: try .channelsLast(map, dnnl_u8)
      }
    let descriptor = try descriptor(
      for: weights, dimensions: dimensions, type: precision.weightType
    ) { (wanted) throws(ComputeError) in
      var description = dnnl_inner_product_desc_t()
      try unsafe check(
        withDescriptors(
          wantedSource, wanted, try TensorLayout(shape: [output[1]], tag: dnnl_a),
          try TensorLayout(shape: output, elementType: result.elementType, tag: dnnl_ab)
        ) { source, weights, bias, destination in
          unsafe dnnl_inner_product_forward_desc_init(
            &description, dnnl_forward_inference, source, weights, bias, destination)
        }, name)
      return try unsafe PrimitiveDescriptor(&description, attributes: attributes, name: name)
    }
    let mapLayout = descriptor.layout(dnnl_query_src_md)
    var input = try memory(
      of: layer.input, kept: precision.inputStorage,
      as: map.count == source.count
        ? mapLayout : TensorLayout(shape: source, elementType: dnnl_u8, tag: dnnl_ab), name: name)
    if map.count != source.count { input = try view(of: input, as: mapLayout) }
    let destination = try Memory(descriptor.layout(dnnl_query_dst_md))
    var arguments = try parameters(
      weights, layout: descriptor.layout(dnnl_query_weights_md), dimensions: dimensions,
      precision: precision, name: name)
    arguments.append((DNNL_ARG_SRC, input))
    try addStep(
      descriptor, name: name, precision: precision,
      operationCount: 2 * output[0] * output[1] * inputs, reading: arguments,
      writing: (DNNL_ARG_DST, destination))
    setResult(destination, of: value, kept: result)
  }

  /// Adds a fully connected layer in float32 as a product of matrices: on 300 rows of VGG16's fc6 that
  /// took 263 ms where oneDNN's kernels for inner products took 367 and 460.
  private mutating func addMatrixProduct(
    _ layer: Network.Layer, _ weights: LayerWeights, _ activation: Network.Activation, inputs: Int,
    to value: Network.Value
  ) throws(ComputeError) {
    let source = extents(of: layer.input)
    let (rows, outputs) = (source[0], weights.shape[0])
    let name = layer.name
    let attributes = try Attributes(activation: activation)
    let matrix = try TensorLayout(shape: [rows, inputs], tag: dnnl_ab)
    let descriptor = try descriptor(for: weights, dimensions: [inputs, outputs]) {
      (wanted) throws(ComputeError) in
      var description = dnnl_matmul_desc_t()
      try unsafe check(
        withDescriptors(
          matrix, wanted, try TensorLayout(shape: [1, outputs], tag: dnnl_ab),
          try TensorLayout(shape: [rows, outputs], tag: dnnl_ab)
        ) { source, weights, bias, destination in
          unsafe dnnl_matmul_desc_init(&description, source, weights, bias, destination)
        }, name)
      return try unsafe PrimitiveDescriptor(&description, attributes: attributes, name: name)
    }
    // A map is read as the checkpoint's columns have it: channels, rows, columns.
    var input = try memory(
      of: layer.input, kept: .float32, as: TensorLayout.rowMajor(Shape(source)), name: name)
    if source.count != 2 { input = try view(of: input, as: matrix) }
    let destination = try Memory(descriptor.layout(dnnl_query_dst_md))
    var arguments = try parameters(
      weights, layout: descriptor.layout(dnnl_query_weights_md), dimensions: [outputs, inputs],
      outputsLast: true, name: name)
    arguments.append((DNNL_ARG_SRC, input))
    try addStep(
      descriptor, name: name, operationCount: 2 * rows * outputs * inputs, reading: arguments,
      writing: (DNNL_ARG_DST, destination))
    setResult(destination, of: value)
  }

  /// Adds pooling; without a window, over the whole map, whose result has two axes.
  mutating func addPooling(
    _ layer: Network.Layer, _ algorithm: dnnl_alg_kind_t, _ window: Network.Window?,
    to value: Network.Value
  ) throws(ComputeError) {
    let source = extents(of: layer.input)
    let name = layer.name
    guard source.count == 4 else {
      throw ComputeError(operation: name, reason: "pooling of \(Shape(source))")
    }
    let map = [source[2], source[3]]
    let sizes = window.map { [$0.size, $0.size] } ?? map
    let output = [
      source[0], source[1], window?.outputExtent(map[0]) ?? 1, window?.outputExtent(map[1]) ?? 1,
    ]
    guard output[2] > 0, output[3] > 0 else {
      throw ComputeError(
        operation: name, reason: "the input \(Shape(source)) is smaller than the window")
    }
    let input = try memory(of: layer.input)
    let padding = window?.padding ?? 0
    let descriptor = try poolingDescriptor(
      algorithm, input.layout, output: output, sizes: sizes, stride: window?.stride ?? 1,
      leading: [padding, padding], trailing: map.map { window?.trailingPadding($0) ?? 0 },
      name: name)
    let destination = try Memory(descriptor.layout(dnnl_query_dst_md))
    try addStep(
      descriptor, name: name, operationCount: 0, reading: [(DNNL_ARG_SRC, input)],
      writing: (DNNL_ARG_DST, destination))
    setResult(destination, of: value, kept: stored[layer.input.index])
  }

  func poolingDescriptor(
    _ algorithm: dnnl_alg_kind_t, _ input: TensorLayout, output: [Int], sizes: [Int], stride: Int,
    leading: [Int], trailing: [Int], name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var description = dnnl_pooling_v2_desc_t()
    try unsafe check(
      withDescriptors(input, try .any(output, elementType: input.elementType)) {
        source, destination in
        unsafe dnnl_pooling_v2_forward_desc_init(
          &description, dnnl_forward_inference, algorithm, source, destination,
          [Int64(stride), Int64(stride)], sizes.map { Int64($0) }, [0, 0],
          leading.map { Int64($0) }, trailing.map { Int64($0) })
      }, name)
    return try unsafe PrimitiveDescriptor(&description, attributes: Attributes(), name: name)
  }

  mutating func addSoftmax(_ layer: Network.Layer, to value: Network.Value) throws(ComputeError) {
    let input = try memory(of: layer.input)
    let name = layer.name
    var description = dnnl_softmax_v2_desc_t()
    try unsafe check(
      withDescriptors(input.layout, input.layout) { source, destination in
        unsafe dnnl_softmax_v2_forward_desc_init(
          &description, dnnl_forward_inference, dnnl_softmax_accurate, source, destination, 1)
      }, name)
    let attributes = try Attributes()
    let descriptor = try unsafe PrimitiveDescriptor(
      &description, attributes: attributes, name: name)
    let destination = try Memory(descriptor.layout(dnnl_query_dst_md))
    try addStep(
      descriptor, name: name, operationCount: 0, reading: [(DNNL_ARG_SRC, input)],
      writing: (DNNL_ARG_DST, destination))
    setResult(destination, of: value)
  }

  /// The kernel for a layer with weights: the best one, in a layout that the weights already have
  /// where the same kernel takes it.
  ///
  /// Kernels ask for slightly different layouts at different sizes; another layout is another copy
  /// of the weights, which for fc6 of VGG16 is 411 MB.
  func descriptor(
    for weights: LayerWeights, dimensions: [Int], type: dnnl_data_type_t = dnnl_f32,
    make: (TensorLayout) throws(ComputeError) -> PrimitiveDescriptor
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let best = try make(.any(dimensions, elementType: type))
    let kept = weights.preparedLayouts.filter { $0.elementType == type }
    if kept.isEmpty || kept.contains(best.layout(dnnl_query_weights_md)) { return best }
    for layout in kept {
      if let other = try? make(layout), other.kernelName == best.kernelName { return other }
    }
    return best
  }

  /// The arguments for a layer's weights and biases.
  ///
  /// oneDNN adds biases to the sums before it scales them, so those of bytes are divided by what a
  /// unit of the sums stands for.
  mutating func parameters(
    _ weights: LayerWeights, layout: TensorLayout, dimensions: [Int], outputsLast: Bool = false,
    precision: LayerPrecision = .float32, name: String
  ) throws(ComputeError) -> [(Int32, Memory)] {
    let prepared = try weights.prepared(
      in: layout, dimensions: dimensions, outputsLast: outputsLast, name: name, scratch: arena)
    let units = try precision.outputScales(weights, to: .float32, name: name)
    let biases = units.isEmpty ? weights.biases : zip(weights.biases, units).map { $0 / $1 }
    let bias = MemoryBlock(copying: biases)
    let memories = [
      try unsafe Memory(prepared.layout, at: prepared.block.address),
      try unsafe Memory(
        outputsLast
          ? TensorLayout(shape: [1, biases.count], tag: dnnl_ab)
          : TensorLayout(shape: [biases.count], tag: dnnl_a), at: bias.address),
    ]
    keep(prepared, bias, memories)
    return [(DNNL_ARG_WEIGHTS, memories[0]), (DNNL_ARG_BIAS, memories[1])]
  }
}

/// Calls a closure with pointers to two descriptors.
func withDescriptors(
  _ first: TensorLayout, _ second: TensorLayout,
  _ body: (UnsafePointer<dnnl_memory_desc_t>, UnsafePointer<dnnl_memory_desc_t>) -> dnnl_status_t
) -> dnnl_status_t {
  unsafe withUnsafePointer(to: first.descriptor) { first in
    unsafe withUnsafePointer(to: second.descriptor) { second in unsafe body(first, second) }
  }
}

/// Calls a closure with pointers to four descriptors.
func withDescriptors(
  _ first: TensorLayout, _ second: TensorLayout, _ third: TensorLayout, _ fourth: TensorLayout,
  _ body: (
    UnsafePointer<dnnl_memory_desc_t>, UnsafePointer<dnnl_memory_desc_t>,
    UnsafePointer<dnnl_memory_desc_t>, UnsafePointer<dnnl_memory_desc_t>
  ) -> dnnl_status_t
) -> dnnl_status_t {
  unsafe withUnsafePointer(to: first.descriptor) { first in
    unsafe withUnsafePointer(to: second.descriptor) { second in
      unsafe withUnsafePointer(to: third.descriptor) { third in
        unsafe withUnsafePointer(to: fourth.descriptor) { fourth in
          unsafe body(first, second, third, fourth)
        }
      }
    }
  }
}
