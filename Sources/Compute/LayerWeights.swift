internal import CConvolutionKernels
internal import CDNNL
internal import Synchronization
public import Tensors

/// The weights of one layer: read from the checkpoint once, kept in the layouts that plans want.
///
/// Plans of all sizes and threads share them. The checkpoint's own copy of a matrix is let go as soon as a
/// first layout exists; another layout is made from that one.
public final class LayerWeights: Sendable {
  /// Output channels first: (K, C, h, w) for a convolution, (K, inputs) for a linear layer.
  public let shape: Shape

  /// One value for each output channel.
  let biases: [Float]

  private struct State {
    var source: StoredTensor?
    var prepared: [Prepared] = []
    var winograd: MemoryBlock?
    var quantizationScales: [Float]?
  }

  /// Weights in one layout.
  final class Prepared: Sendable {
    let layout: TensorLayout
    let block: MemoryBlock

    init(layout: TensorLayout) {
      self.layout = layout
      block = MemoryBlock(count: layout.byteCount)
    }

    /// Whether the checkpoint's weights can be had from these.
    var isExact: Bool { layout.elementType == dnnl_f32 }
  }

  private let state: Mutex<State>

  /// Factors for the output channels, as batch normalisation folded into a convolution has.
  private let outputScales: [Float]?

  /// Makes a layer's weights.
  ///
  /// - Parameters:
  ///   - weights: output channels first; any element type and strides.
  ///   - biases: one for each output channel; zeros where they are left out.
  ///   - outputScales: a factor for all weights of each output channel; 1 where left out.
  public init(_ weights: StoredTensor, biases: [Float]? = nil, outputScales: [Float]? = nil) {
    let outputs = weights.shape.rank > 0 ? weights.shape[0] : 0
    precondition(biases.map { $0.count == outputs } ?? true, "\(outputs) outputs")
    precondition(outputScales.map { $0.count == outputs } ?? true, "\(outputs) outputs")
    shape = weights.shape
    self.biases = biases ?? [Float](repeating: 0, count: outputs)
    self.outputScales = outputScales
    state = Mutex(State(source: weights))
  }

  /// The layouts that exist, oldest first.
  var preparedLayouts: [TensorLayout] {
    state.withLock { $0.prepared.map(\.layout) }
  }

  /// The bytes of all layouts that exist.
  public var preparedByteCount: Int {
    state.withLock { state in
      state.prepared.reduce(state.winograd?.count ?? 0) { $0 + $1.block.count }
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
      if let existing = state.prepared.first(where: { $0.layout == layout }) {
        return .success(existing)
      }
      do throws(ComputeError) {
        let prepared = Prepared(layout: layout)
        if let other = state.prepared.first(where: \.isExact), layout.elementType != dnnl_s8 {
          try unsafe reorder(
            from: other.layout, at: other.block.address, to: layout, of: prepared, name: name,
            scratch: scratch)
        } else if let source = state.source {
          try read(
            source, dimensions: dimensions, outputsLast: outputsLast, into: prepared, name: name,
            scratch: scratch,
            roundingScales: state.quantizationScales ?? [])
          // From rounded and from transformed weights there is no way back: the next layout is read from
          // the file again. Only a matrix that is there in full is never asked of the file once more.
          if prepared.isExact, shape.rank == 2 { state.source = nil }
        } else {
          throw Self.lost(name)
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
  /// The calling thread's team shares the work. Output channels are a multiple of twice `lanes`, and
  /// `lanes` is always the CPU's.
  func winogradWeights(lanes: Int, name: String) throws(ComputeError) -> MemoryBlock {
    let result = state.withLock { state -> Result<MemoryBlock, ComputeError> in
      if let existing = state.winograd { return .success(existing) }
      guard let source = state.source else { return .failure(Self.lost(name)) }
      let (outputs, inputs) = (shape[0], shape[1])
      let outputCount = winograd_weight_count(Int32(inputs), 1)
      let block = MemoryBlock(count: outputs * outputCount * MemoryLayout<Float>.stride)
      let panels = outputs / (2 * lanes)
      OpenMP.parallel(panels, threadCount: OpenMP.threadCount) { range in
        for panel in range {
          let part = panel * 2 * lanes..<(panel + 1) * 2 * lanes
          let source = source.slice(part)
          unsafe source.withFloat32Values { values in
            guard let weights = values.baseAddress else { return }
            // Safety: the part has as many weights as the call reads, and each output channel its
            // own place of `outputCount` floats in the block.
            let transformed =
              unsafe block.address.assumingMemoryBound(to: Float.self)
              + part.lowerBound * outputCount
            let transform = { (scales: UnsafePointer<Float>?) in
              unsafe winograd_transform_weights(
                winograd_lanes(lanes), weights, scales, Int32(inputs), Int32(part.count),
                transformed)
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
      state.winograd = block
      return .success(block)
    }
    return try result.get()
  }

  private static func lost(_ name: String) -> ComputeError {
    ComputeError(
      operation: name,
      reason:
        "the checkpoint's weights were let go when they had been prepared as float32; open the "
        + "model again"
    )
  }

  /// What one unit of each output channel's weights stands for in int8: the largest is 127 units.
  ///
  /// - Throws: `ComputeError` where the weights have been prepared as float32 before.
  func quantizationScales(name: String) throws(ComputeError) -> [Float] {
    let result = state.withLock { state -> Result<[Float], ComputeError> in
      if let known = state.quantizationScales { return .success(known) }
      guard let source = state.source else { return .failure(Self.lost(name)) }
      var scales: [Float] = []
      scales.reserveCapacity(biases.count)
      let length = max(shape.dimensions.dropFirst().reduce(1, *), 1)
      let step = max(Self.partByteCount / (4 * length), 1)
      for start in stride(from: 0, to: biases.count, by: step) {
        let part = start..<min(start + step, biases.count)
        unsafe source.slice(part).withFloat32Values { values in
          for row in 0..<part.count {
            let largest = unsafe Self.largestMagnitude(
              UnsafeBufferPointer(rebasing: values[row * length..<(row + 1) * length]))
            let factor = outputScales.map { abs($0[part.lowerBound + row]) } ?? 1
            // A channel without weights is zero in any unit.
            scales.append(largest > 0 ? largest * factor / 127 : 1)
          }
        }
      }
      state.quantizationScales = scales
      return .success(scales)
    }
    return try result.get()
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

  /// Reads the checkpoint's copy some output channels at a time, and lets go of each part's pages.
  ///
  /// A layer of 400 MB would otherwise be in memory twice, and once more where it has to be converted.
  private func read(
    _ source: StoredTensor, dimensions: [Int], outputsLast: Bool, into prepared: Prepared,
    name: String, scratch: Arena, roundingScales: [Float]
  ) throws(ComputeError) {
    let outputs = dimensions[0]
    let bytesOfOutput = max(dimensions.dropFirst().reduce(4, *), 1)
    // Whole blocks of output channels, of which no layout has more than 64.
    let step = max(Self.partByteCount / bytesOfOutput / 64 * 64, 64)
    for start in stride(from: 0, to: outputs, by: step) {
      let part = start..<min(start + step, outputs)
      var layout = prepared.layout
      if part.count < outputs {
        guard let region = prepared.layout.region(axis: outputsLast ? 1 : 0, part) else {
          // The whole is written anew; what was written before is overwritten.
          try read(
            source, 0..<outputs, dimensions, outputsLast: outputsLast, to: prepared.layout,
            of: prepared, name, scratch, roundingScales)
          return
        }
        layout = region
      }
      try read(
        source, part, dimensions, outputsLast: outputsLast, to: layout, of: prepared, name,
        scratch, roundingScales)
    }
  }

  /// How much of the checkpoint is read at once, in bytes as float32.
  private static let partByteCount = 32 << 20

  private func read(
    _ source: StoredTensor, _ part: Range<Int>, _ dimensions: [Int], outputsLast: Bool,
    to layout: TensorLayout, of prepared: Prepared, _ name: String, _ scratch: Arena,
    _ roundingScales: [Float]
  ) throws(ComputeError) {
    let source = source.slice(part)
    let plain =
      outputsLast
      ? try TensorLayout(shape: [dimensions[1], part.count], tag: dnnl_ba)
      : try TensorLayout(
        shape: [part.count] + dimensions.dropFirst(),
        tag: dimensions.count == 4 ? dnnl_abcd : dnnl_ab)
    var scales: [Float] = []
    if layout.elementType == dnnl_s8 { scales = roundingScales[part].map { 1 / $0 } }
    var failure: ComputeError?
    func reorder(_ values: UnsafeBufferPointer<Float>) {
      guard let base = values.baseAddress else { return }
      do throws(ComputeError) {
        try unsafe self.reorder(
          from: plain, at: UnsafeMutableRawPointer(mutating: base), to: layout, of: prepared,
          name: name, scales: scales, scratch: scratch)
      } catch {
        failure = error
      }
    }
    if let outputScales {
      var values = source.float32Values()
      let stride = values.count / max(part.count, 1)
      for (row, scale) in outputScales[part].enumerated() {
        for index in row * stride..<(row + 1) * stride { values[index] *= scale }
      }
      unsafe values.withUnsafeBufferPointer(reorder)
    } else {
      unsafe source.withFloat32Values(reorder)
    }
    source.releasePages()
    if let failure { throw failure }
  }

  /// Reorders on the calling thread's team.
  ///
  /// The address must hold a tensor of the layout `source`; `layout` is that of `prepared` or a
  /// region of it.
  private func reorder(
    from source: TensorLayout, at address: UnsafeMutableRawPointer, to layout: TensorLayout,
    of prepared: Prepared, name: String, scales: [Float] = [], scratch: Arena
  ) throws(ComputeError) {
    let descriptor = try PrimitiveDescriptor(
      reorderingFrom: source, to: layout, attributes: Attributes(scales: scales),
      name: "\(name): weights")
    let primitive = try Primitive(descriptor, name: name)
    let scratchLayout = descriptor.layout(dnnl_query_scratchpad_md)
    scratch.reserve(scratchLayout.byteCount)
    let memories = [
      (DNNL_ARG_FROM, try unsafe Memory(source, at: address)),
      (DNNL_ARG_TO, try unsafe Memory(layout, at: prepared.block.address)),
      (DNNL_ARG_SCRATCHPAD, try unsafe Memory(scratchLayout, at: scratch.block.address)),
    ]
    let stream = try Stream()
    let arguments = unsafe memories.map { unsafe dnnl_exec_arg_t(arg: $0.0, memory: $0.1.handle) }
    try unsafe check(
      dnnl_primitive_execute(
        primitive.handle, stream.handle, Int32(arguments.count), arguments), name)
    try unsafe check(dnnl_stream_wait(stream.handle), name)
    withExtendedLifetime(memories) {}
  }
}
