internal import Tensors

/// A chain of convolutions, with the pooling behind it, that is computed strip by strip.
///
/// At full size the first layers of a VGG keep two maps of 123 MB; computed some rows at a time they
/// need a few megabytes, which stay in the cache. Each strip reads the rows that its result depends on,
/// so rows at the seams are computed twice and every value is the same, but for the rounding of Winograd's
/// tiles, which begin at other rows. Winograd's kernels read and write rows of a whole map; for oneDNN's,
/// strips are tensors of their own that are copied.
struct LayerStrips {
  /// The layers of the network.
  var layers: Range<Int>
  /// What each of them does.
  var operations: [any Operation]
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
    for (index, operation) in operations.enumerated().reversed() {
      guard let source = operation.sourceRows(for: ranges[0], of: extents[index][2]) else {
        preconditionFailure("a chain of layers that need all rows")
      }
      ranges.insert(source, at: 0)
    }
    return ranges
  }

  /// The extents of a value's rows in a strip.
  func extents(of index: Int, _ range: Range<Int>) -> [Int] {
    var extents = extents[index]
    extents[2] = range.count
    return extents
  }

  /// A layer's convolution in a strip; `nil` where it is none.
  func convolution(
    _ position: Int, _ ranges: [Range<Int>]
  ) -> (operation: Convolution, geometry: ConvolutionGeometry)? {
    (operations[position] as? Convolution).map {
      (
        $0,
        $0.geometry(
          sourceRows: ranges[position], of: extents[position], rows: ranges[position + 1],
          of: extents[position + 1])
      )
    }
  }

  /// Winograd's kernel for a layer in a strip, and the number of layers that it computes.
  ///
  /// There are two where a pooling follows; `nil` where another kernel computes the layer.
  func winogradKernel(
    _ position: Int, _ ranges: [Range<Int>], _ choice: KernelChoice
  ) -> (kernel: WinogradKernel, count: Int)? {
    guard choice.winogradLayers.contains(layers.lowerBound + position),
      let (operation, geometry) = convolution(position, ranges)
    else { return nil }
    let pools = position + 1 < operations.count && operations[position + 1] is MaxPooling
    let pooled = pools ? extents(of: position + 2, ranges[position + 2]) : nil
    let multipliesBFloat16 = choice.multipliesBFloat16(
      winogradLayer: layers.lowerBound + position)
    return WinogradKernel(
      geometry, operation.activation ?? .none, pooledTo: pooled,
      multipliesBFloat16: multipliesBFloat16
    ).map { ($0, pools ? 2 : 1) }
  }
}

/// The chains of a network that are computed strip by strip, because they take too much memory at once or
/// because strips that fit the cache are faster.
struct StripCuts {
  /// The bytes that a direct convolution works on: its source, its result and scratch memory.
  typealias ByteCount = (Convolution, ConvolutionGeometry, String) throws(ComputeError) -> Int

  private let network: Network
  private let extents: Extents
  private let choice: KernelChoice
  private let directByteCount: ByteCount

  /// The cut chains, by their first layer.
  private(set) var strips: [Int: LayerStrips] = [:]

  /// For each value, whether it is kept as float32.
  private var isFloat32: [Bool]

  init(
    _ network: Network, _ extents: Extents, _ choice: KernelChoice, limit: Int,
    directByteCount: @escaping ByteCount
  ) throws(ComputeError) {
    self.network = network
    self.extents = extents
    self.choice = choice
    self.directByteCount = directByteCount
    isFloat32 = choice.storages.map { $0 == .float32 }
    var index = 0
    while index < network.layers.count {
      if let cut = try cutChain(from: index, limit: limit) {
        strips[index] = cut
        index = cut.layers.upperBound
        continue
      }
      let operation = network.layers[index].operation
      let value = network.result(ofLayer: index)
      if operation is MaxPooling {
        isFloat32[value.index] = isFloat32[operation.inputs[0].index]
      } else {
        isFloat32[value.index] = choice.results[index] == .float32
      }
      index += choice.pooling(behind: index) == nil ? 1 : 2
    }
  }

  /// The strips in which the layers from an index on are computed; `nil` where they are computed
  /// whole, because they fit the limit or are no such chain.
  ///
  /// Strips that fit the cache are taken where their seams cost next to nothing, as behind VGG's first
  /// convolution of three channels; others only as far as memory demands.
  private func cutChain(from index: Int, limit: Int) throws(ComputeError) -> LayerStrips? {
    guard let chain = chain(from: index) else { return nil }
    let cached = try cut(chain, to: min(limit, Self.cachedByteCount))
    // A result that is kept in another type is converted strip by strip, while it is in the cache.
    let last = network.result(ofLayer: chain.layers.upperBound - 1)
    let converts = choice.storages[last.index] != .float32
    let isCheap = work(of: cached) <= work(of: chain) * 1.04
    let strips = try converts || isCheap ? cached : cut(chain, to: limit)
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

  /// The chain of layers from an index on, as one strip: 3x3 convolutions that keep the extents, and a
  /// pooling of 2x2 at the end.
  private func chain(from start: Int) -> LayerStrips? {
    let input = network.layers[start].input
    guard extents[input].count == 4, isFloat32[input.index] else { return nil }
    var operations: [any Operation] = []
    var index = start
    while index < network.layers.count {
      let layer = network.layers[index]
      guard index == start || network.maker(of: layer.input) == index - 1,
        choice.precisions[index] == .float32
      else { break }
      var isLast = false
      if let convolution = layer.operation as? Convolution, convolution.isCuttable {
        operations.append(convolution)
      } else if let pooling = layer.operation as? MaxPooling, pooling.window.isPairwise,
        index > start
      {
        operations.append(pooling)
        isLast = true
      } else {
        break
      }
      index += 1
      // A value that something else reads as well has to exist as a whole.
      let value = network.result(ofLayer: index - 1)
      if isLast || index == network.layers.count || network.layers[index].input != value
        || network.isRead(value, afterLayer: index)
      {
        break
      }
    }
    guard index > start else { return nil }
    let values = [input] + (start..<index).map(network.result(ofLayer:))
    let rows = extents[values[values.count - 1]][2]
    guard rows > 0 else { return nil }
    return LayerStrips(
      layers: start..<index, operations: operations, extents: values.map { extents[$0] },
      rows: rows, count: 1)
  }

  /// The multiplications of a chain, those at the seams as often as they are computed.
  private func work(of strips: LayerStrips) -> Double {
    var sum = 0.0
    for strip in 0..<strips.count {
      let ranges = strips.ranges(ofStrip: strip)
      for position in strips.operations.indices {
        guard let weights = strips.operations[position].weights else { continue }
        let isWinograd = strips.winogradKernel(position, ranges, choice) != nil
        let rows = ranges[position + 1].count
        // Tiles have four rows, and need a quarter of the multiplications.
        let units = isWinograd ? (rows + 3) / 4 : rows
        sum +=
          Double(units) * Double(strips.extents[position + 1][3]) * Double(weights.shape.count)
      }
    }
    return sum
  }

  /// The most bytes that a layer works on at once in a strip that touches no edge (or in the whole).
  private func byteCount(of strips: LayerStrips) throws(ComputeError) -> Int {
    let ranges = strips.ranges(ofStrip: strips.count / 2)
    var most = 0
    for position in strips.operations.indices {
      guard let (operation, geometry) = strips.convolution(position, ranges) else { continue }
      if let (kernel, count) = strips.winogradKernel(position, ranges, choice) {
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
      let name = network.layers[strips.layers.lowerBound + position].name
      most = max(most, try directByteCount(operation, geometry, name))
    }
    return most
  }
}
