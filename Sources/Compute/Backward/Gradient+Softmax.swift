internal import CConvolutionKernels
internal import Tensors

extension Softmax: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.memory(of: inputs[0])
    guard source.layout.shape.rank == 2 else {
      throw ComputeError(
        operation: layer.name, reason: "a softmax of \(source.layout.shape) has no gradient here")
    }
    let destination = try Memory(source.layout)
    try lowering.addStep(
      layer.name, .softmax(source.layout, name: layer.name), reading: [(.source, source)],
      writing: [(.destination, destination)])
    lowering.set(destination, of: layer.result)
    return SoftmaxGradient(input: inputs[0], name: layer.name, result: destination)
  }
}

/// The backward pass of a softmax over the columns of a matrix.
struct SoftmaxGradient: LayerGradient {
  let input: Network.Value
  let name: String
  let result: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    let result = result
    let (rows, columns) = (result.layout.shape[0], result.layout.shape[1])
    lowering.addStep("\(name): gradient", changing: upstream, reading: [result]) {
      for row in 0..<rows {
        // Safety: rows of `columns` floats follow one another.
        let out = unsafe upstream.floats + row * columns
        unsafe gradient_softmax(out, out, result.floats + row * columns, columns)
      }
    }
    try lowering.add(upstream, to: input)
  }
}
