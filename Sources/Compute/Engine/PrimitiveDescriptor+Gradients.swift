internal import CDNNL
internal import Tensors

extension PrimitiveDescriptor {
  /// The gradient of a convolution's source; `forward` is the convolution itself.
  static func convolutionSourceGradient(
    _ sourceGradient: TensorLayout, weights: TensorLayout, _ destinationGradient: TensorLayout,
    _ geometry: ConvolutionGeometry, forward: PrimitiveDescriptor, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    var window = fd_window(geometry)
    return try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe fd_convolution_source_gradient(
        &operation, engine, forward.handle, sourceGradient.descriptor.handle,
        weights.descriptor.handle, destinationGradient.descriptor.handle, &window)
    }
  }

  /// The gradients of a convolution's weights and biases.
  static func convolutionWeightsGradient(
    _ source: TensorLayout, weightsGradient: TensorLayout, _ destinationGradient: TensorLayout,
    _ geometry: ConvolutionGeometry, forward: PrimitiveDescriptor, name: String
  ) throws(ComputeError) -> PrimitiveDescriptor {
    let bias = try TensorLayout.rowMajor([geometry.output[1]])
    var window = fd_window(geometry)
    return try unsafe PrimitiveDescriptor(name: name) { operation, engine in
      unsafe fd_convolution_weights_gradient(
        &operation, engine, forward.handle, source.descriptor.handle,
        weightsGradient.descriptor.handle, bias.descriptor.handle,
        destinationGradient.descriptor.handle, &window)
    }
  }
}
