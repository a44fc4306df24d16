internal import CConvolutionKernels
internal import Tensors

/// 1x1 convolutions of one map, each with its result's channels innermost, bound to their tensors.
@safe struct NarrowStep: NativeStep {
  struct Result {
    let destination: Memory
    let channels: Int
  }

  let order: MapOrder
  /// N, C, H, W of the map.
  let extents: [Int]
  let source: Memory
  /// In the order of their output channels in the weights.
  let results: [Result]
  /// As `LayerWeights.narrowWeights` has them, and the biases of all its vectors.
  let weights: MemoryBlock
  let biases: MemoryBlock
  let lanes: Int

  /// The cells that a thread takes at a time: few enough that none waits long for another.
  private static let part = 14 * 32

  func run() {
    let cells = extents[2] * extents[3]
    let parts = (cells + Self.part - 1) / Self.part
    OpenMP.parallel(extents[0] * parts, threadCount: OpenMP.threadCount) { range in
      for index in range {
        let (image, first) = (index / parts, index % parts * Self.part)
        // Safety: the map's cells lie in the order's blocks, and each result has a row of its channels for
        // each cell of each image.
        let map = unsafe narrow_map(
          source: source.floats + image * order.paddedChannels * cells,
          block_stride: cells * order.lanes, cell_stride: order.lanes, block: Int32(order.lanes),
          channels: Int32(order.paddedChannels))
        let work = unsafe results.map { result in
          unsafe narrow_result(
            destination: result.destination.floats + image * cells * result.channels,
            columns: Int32(result.channels))
        }
        unsafe work.withUnsafeBufferPointer { work in
          guard let results = work.baseAddress else { return }
          let layers = unsafe narrow_layers(
            weights: UnsafePointer(weights.address.assumingMemoryBound(to: Float.self)),
            biases: UnsafePointer(biases.address.assumingMemoryBound(to: Float.self)),
            results: results, count: Int32(work.count))
          unsafe withUnsafePointer(to: map) { map in
            unsafe withUnsafePointer(to: layers) { layers in
              unsafe narrow_run(
                winograd_lanes(lanes), map, layers, first, min(Self.part, cells - first))
            }
          }
        }
      }
    }
  }
}

extension Lowering {
  /// Lowers a 1x1 convolution whose result is an output with its channels innermost, and with it all others
  /// that read the same map; false where another kernel has to.
  mutating func lowerNarrow(_ index: Int, _ layer: LoweredLayer) throws(ComputeError) -> Bool {
    guard let lanes = Engine.winogradLanes, let first = narrowConvolution(index) else {
      return false
    }
    let input = first.inputs[0]
    // A map that some layer has made, so that its order is known.
    guard network.maker(of: input) != nil, storage(of: input) == .float32 else { return false }
    let source = try memory(of: input)
    guard let order = try? MapOrder(source.layout, layer.name),
      order.lanes == lanes || order.lanes == order.channels
    else { return false }
    var results: [NarrowStep.Result] = []
    var joined: [LayerWeights] = []
    var made: [(value: Network.Value, memory: Memory)] = []
    var operationCount = 0
    for reader in network.readers(of: input) where reader >= index {
      guard let convolution = narrowConvolution(reader) else { continue }
      let value = network.result(ofLayer: reader)
      let output = extents(of: value)
      joined.append(convolution.convolutionWeights)
      let destination = try Memory(TensorLayout.channelsLast(Shape(output)))
      results.append(NarrowStep.Result(destination: destination, channels: output[1]))
      made.append((value, destination))
      operationCount += convolution.operationCount(output)
    }
    for (_, memory) in made.dropFirst() { addResident(memory) }
    let weights = try joined[0].narrowWeights(
      followedBy: Array(joined.dropFirst()), lanes: lanes, channels: order.paddedChannels,
      name: layer.name)
    var biases = joined.flatMap(\.biases)
    biases += [Float](repeating: 0, count: (lanes - biases.count % lanes) % lanes)
    let extents = extents(of: input)
    addStep(
      NarrowStep(
        order: order, extents: extents, source: source, results: results, weights: weights,
        biases: try MemoryBlock(copying: biases), lanes: lanes),
      report: Plan.Step(
        name: layer.name, kernel: "own: 1x1, \(results.count) of a map", precision: .float32,
        isWinograd: false, operationCount: operationCount,
        outputShape: Shape(self.extents(of: layer.result))),
      reading: [source], writing: made[0].memory)
    for (value, memory) in made { set(memory, of: value) }
    return true
  }

  /// A layer's convolution, if `NarrowStep` computes its like.
  private func narrowConvolution(_ index: Int) -> Convolution? {
    guard let convolution = network.layers[index].operation as? Convolution,
      choice.precisions[index] == .float32, convolution.kernel == [1, 1],
      convolution.groups == 1, convolution.window.stride == 1, convolution.addend == nil,
      convolution.activation == Network.Activation.none
    else { return nil }
    let value = network.result(ofLayer: index)
    let isSame = extents(of: value)[2...] == extents(of: convolution.inputs[0])[2...]
    let isInnermost = network.outputs.contains { $0.value == value && $0.order == .channelsLast }
    return isSame && isInnermost ? convolution : nil
  }
}
