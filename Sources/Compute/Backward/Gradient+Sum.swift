internal import CConvolutionKernels
internal import Tensors

extension Sum: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let (first, second) = (lowering.memory(of: inputs[0]), lowering.memory(of: inputs[1]))
    let reference = try lowering.addPass(
      layer, order: try MapOrder(first.layout, layer.name), first: first, second: second,
      enlargedFrom: enlargesSecond ? lowering.extents(of: inputs[1]) : nil, table: nil,
      activation: activation)
    return SumGradient(sum: self, name: layer.name, reference: reference)
  }
}

/// The backward pass of a sum.
struct SumGradient: LayerGradient {
  let sum: Sum
  let name: String
  let reference: Memory

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    lowering.undo(sum.activation ?? .none, reference: reference, upstream, name)
    let (first, second) = (sum.inputs[0], sum.inputs[1])
    if lowering.wantsGradient(of: second) {
      if sum.enlargesSecond {
        try lowering.addUpsamplingGradient(upstream, to: second, name)
      } else {
        // A copy, because what belongs to one value may be added to.
        try lowering.add(lowering.copied(upstream, to: upstream.layout, name), to: second)
      }
    }
    try lowering.add(upstream, to: first)
  }
}

extension UpsampleNearest: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.memory(of: inputs[0])
    let extents = lowering.extents(of: layer.result)
    let destination = try Memory(lowering.layout(of: extents))
    lowering.addStep(
      layer.name,
      MapStep(
        order: try MapOrder(source.layout, layer.name), extents: extents, first: nil,
        second: source, enlargedFrom: lowering.extents(of: inputs[0]), table: nil,
        activation: .none, destination: destination), reading: [source], writing: destination)
    lowering.set(destination, of: layer.result)
    return UpsamplingGradient(input: inputs[0], name: layer.name)
  }
}

/// The backward pass of nearest-neighbour enlargement.
struct UpsamplingGradient: LayerGradient {
  let input: Network.Value
  let name: String

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    guard lowering.wantsGradient(of: input) else { return }
    try lowering.addUpsamplingGradient(upstream, to: input, name)
  }
}

extension TrainingLowering {
  /// Adds to the gradient of a map the sums of what was copied from each of its cells.
  fileprivate mutating func addUpsamplingGradient(
    _ upstream: Memory, to value: Network.Value, _ name: String
  ) throws(ComputeError) {
    let (source, extents) = (extents(of: value), upstream.layout.shape)
    let result = try Memory(layout(of: source))
    let order = try MapOrder(result.layout, name)
    let rows = UpsampleNearest.sources(of: extents[2], in: source[2])
    let columns = UpsampleNearest.sources(of: extents[3], in: source[3])
    let (height, width) = (extents[2], extents[3])
    let lanes = order.lanes
    addStep("\(name): gradient", reading: [upstream], writing: result) {
      OpenMP.parallel(source[0] * order.blocks, threadCount: OpenMP.threadCount) { range in
        for plane in range {
          // Safety: a plane of each map has as many floats as its rows, columns and lanes make.
          let out = unsafe result.floats + plane * source[2] * source[3] * lanes
          unsafe out.update(repeating: 0, count: source[2] * source[3] * lanes)
          for row in 0..<height {
            unsafe gradient_upsampling(
              out + Int(rows[row]) * source[3] * lanes,
              upstream.floats + (plane * height + row) * width * lanes, width, columns,
              Int32(lanes))
          }
        }
      }
    }
    try add(result, to: value)
  }
}
