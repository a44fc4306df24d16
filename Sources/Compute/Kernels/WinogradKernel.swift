internal import CConvolutionKernels
internal import Synchronization
internal import Tensors

/// A 3x3 convolution of stride 1 by Winograd's algorithm, for one size of its result.
///
/// The work is dealt out in chunks of tiles, so that a thread that the system holds up keeps nobody
/// waiting for long. A chunk's values at all 36 positions are read again for every panel of output
/// channels, and its weights once: larger chunks read the weights less often and need more cache. Where
/// there are too few tiles for all threads, threads share the panels of a chunk, and each transforms the
/// chunk's sources for itself.
struct WinogradKernel {
  let geometry: ConvolutionGeometry
  let lanes: Int
  /// Whether what is multiplied is rounded to bfloat16.
  ///
  /// Only then may maps be other than float32.
  let multipliesBFloat16: Bool
  /// How the result is kept.
  let result: ValueStorage
  /// The extents of what is written, after pooling.
  let output: [Int]
  let pools: Bool
  let activation: Network.Activation
  /// The tiles that are multiplied at once, and those of a chunk.
  let rows: Int
  let chunk: Int
  /// The panels of output channels that a thread computes of a chunk.
  let panels: Int
  let threadCount: Int

  /// Describes the kernel of a layer that it `suits`; `nil` for extents beyond all reason, an empty batch,
  /// or on a CPU without the instructions.
  ///
  /// `pooled` has the extents behind a maximum over 2x2 results with stride 2, which is then computed
  /// along; `nil` where none follows.
  init?(
    _ geometry: ConvolutionGeometry, _ activation: Network.Activation, pooledTo pooled: [Int]?,
    multipliesBFloat16: Bool = false, result: ValueStorage = .float32
  ) {
    precondition(multipliesBFloat16 || result == .float32, "a result of \(result.elementType)")
    guard let lanes = Engine.winogradLanes,
      (geometry.input + geometry.output).allSatisfy({ (1..<1 << 24).contains($0) })
    else { return nil }
    self.geometry = geometry
    self.lanes = lanes
    self.multipliesBFloat16 = multipliesBFloat16
    self.result = result
    self.activation = activation
    output = pooled ?? geometry.output
    pools = pooled != nil
    threadCount = max(OpenMP.threadCount, 1)
    let tiles = geometry.output[0] * Self.tileCount(geometry)
    let allPanels = (geometry.output[1] / lanes + 1) / 2
    // So many threads share a chunk's panels that each chunk has tiles enough to be worth the weights.
    let least = Self.chunkTiles(channels: 0)
    let sharers = min(max(threadCount * least / tiles, 1), threadCount, allPanels)
    panels = (allPanels + sharers - 1) / sharers
    // As many chunks as fill all threads alike, of as many tiles as the registers hold.
    let most = Int(winograd_most_rows(winograd_lanes(lanes)))
    let share = (tiles + threadCount / sharers - 1) / (threadCount / sharers)
    let wanted = max(Self.chunkTiles(channels: geometry.input[1]) / most, 1) * most
    let parts = (share + wanted - 1) / wanted
    let part = (share + parts - 1) / parts
    let blocks = (part + most - 1) / most
    rows = (part + blocks - 1) / blocks
    chunk = blocks * rows
  }

  /// Whether a layer has 3x3 windows of stride 1 and whole blocks of channels, of which there are enough
  /// to be worth the transforms: 16 to 32 channels take two thirds of the direct kernel's time.
  static func suits(_ convolution: Convolution, lanes: Int) -> Bool {
    let dimensions = convolution.convolutionWeights.shape.dimensions
    return convolution.kernel == [3, 3] && convolution.window.stride == 1
      && convolution.window.dilation == 1 && convolution.groups == 1
      && convolution.activation?.bounds != nil
      && dimensions[1] % lanes == 0 && dimensions[0] % (2 * lanes) == 0
      && dimensions[1] >= 16 && dimensions[0] >= 32
  }

  /// The floats of transformed weights, whose last panel of output channels may be half empty.
  var weightCount: Int {
    let panel = 2 * lanes
    let outputs = (geometry.output[1] + panel - 1) / panel * panel
    return winograd_weight_size(type, Int32(geometry.input[1]), Int32(outputs))
      / MemoryLayout<Float>.stride
  }

  /// The bytes that a layer's transformed weights take.
  static func weightByteCount(_ weights: LayerWeights, multipliesBFloat16: Bool) -> Int {
    winograd_weight_size(
      winograd_type(lanes: 0, multiplies_bfloat16: multipliesBFloat16), Int32(weights.shape[1]),
      Int32(weights.shape[0]))
  }

  /// How the kernel works, in C.
  var type: winograd_type {
    winograd_type(lanes: winograd_lanes(lanes), multiplies_bfloat16: multipliesBFloat16)
  }

  /// The tiles of a chunk, as measured on a core with 1 MiB of second-level cache: where the weights fit
  /// that cache too, few; where they come from farther away, as many as make that worth it.
  private static func chunkTiles(channels: Int) -> Int {
    channels <= 128 ? 28 : channels <= 256 ? 42 : 84
  }

  static func tileCount(_ geometry: ConvolutionGeometry) -> Int {
    Int(winograd_tile_count(Int32(geometry.output[2]), Int32(geometry.output[3])))
  }

  /// The name for reports, in the manner of oneDNN's.
  var name: String {
    "winograd_4x3:" + (lanes == 16 ? "avx512" : "avx2") + (multipliesBFloat16 ? "_bf16" : "")
      + (pools ? ", pooled" : "")
  }

  /// How the source lies best; where products are bfloat16, it may lie as `reads` allows.
  var sourceLayout: TensorLayout {
    get throws(ComputeError) { try .channelBlocked(Shape(geometry.input), block: lanes) }
  }

  /// How the result lies: in blocks, or with the channels innermost where other kernels read it in their
  /// own types.
  var destinationLayout: TensorLayout {
    get throws(ComputeError) {
      result == .float32
        ? try .channelBlocked(Shape(output), block: lanes)
        : try .channelsLast(output, result.elementType)
    }
  }

  /// Whether a map can be read as it lies.
  func reads(_ layout: TensorLayout) -> Bool {
    guard let block = layout.channelBlock else { return false }
    if layout.elementType == .float32, block == lanes { return true }
    return multipliesBFloat16 && (block == lanes || block == layout.shape[1])
      && layout.shape[1] % lanes == 0
  }

  /// The floats of scratch memory of one thread, in whole cache lines.
  private var scratchCount: Int {
    let size = winograd_scratch_size(type, Int32(geometry.input[1]), Int32(rows), chunk)
    return (size + 63) / 64 * 16
  }

  /// The scratch memory of all threads.
  var scratchLayout: TensorLayout {
    get throws(ComputeError) {
      try .rowMajor([threadCount * scratchCount])
    }
  }

  /// Multiplications and additions as a direct computation needs them.
  var operationCount: Int { 2 * 9 * geometry.input[1] * geometry.output.reduce(1, *) }
}

/// Some rows of a tensor that may have more of them.
struct MapRows {
  var memory: Memory
  /// The tensor's row that counts as row 0.
  var first = 0
  var storage = ValueStorage.float32

  /// The map as the kernels see it, from a row on.
  @unsafe func map(from row: Int, lanes: Int) -> winograd_map {
    let layout = memory.layout
    let (channels, height, width) = (layout.shape[1], layout.shape[2], layout.shape[3])
    let isInnermost = layout.channelBlock == channels
    let pixel = isInnermost ? channels : lanes
    let kind =
      switch storage {
      case .float32: winograd_map_float32
      case .bfloat16: winograd_map_bfloat16
      case .quantized: winograd_map_bytes
      }
    // Safety: the rows are the tensor's own.
    return unsafe winograd_map(
      address: memory.address + row * width * pixel * winograd_map_element_size(kind), kind: kind,
      image: channels * height * width, block: isInnermost ? lanes : height * width * lanes,
      row: width * pixel, pixel: pixel)
  }
}

/// Where a layer's constants lie: at a place of their own, or in the arena where they change.
enum WinogradConstants {
  case block(MemoryBlock)
  case tensor(Memory)

  @unsafe var address: UnsafeMutableRawPointer {
    switch self {
    case .block(let block): unsafe block.address
    case .tensor(let memory): unsafe memory.address
    }
  }
}

/// A Winograd convolution bound to its tensors.
@safe struct WinogradStep: NativeStep {
  let kernel: WinogradKernel
  let source: MapRows
  /// What is added, which has the result's extents; it may be the destination.
  let addend: MapRows?
  let destination: MapRows
  let scratch: Memory
  let weights: WinogradConstants
  let biases: WinogradConstants
  /// The extents of the source in memory, which may have more rows than the kernel works on.
  private let input: Shape

  init(
    kernel: WinogradKernel, source: MapRows, addend: MapRows? = nil, destination: MapRows,
    scratch: Memory, weights: WinogradConstants, biases: WinogradConstants
  ) {
    self.kernel = kernel
    self.source = source
    self.addend = addend
    self.destination = destination
    self.scratch = scratch
    self.weights = weights
    self.biases = biases
    input = source.memory.layout.shape
  }

  /// Runs on the calling thread's team.
  ///
  /// The source's memory has the kernel's channels and width, and as many rows as there are: those
  /// beyond what the kernel's geometry names are read where the window needs them.
  func run() {
    let geometry = kernel.geometry
    let lanes = kernel.lanes
    let bounds = kernel.activation.bounds ?? -.infinity ... .infinity
    let unit = destination.storage.scale
    // Bytes have no sign.
    let least = destination.storage.elementType == .uint8 ? 0 : -Float.infinity
    // Safety: the layouts are the kernel's but for their rows, and the addend's that of the result before
    // pooling.
    let convolution = unsafe winograd_convolution(
      source: source.map(from: 0, lanes: lanes),
      destination: destination.map(from: destination.first, lanes: lanes),
      weights: weights.address,
      biases: biases.address.assumingMemoryBound(to: Float.self),
      scale: source.storage.scale / unit, input_channels: Int32(input[1]),
      output_channels: Int32(geometry.output[1]),
      source_height: Int32(input[2]), source_width: Int32(input[3]),
      top: Int32(source.first - geometry.leading[0]), left: Int32(-geometry.leading[1]),
      height: Int32(geometry.output[2]), width: Int32(geometry.output[3]),
      pooled_height: kernel.pools ? Int32(kernel.output[2]) : 0,
      pooled_width: kernel.pools ? Int32(kernel.output[3]) : 0,
      addend: addend.map { unsafe $0.map(from: $0.first, lanes: lanes) } ?? winograd_map(),
      addend_scale: (addend?.storage.scale ?? 0) / unit,
      lowest: max(bounds.lowerBound / unit, least), highest: bounds.upperBound / unit,
      rows: Int32(kernel.rows))
    let tiles = geometry.output[0] * WinogradKernel.tileCount(geometry)
    let chunks = (tiles + kernel.chunk - 1) / kernel.chunk
    let allPanels = (geometry.output[1] / lanes + 1) / 2
    let parts = chunks * ((allPanels + kernel.panels - 1) / kernel.panels)
    let scratchStride = scratch.layout.byteCount / kernel.threadCount
    let next = Atomic(0)
    unsafe withUnsafePointer(to: convolution) { convolution in
      OpenMP.parallel(kernel.threadCount, threadCount: kernel.threadCount) { threads in
        // Safety: every thread has a number of its own, and scratch memory by that.
        let scratch = unsafe (scratch.address + threads.lowerBound * scratchStride)
          .assumingMemoryBound(to: Float.self)
        while true {
          let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard part < parts else { break }
          let (first, panel) = (part % chunks * kernel.chunk, part / chunks * kernel.panels)
          unsafe winograd_run(
            kernel.type, convolution, first, min(kernel.chunk, tiles - first),
            Int32(panel), Int32(min(kernel.panels, allPanels - panel)), scratch)
        }
      }
    }
  }
}
