internal import CDNNL
internal import Tensors

/// A chain of 3x3 convolutions, with the pooling behind it, that is computed strip by strip.
///
/// At full size the first layers of a VGG keep two maps of 123 MB; computed some rows at a time they
/// need a few megabytes, which stay in the cache. Each strip reads the rows that its result depends on,
/// so rows at the seams are computed twice and every value is the same, but for the rounding of Winograd's
/// tiles, which begin at other rows. Winograd's kernels read and write rows of a whole map; for oneDNN's,
/// strips are tensors of their own that are copied.
struct LayerStrips {
  /// The layers of the network.
  var layers: Range<Int>
  /// N, C, H, W before the first layer and behind each layer, of the whole.
  var extents: [[Int]]
  /// The rows of the chain's result that a strip makes; the last strip overlaps the one before.
  var rows: Int
  /// How many strips there are.
  var count: Int

  /// For each value of the chain, the first to the last, the rows that a strip needs or makes.
  func ranges(ofStrip strip: Int) -> [Range<Int>] {
    let total = extents[extents.count - 1][2]
    let start = min(strip * rows, total - rows)
    var ranges = [start..<start + rows]
    for index in stride(from: layers.count - 1, through: 0, by: -1) {
      let behind = ranges[0]
      let available = extents[index][2]
      let isPooling = extents[index + 1][2] != available
      ranges.insert(
        isPooling
          ? 2 * behind.lowerBound..<min(2 * behind.upperBound, available)
          : max(behind.lowerBound - 1, 0)..<min(behind.upperBound + 1, available), at: 0)
    }
    return ranges
  }

  /// The extents of a value's rows in a strip.
  func extents(of index: Int, _ range: Range<Int>) -> [Int] {
    var extents = extents[index]
    extents[2] = range.count
    return extents
  }

  /// The convolution of a layer in a strip; the picture's edge is padded, a seam is not.
  func geometry(_ index: Int, _ ranges: [Range<Int>]) -> ConvolutionGeometry {
    ConvolutionGeometry(
      input: extents(of: index, ranges[index]), output: extents(of: index + 1, ranges[index + 1]),
      strides: [1, 1],
      leading: [ranges[index + 1].lowerBound == 0 ? 1 : 0, 1],
      trailing: [ranges[index + 1].upperBound == extents[index + 1][2] ? 1 : 0, 1])
  }
}

extension PlanBuilder {
  /// The strips in which the layers from an index on are computed; `nil` where they are computed
  /// whole, because they fit the options' limit or are no such chain.
  ///
  /// Strips that fit the cache are taken where their seams cost next to nothing, as behind VGG's first
  /// convolution of three channels; others only as far as memory demands.
  func strips(from index: Int) throws(ComputeError) -> LayerStrips? {
    guard let chain = chain(from: index) else { return nil }
    let cached = try cut(chain, to: min(options.stripByteCount, Self.cachedByteCount))
    // A result that is kept in another type is converted strip by strip, while it is in the cache.
    let converts = storage(of: Network.Value(index: chain.layers.upperBound)) != .float32
    let isCheap = work(of: cached) <= work(of: chain) * 1.04
    let strips = try converts || isCheap ? cached : cut(chain, to: options.stripByteCount)
    return strips.count > 1 ? strips : nil
  }

  /// The largest strips of a chain that work on no more than some bytes at once.
  private func cut(_ chain: LayerStrips, to limit: Int) throws(ComputeError) -> LayerStrips {
    guard try byteCount(of: chain) > limit else { return chain }
    let total = chain.rows
    // Pairs of pooled rows, or four rows, are what Winograd's tiles cover.
    let last = chain.layers.count
    let step = chain.extents[last][2] != chain.extents[last - 1][2] ? 2 : 4
    var strips = chain
    var parts = 2
    while true {
      let rows = (total + parts - 1) / parts
      strips.rows = min((rows + step - 1) / step * step, total)
      strips.count = (total + strips.rows - 1) / strips.rows
      if strips.rows <= 2 * step { break }
      if try byteCount(of: strips) <= limit { break }
      parts += 1
    }
    return strips
  }

  /// What a core's second-level cache may hold, and a few cores' together do.
  private static let cachedByteCount = 8 << 20

  /// The chain of layers from an index on, as one strip.
  private func chain(from start: Int) -> LayerStrips? {
    var extents = [self.extents(of: network.layers[start].input)]
    guard extents[0].count == 4 else { return nil }
    var index = start
    guard stored[network.layers[start].input.index] == .float32 else { return nil }
    while index < network.layers.count {
      let layer = network.layers[index]
      guard layer.input.index == index || index == start, precision(ofLayer: index) == .float32
      else { break }
      let before = extents[extents.count - 1]
      var isLast = false
      switch layer.operation {
      case .convolution(let weights, let window, _, residual: nil)
      where weights.shape.dimensions[2...].allSatisfy({ $0 == 3 })
        && window.stride == 1 && window.padding == 1 && !window.roundsUp:
        extents.append([before[0], weights.shape[0], before[2], before[3]])
      case .maxPooling(let window)
      where window.isPairwise && index > start:
        let output = [window.outputExtent(before[2]), window.outputExtent(before[3])]
        guard output.allSatisfy({ $0 > 0 }) else { return nil }
        extents.append([before[0], before[1]] + output)
        isLast = true
      default: isLast = true
      }
      guard extents.count == index - start + 2 else { break }
      index += 1
      // A value that something else reads as well has to exist as a whole.
      let value = Network.Value(index: index)
      let next = Network.Value(index: index + 1)
      if isLast || index == network.layers.count || network.layers[index].input != value
        || isReadLater(value, than: next)
      {
        break
      }
    }
    guard index > start, let last = extents.last, last[2] > 0 else { return nil }
    return LayerStrips(layers: start..<index, extents: extents, rows: last[2], count: 1)
  }

  /// Winograd's kernel for a layer of a chain in a strip, and the number of layers that it computes: two
  /// where a pooling follows.
  private func winogradKernel(
    _ strips: LayerStrips, _ position: Int, _ ranges: [Range<Int>]
  ) -> (kernel: WinogradKernel, count: Int)? {
    let index = strips.layers.lowerBound + position
    guard case .convolution = network.layers[index].operation else { return nil }
    var pooled: [Int]?
    if index + 1 < strips.layers.upperBound,
      case .maxPooling = network.layers[index + 1].operation
    {
      pooled = strips.extents(of: position + 2, ranges[position + 2])
    }
    let kernel = winogradKernel(
      layer: index, strips.geometry(position, ranges), pooledTo: pooled)
    return kernel.map { ($0, pooled == nil ? 1 : 2) }
  }

  /// The multiplications of a chain, those at the seams as often as they are computed.
  private func work(of strips: LayerStrips) -> Double {
    var sum = 0.0
    for strip in 0..<strips.count {
      let ranges = strips.ranges(ofStrip: strip)
      for (position, index) in strips.layers.enumerated() {
        guard case .convolution(let weights, _, _, _) = network.layers[index].operation else {
          continue
        }
        let isWinograd = winogradKernel(strips, position, ranges) != nil
        let rows = ranges[position + 1].count
        // Tiles have four rows, and need a quarter of the multiplications.
        let units = isWinograd ? (rows + 3) / 4 : rows
        sum +=
          Double(units) * Double(strips.extents[position + 1][3])
          * Double(weights.shape.dimensions.reduce(1, *))
      }
    }
    return sum
  }

  /// The most bytes that a layer works on at once in a strip that touches no edge (or in the whole).
  private func byteCount(of strips: LayerStrips) throws(ComputeError) -> Int {
    let ranges = strips.ranges(ofStrip: strips.count / 2)
    var most = 0
    for (position, index) in strips.layers.enumerated() {
      guard case .convolution(let weights, _, let activation, _) = network.layers[index].operation
      else { continue }
      if let (kernel, count) = winogradKernel(strips, position, ranges) {
        // The chain's own input and result exist anyhow, and scratch memory does not shrink with the
        // strip.
        var bytes = 0
        if position > 0 { bytes += try kernel.sourceLayout.byteCount }
        if position + count < strips.layers.count {
          bytes += try kernel.destinationLayout.byteCount
        }
        most = max(most, bytes)
        continue
      }
      let descriptor = try convolutionDescriptor(
        weights, strips.geometry(position, ranges), activation, addsToOutput: false,
        name: network.layers[index].name)
      let queries = [dnnl_query_src_md, dnnl_query_dst_md, dnnl_query_scratchpad_md]
      most = max(most, queries.reduce(0) { $0 + descriptor.layout($1).byteCount })
    }
    return most
  }

  /// Adds the steps of all strips.
  mutating func add(_ strips: LayerStrips) throws(ComputeError) {
    var kernels: [[(geometry: ConvolutionGeometry, descriptor: PrimitiveDescriptor)]] =
      Array(repeating: [], count: strips.layers.count)
    var constants: [[(layout: TensorLayout, arguments: [(Int32, Memory)])]] =
      Array(repeating: [], count: strips.layers.count)
    let storage = storage(of: Network.Value(index: strips.layers.upperBound))
    let name = network.layers[strips.layers.upperBound - 1].name
    var whole: Memory?
    for strip in 0..<strips.count {
      let ranges = strips.ranges(ofStrip: strip)
      // The last layer's tensor, and the row of the value that is its row 0.
      var value: (memory: Memory, row: Int)?
      var position = 0
      while position < strips.layers.count {
        let layer = network.layers[strips.layers.lowerBound + position]
        switch layer.operation {
        case .convolution(let weights, _, let activation, _):
          if let (kernel, count) = winogradKernel(strips, position, ranges) {
            let source: (memory: Memory, row: Int)
            if let value {
              let input = try reordered(value.memory, to: kernel.sourceLayout, name: layer.name)
              source = (input, value.row)
            } else {
              source = try rowsInPlace(ranges[0], of: layer.input, kernel, layer.name)
            }
            position += count
            let destination: (memory: Memory, row: Int)
            if position == strips.layers.count, storage == .float32 {
              destination = (
                try wholeResult(
                  of: strips, like: kernel.destinationLayout, kept: storage, &whole), 0
              )
            } else {
              destination = (try Memory(kernel.destinationLayout), ranges[position].lowerBound)
            }
            try addWinograd(
              kernel, weights, name: layer.name,
              reading: MapRows(
                memory: source.memory, first: ranges[position - count].lowerBound - source.row),
              writing: MapRows(
                memory: destination.memory, first: ranges[position].lowerBound - destination.row))
            value = destination
            continue
          }
          let geometry = strips.geometry(position, ranges)
          let descriptor: PrimitiveDescriptor
          if let known = kernels[position].first(where: { $0.geometry == geometry }) {
            descriptor = known.descriptor
          } else {
            descriptor = try convolutionDescriptor(
              weights, geometry, activation, addsToOutput: false, name: layer.name)
            kernels[position].append((geometry, descriptor))
          }
          let wanted = descriptor.layout(dnnl_query_src_md)
          let input: Memory
          if let value {
            input = try reordered(value.memory, to: wanted, name: layer.name)
          } else {
            input = try copiedRows(ranges[0], of: layer.input, to: wanted, name: layer.name)
          }
          let layout = descriptor.layout(dnnl_query_weights_md)
          if !constants[position].contains(where: { $0.layout == layout }) {
            constants[position].append(
              (
                layout,
                try parameters(
                  weights, layout: layout, dimensions: weights.shape.dimensions, name: layer.name)
              ))
          }
          var arguments = constants[position].first { $0.layout == layout }?.arguments ?? []
          arguments.append((DNNL_ARG_SRC, input))
          let destination = try Memory(descriptor.layout(dnnl_query_dst_md))
          try addStep(
            descriptor, name: layer.name,
            operationCount: 2 * geometry.output.reduce(1, *)
              * weights.shape.dimensions[1...].reduce(1, *),
            reading: arguments, writing: (DNNL_ARG_DST, destination))
          value = (destination, ranges[position + 1].lowerBound)
        default:
          guard let input = value else { preconditionFailure("a chain that begins with pooling") }
          let pooled = try pooledRows(input.memory, strips, position, ranges, name: layer.name)
          value = (pooled, ranges[position + 1].lowerBound)
        }
        position += 1
      }
      guard let value = value?.memory, value !== whole else { continue }
      let result = try wholeResult(of: strips, like: value.layout, kept: storage, &whole)
      guard let region = try rows(ranges[ranges.count - 1], of: result) else {
        throw ComputeError(operation: name, reason: "oneDNN cannot describe rows of its result")
      }
      let descriptor = try PrimitiveDescriptor(
        reorderingFrom: value.layout, to: region.layout,
        attributes: Attributes(scales: storage.scale == 1 ? [] : [1 / storage.scale]), name: name)
      try addStep(
        descriptor, name: "\(name): strip", operationCount: 0, reading: [(DNNL_ARG_FROM, value)],
        writing: (DNNL_ARG_TO, region))
    }
    if let whole {
      setResult(whole, of: Network.Value(index: strips.layers.upperBound), kept: storage)
    }
  }

  /// Rows of a value where they lie if Winograd's kernel can read them there, else as a copy.
  private mutating func rowsInPlace(
    _ range: Range<Int>, of value: Network.Value, _ kernel: WinogradKernel, _ name: String
  ) throws(ComputeError) -> (memory: Memory, row: Int) {
    let wanted = try kernel.sourceLayout
    let whole = try memory(of: value, channelBlock: kernel.lanes)
    if whole.layout.channelBlock == kernel.lanes { return (whole, 0) }
    return (try copiedRows(range, of: value, to: wanted, name: name), range.lowerBound)
  }

  /// Rows of a value as a tensor of their own, as a kernel wants it.
  private mutating func copiedRows(
    _ range: Range<Int>, of value: Network.Value, to layout: TensorLayout, name: String
  ) throws(ComputeError) -> Memory {
    let source = try memory(of: value, channelBlock: layout.channelBlock)
    guard let region = try rows(range, of: source) else {
      throw ComputeError(operation: name, reason: "oneDNN cannot describe rows of its input")
    }
    return try copied(region, to: layout, name: name)
  }

  private mutating func pooledRows(
    _ input: Memory, _ strips: LayerStrips, _ position: Int, _ ranges: [Range<Int>], name: String
  ) throws(ComputeError) -> Memory {
    let output = strips.extents(of: position + 1, ranges[position + 1])
    let extents = input.layout.shape
    let descriptor = try poolingDescriptor(
      dnnl_pooling_max, input.layout, output: output, sizes: [2, 2], stride: 2, leading: [0, 0],
      trailing: [2 * output[2] - extents[2], 2 * output[3] - extents[3]], name: name)
    let destination = try Memory(descriptor.layout(dnnl_query_dst_md))
    try addStep(
      descriptor, name: name, operationCount: 0, reading: [(DNNL_ARG_SRC, input)],
      writing: (DNNL_ARG_DST, destination))
    return destination
  }

  /// The tensor of the chain's result, which all strips write into.
  private mutating func wholeResult(
    of strips: LayerStrips, like layout: TensorLayout, kept storage: ValueStorage,
    _ known: inout Memory?
  ) throws(ComputeError) -> Memory {
    if let known { return known }
    let shape = Shape(strips.extents[strips.extents.count - 1])
    let block = layout.channelBlock ?? 1
    let layout: TensorLayout =
      switch storage {
      case .float32 where block == shape[1]: try .channelsLast(shape)
      case .float32: try .channelBlocked(shape, block: block)
      case .bfloat16: try TensorLayout.channelBlocked(shape, block: block).retyped(dnnl_bf16)
      case .quantized: try .channelsLast(shape.dimensions, dnnl_u8)
      }
    let result = try Memory(layout)
    addResident(result)
    known = result
    return result
  }
}
