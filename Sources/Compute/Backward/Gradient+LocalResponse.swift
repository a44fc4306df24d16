internal import CConvolutionKernels
internal import Tensors

extension LocalResponseNormalisation: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.memory(of: inputs[0])
    let order = try MapOrder(source.layout, layer.name)
    let extents = lowering.extents(of: layer.result)
    let destination = try Memory(source.layout)
    lowering.addStep(
      layer.name,
      LocalResponseStep(
        order: order, extents: extents, operation: self, source: source, destination: destination),
      reading: [source], writing: destination)
    lowering.set(destination, of: layer.result)
    return LocalResponseGradient(
      operation: self, name: layer.name, order: order, extents: extents, source: source)
  }
}

/// The backward pass of a local response normalisation (Krizhevsky et al., 2012, section 3.3, over a window
/// of the same channel as Caffe's `WITHIN_CHANNEL`).
///
/// With D the divisor before its power, a cell gives g D^-beta to itself, and to each cell of its window
/// -2 alpha beta x g x D^(-beta - 1).
struct LocalResponseGradient: LayerGradient {
  let operation: LocalResponseNormalisation
  let name: String
  let order: MapOrder
  /// N, C, H, W.
  let extents: [Int]
  let source: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    let result = try Memory(source.layout)
    let scratch = try lowering.addScratch(
      .rowMajor([source.layout.byteCount / MemoryLayout<Float>.stride]))
    let (operation, source) = (operation, source)
    let (height, width, lanes) = (extents[2], extents[3], order.lanes)
    let alpha = operation.alpha / Float(operation.size * operation.size)
    let planes = extents[0] * order.blocks
    lowering.addStep("\(name): gradient", reading: [upstream, source], writing: result) {
      OpenMP.parallel(planes, threadCount: OpenMP.threadCount) { range in
        for plane in range {
          let start = plane * height * width * lanes
          // Safety: each plane has `height * width * lanes` floats in all four.
          unsafe gradient_local_response(
            result.floats + start, source.floats + start, upstream.floats + start,
            scratch.floats + start, Int32(height), Int32(width), Int32(lanes),
            Int32(operation.size), alpha, operation.beta)
        }
      }
    }
    try lowering.add(result, to: operation.inputs[0])
  }
}
