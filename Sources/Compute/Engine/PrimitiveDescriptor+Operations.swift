internal import CDNNL
internal import Tensors

/// What becomes of the values in a window.
enum PoolingKind {
  case maximum, average, averageWithPadding

  fileprivate var facade: fd_pooling {
    switch self {
    case .maximum: fd_pooling_maximum
    case .average: fd_pooling_average
    case .averageWithPadding: fd_pooling_average_with_padding
    }
  }
}

extension PrimitiveDescriptor {
  /// A convolution; weights of five axes have the groups first.
  static func convolution(
    _ source: TensorLayout, weights: TensorLayout, _ destination: TensorLayout,
    _ geometry: ConvolutionGeometry, attributes: Attributes, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let bias = try TensorLayout.rowMajor([geometry.output[1]])
    var window = fd_window(geometry)
    return try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe attributes.withFacade { attributes in
        unsafe fd_convolution(
          &operation, engine, source.descriptor.handle, weights.descriptor.handle,
          bias.descriptor.handle, destination.descriptor.handle, &window, attributes)
      }
    }
  }

  /// A fully connected layer of a map or a matrix.
  static func innerProduct(
    _ source: TensorLayout, weights: TensorLayout, _ destination: TensorLayout,
    attributes: Attributes, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let bias = try TensorLayout.rowMajor([destination.shape[1]])
    return try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe attributes.withFacade { attributes in
        unsafe fd_inner_product(
          &operation, engine, source.descriptor.handle, weights.descriptor.handle,
          bias.descriptor.handle, destination.descriptor.handle, attributes)
      }
    }
  }

  /// A product of matrices: (N, C) by (C, K), with K biases where there are some.
  static func matrixProduct(
    _ source: TensorLayout, weights: TensorLayout, _ destination: TensorLayout,
    hasBiases: Bool = true, attributes: Attributes = Attributes(), name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let bias = hasBiases ? try TensorLayout.rowMajor([1, destination.shape[1]]) : nil
    return try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe attributes.withFacade { attributes in
        unsafe fd_matrix_product(
          &operation, engine, source.descriptor.handle, weights.descriptor.handle,
          bias?.descriptor.handle, destination.descriptor.handle, attributes)
      }
    }
  }

  /// Pooling.
  static func pooling(
    _ kind: PoolingKind, _ source: TensorLayout, _ destination: TensorLayout,
    _ geometry: PoolingGeometry, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var window = fd_window(
      sizes: geometry.sizes, strides: geometry.strides, dilations: geometry.dilations,
      leading: geometry.leading, trailing: geometry.trailing)
    return try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe fd_pooling(
        &operation, engine, kind.facade, source.descriptor.handle, destination.descriptor.handle,
        &window)
    }
  }

  /// The softmax over the channels.
  static func softmax(
    _ layout: TensorLayout, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe fd_softmax(&operation, engine, layout.descriptor.handle, 1)
    }
  }

  /// A change of layout and type.
  ///
  /// - Parameters:
  ///   - source: how the values lie.
  ///   - destination: how they shall lie.
  ///   - scales: what they are multiplied with: one factor, or one for each index of the axes that
  ///     differ; empty for none.
  ///   - scaledAxes: bit n says that scales differ along axis n.
  ///   - name: what it is for.
  /// - Returns: the kernel.
  /// - Throws: `ComputeError` where oneDNN has none.
  static func reorder(
    _ source: TensorLayout, to destination: TensorLayout, scales: [Float] = [],
    scaledAxes: Int32 = 0, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe fd_reorder(
        &operation, engine, source.descriptor.handle, destination.descriptor.handle, scales,
        Int64(scales.count), scaledAxes)
    }
  }
}

extension fd_window {
  /// How a convolution's weights, whose size is their own, move over its source.
  init(_ geometry: ConvolutionGeometry) {
    self.init(
      strides: geometry.strides, dilations: geometry.dilations, leading: geometry.leading,
      trailing: geometry.trailing)
  }

  /// Rows first, then columns.
  init(
    sizes: [Int] = [0, 0], strides: [Int], dilations: [Int], leading: [Int], trailing: [Int]
  ) {
    func pair(_ values: [Int]) -> (Int64, Int64) { (Int64(values[0]), Int64(values[1])) }
    self.init(
      size: pair(sizes), stride: pair(strides), dilation: pair(dilations),
      leading_padding: pair(leading), trailing_padding: pair(trailing))
  }
}
