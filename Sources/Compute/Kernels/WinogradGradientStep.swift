internal import CConvolutionKernels
internal import Tensors

/// The gradient of the weights of a 3x3 convolution of stride 1 by Winograd's algorithm, for one size.
///
/// Each thread has output channels or tiles of its own, dealt out beforehand, so that the order in which numbers
/// are added up is the same in each step. Where the sums of all 36 positions are small, each thread has some of
/// the tiles and sums of its own, which are added up at the end; where they are large, each has some of the
/// output channels and transforms the sources for itself.
struct WinogradGradientKernel {
  let geometry: ConvolutionGeometry
  let lanes: Int
  /// The parts of the output channels, and those of the tiles.
  let outputParts: Int
  let tileParts: Int

  /// The tiles that are transformed at a time: so many that it is worth to read and write the sums for them.
  static let chunk = 64

  /// Below so many tiles the transform of the sums costs more than the products save.
  private static let leastTiles = 64

  /// The most sums that each thread has for itself: 4 MiB.
  private static let mostOwnSums = 1 << 20

  /// Describes the kernel; `nil` where it is none, or no faster than the direct one.
  init?(_ convolution: Convolution, _ geometry: ConvolutionGeometry, lanes: Int) {
    let shape = convolution.convolutionWeights.shape
    guard convolution.kernel == [3, 3], geometry.strides == [1, 1], geometry.dilations == [1, 1],
      convolution.groups == 1, shape[0] % lanes == 0, shape[1] % lanes == 0,
      (geometry.input + geometry.output).allSatisfy({ (1..<1 << 24).contains($0) }),
      geometry.output[0] * WinogradKernel.tileCount(geometry) >= Self.leastTiles
    else { return nil }
    self.geometry = geometry
    self.lanes = lanes
    let threads = max(OpenMP.threadCount, 1)
    let panels = (shape[0] / lanes + 1) / 2
    outputParts =
      36 * shape[0] * shape[1] > Self.mostOwnSums ? min(threads, panels) : 1
    tileParts = max(threads / outputParts, 1)
  }

  var inputChannels: Int { geometry.input[1] }

  var outputBlocks: Int { geometry.output[1] / lanes }

  /// The panels of two blocks of output channels; the last may have one.
  var panels: Int { (outputBlocks + 1) / 2 }

  /// The blocks of output channels of a part.
  func blocks(ofPart part: Int) -> Range<Int> {
    let (first, end) = (panels * part / outputParts, panels * (part + 1) / outputParts)
    return 2 * first..<min(2 * end, outputBlocks)
  }

  /// The floats of one part's sums of all output channels.
  var sumCount: Int {
    winograd_gradient_sum_count(
      winograd_lanes(lanes), Int32(inputChannels), Int32(outputBlocks))
  }

  /// The floats of one thread's scratch memory, in whole cache lines.
  var scratchCount: Int {
    let most = (0..<outputParts).map { blocks(ofPart: $0).count }.max() ?? 0
    let size = winograd_gradient_scratch_size(
      winograd_lanes(lanes), Int32(inputChannels), Int32(most), Self.chunk)
    return (size + 63) / 64 * 16
  }

  /// The sums and the scratch memory of all threads.
  var scratchLayout: TensorLayout {
    get throws(ComputeError) {
      try .rowMajor([tileParts * sumCount + tileParts * outputParts * scratchCount])
    }
  }
}

/// The gradient of a convolution's weights bound to its tensors.
@safe struct WinogradGradientStep: NativeStep {
  let kernel: WinogradGradientKernel
  let source: Memory
  let upstream: Memory
  let scratch: Memory
  /// The parameters' gradients, and whether what is there is added to.
  let weights: Memory
  let addsWeights: Bool
  let biases: Memory?
  let addsBiases: Bool

  /// Runs on the calling thread's team.
  func run() {
    let geometry = kernel.geometry
    let (input, output, lanes) = (geometry.input, geometry.output, kernel.lanes)
    // Safety: tensors blocked by channels have `lanes` floats a pixel, and both have the geometry's extents.
    let gradient = unsafe winograd_gradient(
      source: UnsafePointer(source.floats), upstream: UnsafePointer(upstream.floats),
      source_image: input[1] * input[2] * input[3], source_block: input[2] * input[3] * lanes,
      source_row: input[3] * lanes, upstream_image: output[1] * output[2] * output[3],
      upstream_block: output[2] * output[3] * lanes, upstream_row: output[3] * lanes,
      input_channels: Int32(input[1]), source_height: Int32(input[2]),
      source_width: Int32(input[3]), top: Int32(-geometry.leading[0]),
      left: Int32(-geometry.leading[1]), height: Int32(output[2]), width: Int32(output[3]))
    let parts = kernel.outputParts * kernel.tileParts
    var biasSums = [Double](repeating: 0, count: kernel.tileParts * output[1])
    unsafe biasSums.withUnsafeMutableBufferPointer { biasSums in
      let biasSums = biasSums.baseAddress
      unsafe withUnsafePointer(to: gradient) { gradient in
        OpenMP.parallel(parts, threadCount: OpenMP.threadCount) { range in
          for part in range { unsafe add(part, gradient, biasSums) }
        }
      }
    }
    finish()
    guard let biases else { return }
    for channel in 0..<output[1] {
      var sum = 0.0
      for part in 0..<kernel.tileParts { sum += biasSums[part * output[1] + channel] }
      // Safety: there is a bias for each output channel.
      unsafe biases.floats[channel] = (addsBiases ? biases.floats[channel] : 0) + Float(sum)
    }
  }

  /// Adds up the products of a part.
  @unsafe private func add(
    _ part: Int, _ gradient: UnsafePointer<winograd_gradient>,
    _ biasSums: UnsafeMutablePointer<Double>?
  ) {
    let (tilePart, outputPart) = part.quotientAndRemainder(dividingBy: kernel.outputParts)
    let blocks = kernel.blocks(ofPart: outputPart)
    let all = kernel.geometry.output[0] * WinogradKernel.tileCount(kernel.geometry)
    let (first, end) = (
      all * tilePart / kernel.tileParts, all * (tilePart + 1) / kernel.tileParts
    )
    let firstChannel = kernel.lanes * blocks.lowerBound
    // Safety: each part has its own output channels of a tile part's sums, and its own scratch memory.
    let sums = unsafe scratch.floats + tilePart * kernel.sumCount
    let own =
      unsafe scratch.floats + kernel.tileParts * kernel.sumCount + part * kernel.scratchCount
    let ownBiasSums = unsafe biasSums.map {
      unsafe $0 + tilePart * kernel.geometry.output[1] + firstChannel
    }
    unsafe winograd_gradient_run(
      winograd_lanes(kernel.lanes), gradient, first, end - first, WinogradGradientKernel.chunk,
      Int32(blocks.lowerBound), Int32(blocks.count),
      sums + 36 * kernel.inputChannels * firstChannel, biases == nil ? nil : ownBiasSums, own)
  }

  /// Makes the weights' gradient of all sums.
  private func finish() {
    let (lanes, inputs) = (kernel.lanes, kernel.inputChannels)
    let inputBlocks = inputs / lanes
    OpenMP.parallel(kernel.panels * inputBlocks, threadCount: OpenMP.threadCount) { range in
      for index in range {
        let (panel, input) = index.quotientAndRemainder(dividingBy: inputBlocks)
        // Safety: the panel's sums lie within a part's, and its weights within the parameter's.
        unsafe winograd_gradient_finish(
          winograd_lanes(lanes), scratch.floats + 36 * inputs * 2 * lanes * panel,
          kernel.sumCount, Int32(kernel.tileParts),
          Int32(min(2, kernel.outputBlocks - 2 * panel)), Int32(input * lanes), Int32(lanes),
          Int32(inputs), addsWeights, weights.floats + 9 * inputs * 2 * lanes * panel)
      }
    }
  }
}
