internal import CConvolutionKernels
internal import Synchronization
public import Tensors

/// The weights of one layer: read from the checkpoint once, kept in the layouts that plans want.
///
/// Plans of all sizes, threads and precisions share them, in any order. A checkpoint's file stays mapped,
/// but for the pages; its weights in memory are let go for a matrix that exists in float32, and read back
/// from that.
public final class LayerWeights: Sendable {
  /// Output channels first: (K, C, h, w) for a convolution, (K, inputs) for a linear layer.
  public let shape: Shape

  /// One value for each output channel.
  public let biases: [Float]

  /// What the tensors are called in a checkpoint, without `.weight`, where that is not the layer's name.
  let name: String?

  /// Whether the biases are the checkpoint's own: not left out, and not what a normalisation made.
  let hasOwnBiases: Bool

  private struct State {
    var source: StoredTensor?
    var prepared: [Prepared] = []
    /// By whether they are of bfloat16.
    var winograd: [Bool: MemoryBlock] = [:]
    /// By the number of channels of the map, with what pads them.
    var narrow: [NarrowKey: MemoryBlock] = [:]
    var quantizationScales: [Float]?
    var quantizedSums: [Int]?
  }

  /// Weights in one layout.
  final class Prepared: Sendable {
    let layout: TensorLayout
    /// Whether the first axis is that of the inputs, which the extents of a square matrix do not tell.
    let outputsLast: Bool
    let block: MemoryBlock

    init(layout: TensorLayout, outputsLast: Bool) throws(ComputeError) {
      self.layout = layout
      self.outputsLast = outputsLast
      block = try MemoryBlock(count: layout.byteCount)
    }

    /// Whether the checkpoint's weights can be had from these.
    var isExact: Bool { layout.elementType == .float32 }
  }

  private let state: Mutex<State>

  /// Factors for the output channels, as batch normalisation folded into a convolution has.
  let outputScales: [Float]?

  /// Makes a layer's weights.
  ///
  /// - Parameters:
  ///   - weights: output channels first; any element type and strides.
  ///   - biases: one for each output channel; zeros where they are left out.
  ///   - outputScales: a factor for all weights of each output channel; 1 where left out.
  ///   - name: what the tensors are called, where layers that share them have other names.
  public init(
    _ weights: StoredTensor, biases: [Float]? = nil, outputScales: [Float]? = nil,
    name: String? = nil
  ) {
    let outputs = weights.shape.rank > 0 ? weights.shape[0] : 0
    precondition(biases.map { $0.count == outputs } ?? true, "\(outputs) outputs")
    precondition(outputScales.map { $0.count == outputs } ?? true, "\(outputs) outputs")
    shape = weights.shape
    self.biases = biases ?? [Float](repeating: 0, count: outputs)
    self.outputScales = outputScales
    self.name = name
    hasOwnBiases = biases != nil && outputScales == nil
    state = Mutex(State(source: weights))
  }

  /// The same weights with zeros for biases; `nil` where the checkpoint's own have been let go.
  public var withoutBiases: LayerWeights? {
    source.map { LayerWeights($0, outputScales: outputScales, name: name) }
  }

  /// The checkpoint's own weights, without factors; `nil` where they have been let go.
  var source: StoredTensor? { state.withLock { $0.source } }

  /// Lets the checkpoint's weights go: whoever learns them has others.
  func forgetSource() { state.withLock { $0.source = nil } }

  /// The layouts that exist, oldest first.
  var preparedLayouts: [TensorLayout] {
    state.withLock { $0.prepared.map(\.layout) }
  }

  /// The bytes of all layouts that exist.
  public var preparedByteCount: Int {
    state.withLock { state in
      let own = [state.winograd.values.map(\.count), state.narrow.values.map(\.count)].joined()
      return state.prepared.reduce(own.reduce(0, +)) { $0 + $1.block.count }
    }
  }

  /// The weights in a layout, reordered now if no plan has asked for it before.
  ///
  /// `dimensions` are the weights' extents as the kernel names them, in the same order as `shape`
  /// and with as many elements: a linear layer may read its inputs as C, H, W. A matrix
  /// product wants the outputs last: `layout` then has the two `dimensions` in turn. What is in
  /// `scratch` is lost.
  func prepared(
    in layout: TensorLayout, dimensions: [Int], outputsLast: Bool = false, name: String,
    scratch: Arena
  ) throws(ComputeError) -> Prepared {
    let result = state.withLock { state -> Result<Prepared, ComputeError> in
      let alike = state.prepared.filter { $0.outputsLast == outputsLast }
      if let existing = alike.first(where: { $0.layout == layout }) { return .success(existing) }
      do throws(ComputeError) {
        let prepared = try Prepared(layout: layout, outputsLast: outputsLast)
        if let other = alike.first(where: \.isExact), layout.elementType != .int8,
          other.layout.shape == layout.shape
        {
          try unsafe reorder(
            from: other.layout, at: other.block.address, to: layout, of: prepared, name: name,
            scratch: scratch)
        } else {
          try read(
            try source(of: state, name), dimensions: dimensions, outputsLast: outputsLast,
            into: prepared, name: name, scratch: scratch,
            roundingScales: state.quantizationScales ?? [])
          // From rounded and from transformed weights there is no way back, and a file can be read again:
          // only a matrix that is in memory in full is not kept there twice.
          if prepared.isExact, outputsLast, state.source?.storage.isFileMapping == false {
            state.source = nil
          }
        }
        state.prepared.append(prepared)
        return .success(prepared)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// The weights of a 3x3 convolution transformed for Winograd's kernels, now if no plan has asked for
  /// them before.
  ///
  /// The calling thread's team shares the work. Output channels are a multiple of the type's lanes, which are
  /// always the CPU's, and are counted in whole panels of twice as many.
  func winogradWeights(_ type: winograd_type, name: String) throws(ComputeError) -> MemoryBlock {
    let result = state.withLock { state -> Result<MemoryBlock, ComputeError> in
      if let existing = state.winograd[type.multiplies_bfloat16] { return .success(existing) }
      guard let source = state.source else {
        preconditionFailure("\(name): the weights of a convolution are always kept")
      }
      let (outputs, inputs) = (shape[0], shape[1])
      let outputSize = winograd_weight_size(type, Int32(inputs), 1)
      let lanes = Int(type.lanes)
      let panels = (outputs / lanes + 1) / 2
      let block: MemoryBlock
      do throws(ComputeError) {
        block = try MemoryBlock(count: panels * 2 * lanes * outputSize)
      } catch {
        return .failure(error)
      }
      OpenMP.parallel(panels, threadCount: OpenMP.threadCount) { range in
        for panel in range {
          let part = panel * 2 * lanes..<min((panel + 1) * 2 * lanes, outputs)
          let source = source.slice(part)
          unsafe source.withFloat32Values { values in
            guard let weights = values.baseAddress else { return }
            // Safety: the part has as many weights as the call reads, and each output channel its
            // own place of `outputSize` bytes in the block.
            let transformed = unsafe block.address + part.lowerBound * outputSize
            let transform = { (scales: UnsafePointer<Float>?) in
              unsafe winograd_transform_weights(
                type, weights, scales, Int32(inputs), Int32(part.count), transformed)
            }
            if let outputScales {
              unsafe Array(outputScales[part]).withUnsafeBufferPointer {
                unsafe transform($0.baseAddress)
              }
            } else {
              transform(nil)
            }
          }
          source.releasePages()
        }
      }
      state.winograd[type.multiplies_bfloat16] = block
      return .success(block)
    }
    return try result.get()
  }

  /// The weights of 1x1 convolutions of one map for the narrow kernels, as if they were one: vectors of output
  /// channels, of which each has all `channels` input channels, with zeros for what there is not.
  ///
  /// `lanes` is always the CPU's; `channels` are those of the map, with what pads them; `others` are the
  /// layers whose outputs follow this one's.
  func narrowWeights(
    followedBy others: [LayerWeights], lanes: Int, channels: Int, name: String
  ) throws(ComputeError) -> MemoryBlock {
    let key = NarrowKey(channels: channels, others: others.map(ObjectIdentifier.init))
    if let existing = state.withLock({ $0.narrow[key] }) { return existing }
    let layers = [self] + others
    let columns = layers.reduce(0) { $0 + $1.shape[0] }
    let vectors = narrow_vector_count(winograd_lanes(lanes), Int32(columns))
    let block = try MemoryBlock(zeros: vectors * channels * lanes * MemoryLayout<Float>.stride)
    // Safety: the block has a vector of outputs for each channel, of which there are no fewer than inputs.
    let target = unsafe block.address.assumingMemoryBound(to: Float.self)
    var column = 0
    for layer in layers {
      let values = try layer.copiedValues(name: name)
      // Safety: `values` has a row of inputs for each output.
      let source = unsafe values.address.assumingMemoryBound(to: Float.self)
      let inputs = layer.shape[1]
      for output in 0..<layer.shape[0] {
        let first = column / lanes * lanes * channels + column % lanes
        for input in 0..<inputs {
          unsafe target[first + input * lanes] = source[output * inputs + input]
        }
        column += 1
      }
    }
    return state.withLock { state in
      if let earlier = state.narrow[key] { return earlier }
      state.narrow[key] = block
      return block
    }
  }

  /// Which weights for the narrow kernels: the channels of the map, and the layers that follow.
  private struct NarrowKey: Hashable {
    let channels: Int
    let others: [ObjectIdentifier]
  }

  /// Where weights are read from.
  private enum Source {
    /// As the checkpoint has them.
    case stored(StoredTensor)
    /// As a product of matrices wants them, outputs last; output scales are multiplied in.
    case product(Prepared)
  }

  private func source(of state: State, _ name: String) throws(ComputeError) -> Source {
    if let source = state.source { return .stored(source) }
    guard let product = state.prepared.first(where: { $0.isExact && $0.outputsLast }) else {
      throw ComputeError(operation: name, reason: "the weights are nowhere")
    }
    return .product(product)
  }

  /// Calls a closure with the weights of some outputs in the checkpoint's order, output scales multiplied in.
  private func withRows(
    _ part: Range<Int>, of source: Source, _ name: String, scratch: Arena,
    _ body: (UnsafeBufferPointer<Float>) throws(ComputeError) -> Void
  ) throws(ComputeError) {
    var values: [Float]
    switch source {
    case .stored(let tensor):
      let tensor = tensor.slice(part)
      defer { tensor.releasePages() }
      guard let outputScales else {
        var failure: ComputeError?
        unsafe tensor.withFloat32Values { values in
          do throws(ComputeError) { try unsafe body(values) } catch { failure = error }
        }
        if let failure { throw failure }
        return
      }
      values = tensor.float32Values()
      let stride = values.count / max(part.count, 1)
      for (row, scale) in outputScales[part].enumerated() {
        for index in row * stride..<(row + 1) * stride { values[index] *= scale }
      }
    case .product(let prepared):
      let inputs = shape[1]
      let layout = try TensorLayout(shape: [inputs, shape[0]], order: .transposed)
      // All outputs: a part of a blocked layout has to begin and end with a block.
      let whole = try Prepared(layout: layout, outputsLast: true)
      try unsafe reorder(
        from: prepared.layout, at: prepared.block.address, to: layout, of: whole, name: name,
        scratch: scratch)
      try unsafe body(
        UnsafeBufferPointer(
          start: whole.block.address.assumingMemoryBound(to: Float.self)
            + part.lowerBound * inputs, count: part.count * inputs))
      return
    }
    var failure: ComputeError?
    unsafe values.withUnsafeBufferPointer { values in
      do throws(ComputeError) { try unsafe body(values) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// What one unit of each output channel's weights stands for in int8: the largest is 127 units.
  func quantizationScales(name: String) throws(ComputeError) -> [Float] {
    let result = state.withLock { state -> Result<[Float], ComputeError> in
      if let known = state.quantizationScales { return .success(known) }
      var scales: [Float] = []
      scales.reserveCapacity(biases.count)
      let length = max(shape.dimensions.dropFirst().reduce(1, *), 1)
      do throws(ComputeError) {
        let source = try source(of: state, name)
        for part in Self.parts(of: biases.count, length: length, of: source) {
          try unsafe withRows(part, of: source, name, scratch: Arena()) { values in
            for row in 0..<part.count {
              let largest = unsafe Self.largestMagnitude(
                UnsafeBufferPointer(rebasing: values[row * length..<(row + 1) * length]))
              // A channel without weights is zero in any unit.
              scales.append(largest > 0 ? largest / 127 : 1)
            }
          }
        }
      } catch {
        return .failure(error)
      }
      state.quantizationScales = scales
      return .success(scales)
    }
    return try result.get()
  }

  /// For each output channel the sum of its weights as bytes.
  func quantizedSums(name: String) throws(ComputeError) -> [Int] {
    let scales = try quantizationScales(name: name)
    let result = state.withLock { state -> Result<[Int], ComputeError> in
      if let known = state.quantizedSums { return .success(known) }
      var sums: [Int] = []
      let length = max(shape.dimensions.dropFirst().reduce(1, *), 1)
      do throws(ComputeError) {
        let source = try source(of: state, name)
        for part in Self.parts(of: biases.count, length: length, of: source) {
          try unsafe withRows(part, of: source, name, scratch: Arena()) { values in
            for (row, output) in part.enumerated() {
              // As oneDNN rounds them.
              let factor = 1 / scales[output]
              var sum: Float = 0
              for index in row * length..<(row + 1) * length {
                let value = unsafe values[index] * factor
                sum += max(min(value.rounded(.toNearestOrEven), 127), -128)
              }
              sums.append(Int(sum))
            }
          }
        }
      } catch {
        return .failure(error)
      }
      state.quantizedSums = sums
      return .success(sums)
    }
    return try result.get()
  }

  /// A copy of the weights, row-major in the order of `shape`.
  func copiedValues(name: String) throws(ComputeError) -> MemoryBlock {
    let result = state.withLock { state -> Result<MemoryBlock, ComputeError> in
      do throws(ComputeError) {
        let block = try MemoryBlock(count: shape.count * MemoryLayout<Float>.stride)
        let length = max(shape.dimensions.dropFirst().reduce(1, *), 1)
        let source = try source(of: state, name)
        for part in Self.parts(of: biases.count, length: length, of: source) {
          try unsafe withRows(part, of: source, name, scratch: Arena()) { values in
            guard let base = values.baseAddress else { return }
            // Safety: the block has room for the rows of all outputs.
            unsafe (block.address.assumingMemoryBound(to: Float.self) + part.lowerBound * length)
              .update(from: base, count: part.count * length)
          }
        }
        return .success(block)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// The outputs in parts that are read at once.
  private static func parts(of outputs: Int, length: Int, of source: Source) -> [Range<Int>] {
    if case .product = source { return [0..<outputs] }
    // Whole blocks of output channels, of which no layout has more than 64.
    let step = max(partByteCount / (4 * length) / 64 * 64, 64)
    return stride(from: 0, to: outputs, by: step).map { $0..<min($0 + step, outputs) }
  }

  private static func largestMagnitude(_ values: UnsafeBufferPointer<Float>) -> Float {
    var lanes = SIMD16<Float>(repeating: 0)
    var index = 0
    let bytes = UnsafeRawBufferPointer(values)
    while index + 16 <= values.count {
      let next = unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: SIMD16<Float>.self)
      lanes.replace(with: next, where: next .> lanes)
      lanes.replace(with: -next, where: -next .> lanes)
      index += 16
    }
    var largest = lanes.max()
    while index < values.count {
      largest = unsafe max(largest, abs(values[index]))
      index += 1
    }
    return largest
  }

  /// Reads the weights some output channels at a time, and lets go of each part's pages.
  ///
  /// A layer of 400 MB would otherwise be in memory twice, and once more where it has to be converted.
  private func read(
    _ source: Source, dimensions: [Int], outputsLast: Bool, into prepared: Prepared, name: String,
    scratch: Arena, roundingScales: [Float]
  ) throws(ComputeError) {
    let outputs = shape[0]
    // Groups have an axis of their own, and few weights.
    var parts =
      dimensions.count == 5
      ? [0..<outputs]
      : Self.parts(
        of: outputs, length: max(shape.dimensions.dropFirst().reduce(1, *), 1), of: source)
    var layouts: [TensorLayout] = []
    for part in parts where parts.count > 1 {
      guard let region = prepared.layout.region(axis: outputsLast ? 1 : 0, part) else { break }
      layouts.append(region)
    }
    if layouts.count < parts.count {
      (parts, layouts) = ([0..<outputs], [prepared.layout])
    }
    for (part, layout) in zip(parts, layouts) {
      var extents = dimensions
      if outputsLast {
        extents = [dimensions[1], part.count]
      } else if dimensions.count < 5 {
        extents[0] = part.count
      }
      let plain = try TensorLayout(shape: extents, order: outputsLast ? .transposed : .plain)
      let scales = layout.elementType == .int8 ? roundingScales[part].map { 1 / $0 } : []
      try unsafe withRows(part, of: source, name, scratch: scratch) {
        (values) throws(ComputeError) in
        guard let base = values.baseAddress else { return }
        try unsafe reorder(
          from: plain, at: UnsafeMutableRawPointer(mutating: base), to: layout, of: prepared,
          name: name, scales: scales, scratch: scratch)
      }
    }
  }

  /// How much of the checkpoint is read at once, in bytes as float32.
  private static let partByteCount = 32 << 20

  /// Reorders on the calling thread's team.
  ///
  /// The address must hold a tensor of the layout `source`; `layout` is that of `prepared` or a
  /// region of it.
  private func reorder(
    from source: TensorLayout, at address: UnsafeMutableRawPointer, to layout: TensorLayout,
    of prepared: Prepared, name: String, scales: [Float] = [], scratch: Arena
  ) throws(ComputeError) {
    let descriptor = try PrimitiveDescriptor.reorder(
      source, to: layout, scales: scales, scaledAxes: source.shape.rank == 5 ? 0b11 : 0b1,
      name: "\(name): weights")
    let scratchLayout = descriptor.scratchpadLayout
    try scratch.reserve(scratchLayout.byteCount)
    try Primitive(descriptor, name: name).run([
      (.source, try unsafe Memory(source, at: address)),
      (.destination, try unsafe Memory(layout, at: prepared.block.address)),
      (.scratchpad, try unsafe Memory(scratchLayout, at: scratch.block.address)),
    ])
  }
}
