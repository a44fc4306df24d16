internal import CConvolutionKernels
internal import Tensors

extension Linear: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let (name, input) = (layer.name, inputs[0])
    let extents = lowering.extents(of: input)
    // A map is read as the checkpoint's columns have it: channels, rows, columns.
    let source = try lowering.reordered(
      lowering.memory(of: input), to: .rowMajor(Shape(extents)), name)
    let (outputs, columns) = (matrix.shape[0], matrix.shape[1])
    let weights = try lowering.weights(
      matrix, extents: [outputs, columns], as: .rowMajor([outputs, columns]), name: name)
    let biases = try lowering.biases(matrix)
    let destination = try Memory(.rowMajor([extents[0], outputs]))
    let product = MatrixStep(rows: extents[0], columns: columns, outputs: outputs)
    let following = activation ?? .none
    let applied = following.isKnownByResult ? following : .none
    lowering.addStep(name, reading: [source], writing: destination) {
      product.multiply(source, by: weights, into: destination)
      product.finish(destination, adding: biases, applied)
    }
    let reference = try lowering.set(destination, of: layer, activatedBy: following)
    return LinearGradient(
      linear: self, name: name, product: product, source: source, reference: reference)
  }
}

/// The backward pass of a fully connected layer.
struct LinearGradient: LayerGradient {
  let linear: Linear
  let name: String
  let product: MatrixStep
  let source: Memory
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    lowering.undo(linear.activation ?? .none, reference: reference, upstream, name)
    let (product, source) = (product, source)
    if let pair = lowering.parameters.pair(of: linear.matrix) {
      let weights = try lowering.constant(
        .rowMajor([product.outputs, product.columns]), in: pair.weights.gradient)
      let replaces = lowering.replacesGradient(of: pair.weights)
      // The parameter's gradient has a place of its own, outside of the arena.
      lowering.addStep("\(name): weights' gradient", changing: upstream, reading: [source]) {
        product.computeWeightsGradient(
          upstream, source, into: weights, replaces ? .replace : .add)
      }
      if let parameter = pair.biases {
        let replaces = lowering.replacesGradient(of: parameter)
        let biases = try lowering.constant(.rowMajor([product.outputs]), in: parameter.gradient)
        lowering.addStep("\(name): biases' gradient", changing: upstream, reading: []) {
          product.computeBiasGradient(upstream, into: biases, adds: !replaces)
        }
      }
    }
    let input = linear.inputs[0]
    guard lowering.wantsGradient(of: input) else { return }
    let extents = lowering.extents(of: input)
    let weights = try lowering.weights(
      linear.matrix, extents: [product.outputs, product.columns],
      as: .rowMajor([product.outputs, product.columns]), name: name)
    let result = try Memory(.rowMajor(Shape(extents)))
    lowering.addStep("\(name): source's gradient", reading: [upstream], writing: result) {
      product.multiplyBack(upstream, by: weights, into: result)
    }
    try lowering.add(
      lowering.reordered(result, to: lowering.layout(of: extents), name), to: input)
  }
}

/// The products of a fully connected layer: (rows, columns) by the transposed (outputs, columns).
struct MatrixStep {
  let rows: Int
  let columns: Int
  let outputs: Int

  func multiply(_ source: Memory, by weights: Memory, into result: Memory) {
    unsafe multiply(
      operand(source, rows, columns), operand(weights, outputs, columns, isTransposed: true),
      rows: rows, inner: columns, columns: outputs, into: result)
  }

  func multiplyBack(_ upstream: Memory, by weights: Memory, into result: Memory) {
    unsafe multiply(
      operand(upstream, rows, outputs), operand(weights, outputs, columns), rows: rows,
      inner: outputs, columns: columns, into: result)
  }

  func computeWeightsGradient(
    _ upstream: Memory, _ source: Memory, into sum: Memory,
    _ accumulation: MatrixProduct.Accumulation
  ) {
    unsafe multiply(
      operand(upstream, rows, outputs, isTransposed: true), operand(source, rows, columns),
      rows: outputs, inner: rows, columns: columns, into: sum, accumulation)
  }

  func computeBiasGradient(_ upstream: Memory, into sum: Memory, adds: Bool) {
    var sums = [Double](repeating: 0, count: outputs)
    // Safety: the gradient has `rows` rows of `outputs` numbers.
    unsafe gradient_products(upstream.floats, nil, rows, Int32(outputs), &sums)
    for index in 0..<outputs {
      let before = unsafe adds ? sum.floats[index] : 0
      unsafe sum.floats[index] = before + Float(sums[index])
    }
  }

  /// Adds the biases and applies the activation.
  func finish(_ result: Memory, adding biases: Memory, _ activation: Network.Activation) {
    let outputs = outputs
    OpenMP.parallel(rows, threadCount: OpenMP.threadCount) { range in
      // Safety: each row has `outputs` numbers, and there are as many biases.
      let out = unsafe result.floats + range.lowerBound * outputs
      var work = unsafe map_row(
        out: out, first: UnsafePointer(out), second: nil, columns: nil, scale: nil,
        bias: UnsafePointer(biases.floats), cells: range.count, lanes: Int32(outputs),
        valid_lanes: Int32(outputs), activation: activation.mapActivation)
      unsafe map_combine(&work)
    }
  }

  @unsafe private func operand(
    _ memory: Memory, _ rows: Int, _ columns: Int, isTransposed: Bool = false
  ) -> MatrixProduct.Operand {
    // Safety: the tensor is plain and has so many rows and columns.
    unsafe MatrixProduct.Operand(
      UnsafeBufferPointer(start: memory.floats, count: rows * columns), stride: columns,
      isTransposed: isTransposed)
  }

  @unsafe private func multiply(
    _ first: MatrixProduct.Operand, _ second: MatrixProduct.Operand, rows: Int, inner: Int,
    columns: Int, into result: Memory, _ accumulation: MatrixProduct.Accumulation = .replace
  ) {
    do throws(ComputeError) {
      try unsafe MatrixProduct.multiply(
        first, second, rows: rows, inner: inner, columns: columns,
        into: UnsafeMutableBufferPointer(start: result.floats, count: rows * columns),
        accumulation)
    } catch {
      // It refuses extents below 1 and strides shorter than a row alone.
      preconditionFailure("\(error)")
    }
  }
}
