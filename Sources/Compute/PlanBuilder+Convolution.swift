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
  /// A layer's weights, if Winograd's algorithm may and should compute it; whether layers before it are
  /// so computed has been decided.
  ///
  /// In bf16 it needs a quarter of the multiplications, and vectors of bf16 do only twice as many at a
  /// time; so it wins in float32 where the input comes as float32, or where each value is multiplied
  /// often enough to be worth converting. Tiles of bf16 do far more.
  func winogradCandidate(layer index: Int) -> LayerWeights? {
    let layer = network.layers[index]
    guard options.usesWinograd,
      case .convolution(let weights, let window, _, residual: nil) = layer.operation,
      window.stride == 1, WinogradKernel.suits(weights)
    else { return nil }
    if precision(ofLayer: index) == .float32 { return weights }
    guard case .bfloat16 = precision(ofLayer: index), !Engine.hasMatrixTiles,
      weights.shape[0] >= 128 || isMadeAsFloat32(layer.input)
    else { return nil }
    return weights
  }

  private func isMadeAsFloat32(_ value: Network.Value) -> Bool {
    guard value != network.input else { return true }
    let maker = network.layers[value.index - 1]
    switch maker.operation {
    case .convolution, .linear: return precision(ofLayer: value.index - 1) == .float32
    case .maxPooling: return isMadeAsFloat32(maker.input)
    case .globalAveragePooling, .softmax: return true
    }
  }

  /// Winograd's kernel for a convolution, or for some rows of it; `nil` where the layer is computed
  /// directly.
  func winogradKernel(
    layer index: Int, _ geometry: ConvolutionGeometry, pooledTo pooled: [Int]?
  ) -> WinogradKernel? {
    guard winogradLayers.contains(index),
      case .convolution(_, _, let activation, _) = network.layers[index].operation
    else { return nil }
    return WinogradKernel(geometry, activation, pooledTo: pooled)
  }

  /// The best direct kernel for a convolution.
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
    // Between Winograd's kernels, which know one order of channels, the direct ones take it too where
    // they can: nothing has to be reordered.
    if options.usesWinograd, let lanes = Engine.winogradLanes, geometry.output[1] % lanes == 0 {
      let source =
        geometry.input[1] % lanes == 0
        ? try TensorLayout.channelBlocked(Shape(geometry.input), block: lanes) : anySource
      let destination = try TensorLayout.channelBlocked(Shape(geometry.output), block: lanes)
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
