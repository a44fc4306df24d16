/// An operation that has a gradient.
protocol Differentiable: Operation {
  /// Adds the steps of the forward pass and sets the result.
  ///
  /// - Returns: what adds the steps of the backward pass.
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient
}

/// The backward pass of one layer.
protocol LayerGradient {
  /// Adds the steps that turn the gradient of the layer's result into those of its inputs and parameters.
  ///
  /// `upstream` is complete, and belongs to the layer: it may be overwritten, or become an input's gradient.
  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError)
}

/// A step that is a closure, for what is neither oneDNN's nor shared.
struct ClosureStep: NativeStep {
  let body: () -> Void

  func run() { body() }
}
