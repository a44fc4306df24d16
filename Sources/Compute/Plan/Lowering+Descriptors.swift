internal import CDNNL
internal import Tensors

// What oneDNN is asked for, in one place: its kernels for each operation, in the layouts that suit the
// neighbours.

/// Asks oneDNN for the kernels of layers with weights.
struct DirectKernels {
  let options: PlanOptions

  /// The best direct kernel for a convolution.
  func convolution(
    _ convolution: Convolution, _ geometry: ConvolutionGeometry, precision: LayerPrecision,
    result: ValueStorage, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let weights = convolution.convolutionWeights
    let attributes = try Attributes(
      activation: convolution.activation ?? .none, addsToOutput: convolution.addend != nil,
      scales: precision.outputScales(weights, to: result, name: name), scaledAxes: 0b10)
    let dimensions = convolution.weightExtents
    func descriptor(
      _ source: TensorLayout, _ destination: TensorLayout, type: dnnl_data_type_t = dnnl_f32
    ) throws(ComputeError) -> PrimitiveDescriptor {
      try self.descriptor(for: weights, dimensions: dimensions, type: type) {
        (wanted) throws(ComputeError) in
        try .convolution(
          source, weights: wanted, destination, geometry, attributes: attributes, name: name)
      }
    }
    let (anySource, anyDestination) = (
      try TensorLayout.any(geometry.input), try TensorLayout.any(geometry.output)
    )
    switch precision {
    case .float32: break
    case .bfloat16:
      return try descriptor(
        .any(geometry.input, elementType: dnnl_bf16),
        .any(geometry.output, elementType: result.elementType), type: dnnl_bf16)
    case .int8:
      // Channels innermost: oneDNN has its fastest kernels, and pooling of bytes, for that alone.
      return try descriptor(
        .channelsLast(geometry.input, dnnl_u8),
        .channelsLast(geometry.output, result.elementType), type: dnnl_s8)
    }
    // Between Winograd's kernels, which know one order of channels, the direct ones take it too where
    // they can: nothing has to be reordered.
    if options.usesWinograd, let lanes = Engine.winogradLanes, geometry.output[1] % lanes == 0 {
      let source =
        geometry.input[1] % lanes == 0
        ? try TensorLayout.channelBlocked(Shape(geometry.input), block: lanes) : anySource
      let destination = try TensorLayout.channelBlocked(Shape(geometry.output), block: lanes)
      if let blocked = try? descriptor(source, destination), !blocked.isReference {
        return blocked
      }
    }
    return try descriptor(anySource, anyDestination)
  }

  /// oneDNN's kernel for a fully connected layer in bf16 or int8, which reads maps as they lie.
  func innerProduct(
    _ linear: Linear, source: [Int], output: [Int], precision: LayerPrecision,
    result: ValueStorage, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let attributes = try Attributes(
      activation: linear.activation ?? .none,
      scales: precision.outputScales(linear.matrix, to: result, name: name), scaledAxes: 0b10)
    let wantedSource: TensorLayout =
      switch precision {
      case .float32, .bfloat16: try .any(source, elementType: dnnl_bf16)
      case .int8: try .channelsLast(source, dnnl_u8)
      }
    let destination = try TensorLayout(
      shape: output, elementType: result.elementType, tag: dnnl_ab)
    return try descriptor(
      for: linear.matrix, dimensions: [output[1]] + source.dropFirst(), type: precision.weightType
    ) { (wanted) throws(ComputeError) in
      try .innerProduct(
        wantedSource, weights: wanted, destination, attributes: attributes, name: name)
    }
  }

  /// oneDNN's product of matrices for a fully connected layer in float32.
  func product(
    _ linear: Linear, rows: Int, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let (outputs, inputs) = (linear.matrix.shape[0], linear.matrix.shape[1])
    let attributes = try Attributes(activation: linear.activation ?? .none)
    return try descriptor(for: linear.matrix, dimensions: [inputs, outputs]) {
      (wanted) throws(ComputeError) in
      try .matrixProduct(
        .rowMajor([rows, inputs]), weights: wanted, .rowMajor([rows, outputs]),
        attributes: attributes, name: name)
    }
  }

  /// The kernel for a layer with weights: the best one, in a layout that the weights already have
  /// where the same kernel takes it.
  ///
  /// Kernels ask for slightly different layouts at different sizes; another layout is another copy
  /// of the weights, which for fc6 of VGG16 is 411 MB.
  private func descriptor(
    for weights: LayerWeights, dimensions: [Int], type: dnnl_data_type_t = dnnl_f32,
    make: (TensorLayout) throws(ComputeError) -> PrimitiveDescriptor
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let best = try make(.any(dimensions, elementType: type))
    let kept = weights.preparedLayouts.filter { $0.elementType == type }
    if kept.isEmpty || kept.contains(best.weightsLayout) { return best }
    for layout in kept {
      if let other = try? make(layout), other.kernelName == best.kernelName { return other }
    }
    return best
  }

}

extension Lowering {
  /// Adds a pooling layer, in the type in which its source is kept where that changes nothing.
  mutating func addPooling(
    _ kind: PoolingKind, of input: Network.Value, _ geometry: PoolingGeometry,
    _ layer: LoweredLayer
  ) throws(ComputeError) {
    let kept = kind == .maximum ? storage(of: input) : .float32
    let source = try memory(of: input, kept: kept, name: layer.name)
    let destination = try addPoolingStep(kind, geometry, of: source, name: layer.name)
    set(destination, of: layer.result, kept: kept)
  }

  /// Adds the pooling of a tensor, and returns its result.
  mutating func addPoolingStep(
    _ kind: PoolingKind, _ geometry: PoolingGeometry, of source: Memory, name: String
  ) throws(ComputeError) -> Memory {
    let descriptor = try PrimitiveDescriptor.pooling(
      kind, source.layout,
      .any(geometry.output, elementType: source.layout.elementType), geometry, name: name)
    let destination = try Memory(descriptor.destinationLayout)
    try addStep(
      descriptor, name: name, operationCount: 0, reading: [(.source, source)],
      writing: destination)
    return destination
  }
}

/// What becomes of the values in a window.
enum PoolingKind {
  case maximum, average, averageWithPadding
}

extension PrimitiveDescriptor {
  var sourceLayout: TensorLayout { layout(dnnl_query_src_md) }
  var weightsLayout: TensorLayout { layout(dnnl_query_weights_md) }
  var destinationLayout: TensorLayout { layout(dnnl_query_dst_md) }
  var scratchpadLayout: TensorLayout { layout(dnnl_query_scratchpad_md) }

  /// The bytes of source, result and scratch memory.
  var workingByteCount: Int {
    sourceLayout.byteCount + destinationLayout.byteCount + scratchpadLayout.byteCount
  }

  static func convolution(
    _ source: TensorLayout, weights: TensorLayout, _ destination: TensorLayout,
    _ geometry: ConvolutionGeometry, attributes: Attributes, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var description = dnnl_convolution_desc_t()
    let bias = try TensorLayout(shape: [geometry.output[1]], tag: dnnl_a)
    try unsafe check(
      withDescriptors(source, weights, bias, destination) { source, weights, bias, destination in
        unsafe dnnl_dilated_convolution_forward_desc_init(
          &description, dnnl_forward_inference, dnnl_convolution_direct, source, weights, bias,
          destination, geometry.strides.map { Int64($0) },
          // oneDNN counts the cells that are left out.
          geometry.dilations.map { Int64($0) - 1 }, geometry.leading.map { Int64($0) },
          geometry.trailing.map { Int64($0) })
      }, name)
    return try unsafe PrimitiveDescriptor(&description, attributes: attributes, name: name)
  }

  static func innerProduct(
    _ source: TensorLayout, weights: TensorLayout, _ destination: TensorLayout,
    attributes: Attributes, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var description = dnnl_inner_product_desc_t()
    let bias = try TensorLayout(shape: [destination.shape[1]], tag: dnnl_a)
    try unsafe check(
      withDescriptors(source, weights, bias, destination) { source, weights, bias, destination in
        unsafe dnnl_inner_product_forward_desc_init(
          &description, dnnl_forward_inference, source, weights, bias, destination)
      }, name)
    return try unsafe PrimitiveDescriptor(&description, attributes: attributes, name: name)
  }

  static func matrixProduct(
    _ source: TensorLayout, weights: TensorLayout, _ destination: TensorLayout,
    attributes: Attributes, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var description = dnnl_matmul_desc_t()
    let bias = try TensorLayout(shape: [1, destination.shape[1]], tag: dnnl_ab)
    try unsafe check(
      withDescriptors(source, weights, bias, destination) { source, weights, bias, destination in
        unsafe dnnl_matmul_desc_init(&description, source, weights, bias, destination)
      }, name)
    return try unsafe PrimitiveDescriptor(&description, attributes: attributes, name: name)
  }

  static func pooling(
    _ kind: PoolingKind, _ source: TensorLayout, _ destination: TensorLayout,
    _ geometry: PoolingGeometry, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var description = dnnl_pooling_v2_desc_t()
    let algorithm =
      switch kind {
      case .maximum: dnnl_pooling_max
      case .average: dnnl_pooling_avg_exclude_padding
      case .averageWithPadding: dnnl_pooling_avg_include_padding
      }
    try unsafe check(
      withDescriptors(source, destination) { source, destination in
        unsafe dnnl_pooling_v2_forward_desc_init(
          &description, dnnl_forward_inference, algorithm, source, destination,
          geometry.strides.map { Int64($0) }, geometry.sizes.map { Int64($0) },
          geometry.dilations.map { Int64($0) - 1 }, geometry.leading.map { Int64($0) },
          geometry.trailing.map { Int64($0) })
      }, name)
    return try unsafe PrimitiveDescriptor(&description, attributes: Attributes(), name: name)
  }

  static func softmax(
    _ layout: TensorLayout, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var description = dnnl_softmax_v2_desc_t()
    try unsafe check(
      withDescriptors(layout, layout) { source, destination in
        unsafe dnnl_softmax_v2_forward_desc_init(
          &description, dnnl_forward_inference, dnnl_softmax_accurate, source, destination, 1)
      }, name)
    let attributes = try Attributes()
    return try unsafe PrimitiveDescriptor(&description, attributes: attributes, name: name)
  }
}

extension Argument {
  /// oneDNN's number.
  var number: Int32 {
    switch self {
    case .source: DNNL_ARG_SRC
    case .weights: DNNL_ARG_WEIGHTS
    case .bias: DNNL_ARG_BIAS
    case .destination: DNNL_ARG_DST
    case .scratchpad: DNNL_ARG_SCRATCHPAD
    }
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
