internal import CConvolutionKernels
internal import Tensors

extension MaxPooling: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let geometry = PoolingGeometry(
      window, source: lowering.extents(of: inputs[0]), output: lowering.extents(of: layer.result))
    return try PoolingGradient(.maximum, geometry, of: inputs[0], layer, in: &lowering)
  }
}

extension AveragePooling: Differentiable {
  func lowerForward(
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) -> any LayerGradient {
    let source = lowering.extents(of: inputs[0])
    let geometry =
      window.map {
        PoolingGeometry($0, source: source, output: lowering.extents(of: layer.result))
      } ?? PoolingGeometry(whole: source)
    return try PoolingGradient(
      countsPadding ? .averageWithPadding : .average, geometry, of: inputs[0], layer,
      in: &lowering)
  }
}

/// The backward pass of pooling.
///
/// Of equal maxima the first in row order gets the gradient, as in PyTorch.
struct PoolingGradient: LayerGradient {
  let kind: PoolingKind
  let geometry: PoolingGeometry
  let input: Network.Value
  let source: Memory
  let name: String

  /// Adds the forward pass.
  init(
    _ kind: PoolingKind, _ geometry: PoolingGeometry, of input: Network.Value,
    _ layer: LoweredLayer, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    self.kind = kind
    self.geometry = geometry
    self.input = input
    name = layer.name
    source = lowering.memory(of: input)
    let destination = try Memory(lowering.layout(of: geometry.output))
    try lowering.addStep(
      name, .pooling(kind, source.layout, destination.layout, geometry, name: name),
      reading: [(.source, source)], writing: [(.destination, destination)])
    lowering.set(destination, of: layer.result)
  }

  func lowerBackward(
    _ upstream: Memory, in lowering: inout TrainingLowering
  ) throws(ComputeError) {
    guard lowering.wantsGradient(of: input) else { return }
    let result = try Memory(source.layout)
    let (extents, order) = (lowering.extents(of: input), try MapOrder(source.layout, name))
    let lanes = order.lanes
    let cells = (extents[2] * extents[3] * lanes, geometry.output[2] * geometry.output[3] * lanes)
    func pair(_ values: [Int]) -> (Int32, Int32) { (Int32(values[0]), Int32(values[1])) }
    let window = gradient_window(
      source: pair(Array(extents[2...])), result: pair(Array(geometry.output[2...])),
      size: pair(geometry.sizes), stride: pair(geometry.strides),
      dilation: pair(geometry.dilations), leading: pair(geometry.leading))
    if kind == .maximum, isPairwise {
      lowerPairs(upstream, into: result, extents, order, &lowering)
      try lowering.add(result, to: input)
      return
    }
    let (kind, source) = (kind, source)
    // The averages do not depend on the source, which need not be kept for them.
    let sources = kind == .maximum ? [upstream, source] : [upstream]
    lowering.addStep("\(name): gradient", reading: sources, writing: result) {
      OpenMP.parallel(extents[0] * order.blocks, threadCount: OpenMP.threadCount) { range in
        var window = window
        for plane in range {
          // Safety: a plane of the map and one of the result have so many floats, and each its own place.
          let out = unsafe result.floats + plane * cells.0
          let upstream = unsafe upstream.floats + plane * cells.1
          unsafe out.update(repeating: 0, count: cells.0)
          switch kind {
          case .maximum:
            unsafe gradient_max_pooling(
              out, source.floats + plane * cells.0, upstream, &window, Int32(lanes))
          case .average, .averageWithPadding:
            unsafe gradient_average_pooling(
              out, upstream, &window, kind == .average ? 0 : 1, Int32(lanes))
          }
        }
      }
    }
    try lowering.add(result, to: input)
  }

  /// Whether windows of 2x2 cover the source once.
  private var isPairwise: Bool {
    geometry.sizes == [2, 2] && geometry.strides == [2, 2] && geometry.dilations == [1, 1]
      && geometry.leading == [0, 0]
  }

  /// Each two rows of the source have windows of their own, so that threads share them out.
  private func lowerPairs(
    _ upstream: Memory, into result: Memory, _ extents: [Int], _ order: MapOrder,
    _ lowering: inout TrainingLowering
  ) {
    let (source, lanes) = (source, order.lanes)
    let (height, width) = (extents[2], extents[3])
    let (rows, columns) = (geometry.output[2], geometry.output[3])
    let pairs = (height + 1) / 2
    lowering.addStep("\(name): gradient", reading: [upstream, source], writing: result) {
      OpenMP.parallel(
        extents[0] * order.blocks * pairs, threadCount: OpenMP.threadCount
      ) { range in
        for index in range {
          let (plane, pair) = index.quotientAndRemainder(dividingBy: pairs)
          let first = (plane * height + 2 * pair) * width * lanes
          let hasBelow = 2 * pair + 1 < height
          // Safety: the rows lie within the plane, and so does the row of the result, where it is one.
          guard pair < rows else {
            unsafe (result.floats + first).update(
              repeating: 0, count: (hasBelow ? 2 : 1) * width * lanes)
            continue
          }
          unsafe gradient_pair_max_pooling(
            result.floats + first, source.floats + first,
            upstream.floats + (plane * rows + pair) * columns * lanes, width, columns, hasBelow,
            Int32(lanes))
        }
      }
    }
  }
}
