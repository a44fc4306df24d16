internal import Glibc

/// Which cells of one axis belong to which bin. Both operators that take a maximum, and RoIAlign,
/// treat the two axes alike and independently: a bin of the map is a bin of rows by a bin of
/// columns.
extension RoIPooling {
  /// Finds the cells of a bin, for the operators that take a maximum.
  ///
  /// - Parameters:
  ///   - p: The bin, below `outputSize`.
  ///   - extent: The RoI on this axis, in cells.
  ///   - size: The number of cells of the map on this axis.
  /// - Returns: Rows or columns of the map; possibly none.
  func maximumBin(_ p: Int, of extent: AxisExtent, size: Int) -> Range<Int> {
    guard extent.isNumber else { return 0..<0 }
    let first: Int
    let last: Int
    let offset: Int
    switch self.operator {
    case .pool:
      // roi_pool_kernel.cpp uses C's `round`, Chainer on a CPU Python's.
      let start = Int(extent.start.rounded(cornerRounding))
      let roiSize = max(Int(extent.end.rounded(cornerRounding)) - start + 1, 1)
      let binSize = Float(roiSize) / Float(outputSize)
      first = Int((Float(p) * binSize).rounded(.down))
      last = Int((Float(p + 1) * binSize).rounded(.up))
      offset = start
    case .truncatingAdaptiveMax:
      // PyTorch's `long()`, then the slice start ..< end + 1 of the map.
      let start = min(max(Int(extent.start), 0), size)
      let regionSize = min(max(Int(extent.end) + 1, start), size) - start
      first = p * regionSize / outputSize
      last = ((p + 1) * regionSize + outputSize - 1) / outputSize
      offset = start
    case .align, .alignAverage, .cropMaximum:
      preconditionFailure("\(self.operator) has samples, not bins of whole cells")
    }
    let lower = min(max(offset + first, 0), size)
    return lower..<max(min(max(offset + last, 0), size), lower)
  }

  /// How many lists of taps an axis has: one for each bin, or for each sample where the maximum of
  /// samples is taken.
  var tapListCount: Int { self.operator == .cropMaximum ? 2 * outputSize : binCount }

  /// Calls back for each cell that a sample of an aligned bin touches, with its share of the bin.
  ///
  /// Samples come in their order, and a cell once for each sample that touches it.
  ///
  /// The mean over a bin's grid of bilinear samples is a product of one such sum over rows and one
  /// over columns, because a sample's four weights, and the test whether it is on the map, are.
  ///
  /// - Parameters:
  ///   - p: The bin, below `outputSize`, or of `cropMaximum` the sample.
  ///   - extent: The RoI on this axis, in cells.
  ///   - size: The number of cells of the map on this axis.
  ///   - body: Receives the cell and its share.
  func forEachTap(
    ofAlignedBin p: Int, of extent: AxisExtent, size: Int, _ body: (Int, Float) -> Void
  ) {
    guard extent.isNumber, size > 0 else { return }
    switch self.operator {
    case .align(let samplingRatio, let aligned):
      forEachTap(ofBin: p, of: extent, size: size, samplingRatio, aligned: aligned, body)
    case .alignAverage:
      for corner in [p, p + 1] {
        forEachTap(ofCorner: corner, of: extent, size: size) { body($0, $1 / 2) }
      }
    case .cropMaximum:
      forEachTap(ofSample: p, of: extent, size: size, body)
    case .pool, .truncatingAdaptiveMax:
      preconditionFailure("a maximum has bins of whole cells, not samples")
    }
  }

  private func forEachTap(
    ofBin p: Int, of extent: AxisExtent, size: Int, _ samplingRatio: Int?, aligned: Bool,
    _ body: (Int, Float) -> Void
  ) {
    // roi_align_kernel.cpp and roi_align_common.h, float32 and in their order.
    let shift: Float = aligned ? 0.5 : 0
    let start = extent.start - shift
    var roiSize = (extent.end - shift) - start
    if !aligned { roiSize = max(roiSize, 1) }
    let binSize = roiSize / Float(outputSize)
    let sampleCount = samplingRatio ?? max(Int(binSize.rounded(.up)), 0)
    let last = size - 1
    for i in 0..<sampleCount {
      let position = start + Float(p) * binSize + (Float(i) + 0.5) * binSize / Float(sampleCount)
      guard position >= -1, position <= Float(size) else { continue }
      let clamped = max(position, 0)
      let low = min(Int(clamped), last)
      let highShare = low == last ? 0 : clamped - Float(low)
      if highShare < 1 { body(low, (1 - highShare) / Float(sampleCount)) }
      if highShare > 0 { body(low + 1, highShare / Float(sampleCount)) }
    }
  }

  /// roi_align_kernel.cu of jwyang/faster-rcnn.pytorch: corner 0 is the box's start, corner P one
  /// cell beyond its end.
  private func forEachTap(
    ofCorner corner: Int, of extent: AxisExtent, size: Int, _ body: (Int, Float) -> Void
  ) {
    let roiSize = max(extent.end - extent.start + 1, 0)
    let position = Float(corner) * (roiSize / Float(outputSize)) + extent.start
    guard position >= 0, position < Float(size) else { return }
    // A map of one cell has no two cells to sample between.
    guard size > 1 else { return body(0, 1) }
    let low = min(Int(position), size - 2)
    let highShare = position - Float(low)
    if highShare != 1 { body(low, 1 - highShare) }
    if highShare != 0 { body(low + 1, highShare) }
  }

  /// `_affine_grid_gen` and `roi_crop.c` of jwyang/faster-rcnn.pytorch.
  private func forEachTap(
    ofSample sample: Int, of extent: AxisExtent, size: Int, _ body: (Int, Float) -> Void
  ) {
    let share = Float(sample) / Float(2 * outputSize - 1)
    let position = extent.start + (extent.end - extent.start) * share
    guard position > -1, position < Float(size) else { return }
    let low = position.rounded(.down)
    let highShare = position - low
    let index = Int(low)
    if index >= 0, highShare != 1 { body(index, 1 - highShare) }
    if index + 1 < size, highShare != 0 { body(index + 1, highShare) }
  }
}
