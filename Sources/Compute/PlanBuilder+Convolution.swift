internal import CDNNL
internal import Tensors

/// The extents of one convolution; spatial values are rows, then columns.
struct ConvolutionGeometry: Equatable {
  /// N, C, H, W.
  var input: [Int]
  /// N, K, H', W'.
  var output: [Int]
  var strides: [Int]
  /// The rows and columns of zeros before the input.
  var leading: [Int]
  /// The rows and columns of zeros behind it.
  var trailing: [Int]
}

extension PlanBuilder {
  /// Whether one of Winograd's kernels is faster than the direct one.
  ///
  /// F(2x2, 3x3) is chosen by oneDNN where the layer is small; on large maps of few channels its
  /// transforms cost more than they save: 64 channels of 240 x 320 took 7.6 ms against 5.6, and 96 of
  /// 120 x 160 3.6 against 5.3.
  private static func pays(
    _ winograd: PrimitiveDescriptor, _ geometry: ConvolutionGeometry
  ) -> Bool {
    !winograd.kernelName.hasPrefix("jit_fp32_wino_2x3")
      || geometry.output[2] * geometry.output[3] <= 40_000
  }

  /// The kernel for a convolution: Winograd's where the options leave the choice and it pays, else
  /// the best direct one.
  ///
  /// Winograd's F(4x4, 3x3) and F(2x2, 3x3) (Lavin and Gray, arXiv:1509.09308) need a quarter and
  /// four ninths of the multiplications. oneDNN's kernels for it want AVX-512 and at least 16
  /// channels, and refuse everything else; measured from 64 channels on, they take a third to two
  /// thirds of the direct kernels' time at every size.
  func convolutionDescriptor(
    _ weights: LayerWeights, _ geometry: ConvolutionGeometry, _ activation: Network.Activation,
    addsToOutput: Bool, precision: LayerPrecision = .float32, result: ValueStorage = .float32,
    name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let attributes = try Attributes(
      activation: activation, addsToOutput: addsToOutput,
      scales: precision.outputScales(weights, to: result, name: name),
      scaledAxis: 1)
    func describe(
      _ algorithm: dnnl_alg_kind_t, _ source: TensorLayout, _ wanted: TensorLayout,
      _ destination: TensorLayout
    ) throws(ComputeError) -> PrimitiveDescriptor {
      var description = dnnl_convolution_desc_t()
      let bias = try TensorLayout(shape: [geometry.output[1]], tag: dnnl_a)
      try unsafe check(
        withDescriptors(source, wanted, bias, destination) { source, weights, bias, destination in
          unsafe dnnl_convolution_forward_desc_init(
            &description, dnnl_forward_inference, algorithm, source, weights, bias, destination,
            geometry.strides.map { Int64($0) }, geometry.leading.map { Int64($0) },
            geometry.trailing.map { Int64($0) })
        }, name)
      return try unsafe PrimitiveDescriptor(&description, attributes: attributes, name: name)
    }
    let dimensions = weights.shape.dimensions
    let (anySource, anyDestination) = (
      try TensorLayout.any(geometry.input), try TensorLayout.any(geometry.output)
    )
    switch precision {
    case .float32: break
    case .bfloat16:
      return try descriptor(for: weights, dimensions: dimensions, type: dnnl_bf16) {
        (wanted) throws(ComputeError) in
        try describe(
          dnnl_convolution_direct, .any(geometry.input, elementType: dnnl_bf16), wanted,
          .any(geometry.output, elementType: result.elementType))
      }
    case .int8:
      // Channels innermost: oneDNN has its fastest kernels, and pooling of bytes, for that alone.
      return try descriptor(for: weights, dimensions: dimensions, type: dnnl_s8) {
        (wanted) throws(ComputeError) in
        try describe(
          dnnl_convolution_direct, .channelsLast(geometry.input, dnnl_u8), wanted,
          .channelsLast(geometry.output, result.elementType))
      }
    }
    guard options.usesWinograd else {
      return try descriptor(for: weights, dimensions: dimensions) { (wanted) throws(ComputeError) in
        try describe(dnnl_convolution_direct, anySource, wanted, anyDestination)
      }
    }
    if !addsToOutput, dimensions[2...].allSatisfy({ $0 == 3 }), geometry.strides == [1, 1],
      dimensions[0] >= 32, dimensions[1] >= 32,
      let winograd = try? descriptor(
        for: weights, dimensions: dimensions,
        make: { (wanted) throws(ComputeError) in
          try describe(dnnl_convolution_winograd, anySource, wanted, anyDestination)
        }),
      Self.pays(winograd, geometry),
      options.winogradBudget.hasRoom(
        for: winograd.layout(dnnl_query_weights_md), of: weights)
    {
      return winograd
    }
    // Between Winograd's kernels, which know blocks of 16 channels only, the direct ones take these
    // too where they can: nothing has to be reordered.
    if geometry.output[1] % 16 == 0 {
      let source =
        geometry.input[1] % 16 == 0
        ? try TensorLayout(shape: geometry.input, tag: dnnl_aBcd16b) : anySource
      let destination = try TensorLayout(shape: geometry.output, tag: dnnl_aBcd16b)
      let blocked = try? descriptor(for: weights, dimensions: dimensions) {
        (wanted) throws(ComputeError) in
        try describe(dnnl_convolution_direct, source, wanted, destination)
      }
      if let blocked, !blocked.isReference { return blocked }
    }
    return try descriptor(for: weights, dimensions: dimensions) { (wanted) throws(ComputeError) in
      try describe(dnnl_convolution_direct, anySource, wanted, anyDestination)
    }
  }
}
