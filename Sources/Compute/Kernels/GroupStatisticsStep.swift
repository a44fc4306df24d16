internal import CConvolutionKernels

/// The means and deviations of groups of channels, as a factor and a term for each channel.
struct GroupStatisticsStep: NativeStep {
  let order: MapOrder
  /// N, C, H, W.
  let extents: [Int]
  let operation: GroupNormalisation
  let source: Memory
  /// A double for each picture and padded channel.
  let sums: Memory
  /// A factor for each picture and padded channel, then a term for each.
  let table: Memory

  func run() {
    let (images, channels) = (extents[0], order.paddedChannels)
    let size = extents[1] / operation.groups
    let cells = Double(size * extents[2] * extents[3])
    // Safety: `sums` has two floats for each number of `count`, and `table` two.
    let count = images * channels
    let sums = unsafe self.sums.address.assumingMemoryBound(to: Double.self)
    let (scale, bias) = unsafe (table.floats, table.floats + count)
    func reduceGroups(_ result: UnsafeMutablePointer<Float>, _ transform: (Double) -> Float) {
      for image in 0..<images {
        for group in 0..<operation.groups {
          let range = image * channels + group * size..<image * channels + (group + 1) * size
          let sum = range.reduce(0.0) { unsafe $0 + sums[$1] }
          for index in range { unsafe result[index] = transform(sum / cells) }
        }
      }
    }
    unsafe bias.initialize(repeating: 0, count: count)
    unsafe addMoments(sums, mean: nil)
    unsafe reduceGroups(bias) { Float($0) }
    // The deviation from the mean that was found, in a second pass: a difference of squares would lose
    // its digits where the mean is large.
    unsafe addMoments(sums, mean: UnsafePointer(bias))
    let epsilon = Double(operation.epsilon)
    unsafe scale.initialize(repeating: 0, count: count)
    unsafe reduceGroups(scale) { Float(1 / ($0 + epsilon).squareRoot()) }
    for image in 0..<images {
      for channel in 0..<extents[1] {
        let index = image * channels + channel
        let factor = unsafe scale[index] * operation.scale[channel]
        unsafe bias[index] = operation.bias[channel] - bias[index] * factor
        unsafe scale[index] = factor
      }
    }
  }

  /// Sums over all cells of each picture and channel: of the values, or of the squares of what they
  /// differ from a mean.
  @unsafe private func addMoments(
    _ sums: UnsafeMutablePointer<Double>, mean: UnsafePointer<Float>?
  ) {
    let (cells, lanes) = (extents[2] * extents[3], order.lanes)
    OpenMP.parallel(
      extents[0] * order.blocks, threadCount: OpenMP.threadCount
    ) { range in
      for plane in range {
        let offset = plane * lanes
        // Safety: a plane has `cells * lanes` floats, and each its own sums.
        unsafe (sums + offset).initialize(repeating: 0, count: lanes)
        unsafe map_add_moments(
          source.floats + plane * cells * lanes, cells, Int32(lanes),
          mean.map { unsafe $0 + offset },
          mean == nil ? 0 : 1, sums + offset)
      }
    }
  }
}
