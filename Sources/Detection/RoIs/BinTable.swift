internal import CDetectionKernels
internal import Tensors

/// The bins of some RoIs, worked out once and then used for every group of channels.
protocol BinTable {
  /// Forgets all RoIs and makes room for others.
  mutating func removeAll(reservingCapacity roiCount: Int)

  /// Works out the bins of one more RoI.
  mutating func append(_ roi: BoundingBox)

  /// Whether `roi_most_groups` groups of channels can be pooled at once.
  static var reducesGroups: Bool { get }

  /// Pools one group of channels of one RoI, or `roi_most_groups`.
  ///
  /// - Parameters:
  ///   - plane: The map of the layout that the table was made for.
  ///   - lanes: The number of channels in a group: 8 or 16.
  ///   - groups: The number of groups.
  ///   - entry: Which of the RoIs, in the order in which they were appended.
  ///   - bins: Room for P x P vectors of `lanes` for each group.
  func reduce(_ plane: roi_plane, lanes: Int, groups: Int, entry: Int, into bins: roi_bins)

  /// Adds the gradient of one group of channels of one RoI to that of the plane.
  ///
  /// - Parameters:
  ///   - plane: The map, as for `reduce`.
  ///   - lanes: The number of channels in the group: 8 or 16.
  ///   - entry: Which of the RoIs.
  ///   - upstream: P x P vectors of `lanes`.
  ///   - gradient: What is added to; it has the strides of the plane.
  func addGradient(
    _ plane: roi_plane, lanes: Int, entry: Int, upstream: UnsafePointer<Float>,
    to gradient: UnsafeMutablePointer<Float>)
}

/// The bins of RoIPool and of adaptive pooling: ranges of rows and of columns.
struct MaximumBins: BinTable {
  static let reducesGroups = true

  private let pooling: RoIPooling
  private let height: Int
  private let width: Int
  /// For each RoI, first and end of P row bins, then of P column bins.
  private var bounds: [Int32] = []

  init(_ pooling: RoIPooling, _ layout: ChannelLayout) {
    self.pooling = pooling
    height = layout.height
    width = layout.width
  }

  mutating func removeAll(reservingCapacity roiCount: Int) {
    bounds.removeAll(keepingCapacity: true)
    bounds.reserveCapacity(roiCount * 4 * pooling.outputSize)
  }

  mutating func append(_ roi: BoundingBox) {
    append(pooling.spatialScale.vertical(roi), size: height)
    append(pooling.spatialScale.horizontal(roi), size: width)
  }

  private mutating func append(_ extent: AxisExtent, size: Int) {
    for p in 0..<pooling.outputSize {
      let bin = pooling.maximumBin(p, of: extent, size: size)
      bounds.append(Int32(bin.lowerBound))
      bounds.append(Int32(bin.upperBound))
    }
  }

  func reduce(_ plane: roi_plane, lanes: Int, groups: Int, entry: Int, into bins: roi_bins) {
    let boundsPerAxis = 2 * pooling.outputSize
    precondition((0..<bounds.count / (2 * boundsPerAxis)).contains(entry), "no RoI \(entry)")
    unsafe bounds.withUnsafeBufferPointer { bounds in
      guard let base = bounds.baseAddress else { return }
      // Safety: each RoI appended twice `boundsPerAxis` bounds, and `maximumBin` keeps them on the
      // map.
      let rows = unsafe base + 2 * boundsPerAxis * entry
      unsafe roi_max_bins(
        plane, Int32(lanes), Int32(groups), Int32(pooling.outputSize), rows, rows + boundsPerAxis,
        bins)
    }
  }

  func addGradient(
    _ plane: roi_plane, lanes: Int, entry: Int, upstream: UnsafePointer<Float>,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    let boundsPerAxis = 2 * pooling.outputSize
    precondition((0..<bounds.count / (2 * boundsPerAxis)).contains(entry), "no RoI \(entry)")
    unsafe bounds.withUnsafeBufferPointer { bounds in
      guard let base = bounds.baseAddress else { return }
      // Safety: as in `reduce`.
      let rows = unsafe base + 2 * boundsPerAxis * entry
      unsafe roi_max_gradient(
        plane, Int32(lanes), Int32(pooling.outputSize), rows, rows + boundsPerAxis, upstream,
        gradient)
    }
  }
}

/// The samples of RoIAlign: for each bin of an axis, or each sample, the cells that it reads and their
/// weights.
struct AlignedTaps: BinTable {
  static let reducesGroups = true

  private let pooling: RoIPooling
  private let height: Int
  private let width: Int
  /// For each RoI, where the taps of P row bins begin, and the end; then the same for P column
  /// bins.
  private var starts: [Int32] = []
  private var taps: [roi_tap] = []

  init(_ pooling: RoIPooling, _ layout: ChannelLayout) {
    self.pooling = pooling
    height = layout.height
    width = layout.width
  }

  mutating func removeAll(reservingCapacity roiCount: Int) {
    starts.removeAll(keepingCapacity: true)
    starts.reserveCapacity(roiCount * 2 * (pooling.tapListCount + 1))
    taps.removeAll(keepingCapacity: true)
  }

  mutating func append(_ roi: BoundingBox) {
    append(pooling.spatialScale.vertical(roi), size: height)
    append(pooling.spatialScale.horizontal(roi), size: width)
  }

  private mutating func append(_ extent: AxisExtent, size: Int) {
    for p in 0..<pooling.tapListCount {
      let first = taps.count
      starts.append(Int32(first))
      pooling.forEachTap(ofAlignedBin: p * pooling.step, of: extent, size: size) { index, weight in
        // Neighbouring samples share cells: the same cell is one of the last three taps, whichever
        // way the box runs.
        for tap in (max(first, taps.count - 3)..<taps.count).reversed()
        where taps[tap].index == index {
          taps[tap].weight += weight
          return
        }
        taps.append(roi_tap(index: Int32(index), weight: weight))
      }
    }
    starts.append(Int32(taps.count))
  }

  func reduce(_ plane: roi_plane, lanes: Int, groups: Int, entry: Int, into bins: roi_bins) {
    let startsPerAxis = pooling.tapListCount + 1
    precondition((0..<starts.count / (2 * startsPerAxis)).contains(entry), "no RoI \(entry)")
    unsafe starts.withUnsafeBufferPointer { starts in
      unsafe taps.withUnsafeBufferPointer { taps in
        guard let base = starts.baseAddress else { return }
        let rows = unsafe base + 2 * startsPerAxis * entry
        let columns = unsafe rows + startsPerAxis
        guard let taps = taps.baseAddress else {
          // No sample of any RoI is on the map: then every list of taps is empty, and is not read.
          let none = roi_tap(index: 0, weight: 0)
          unsafe withUnsafePointer(to: none) {
            unsafe roi_sum_taps(
              plane, Int32(lanes), Int32(groups), Int32(pooling.tapListCount), rows, $0, columns,
              $0, bins)
          }
          return
        }
        // Safety: each RoI appended twice `startsPerAxis` starts, all within `taps`, and
        // `forEachTap` keeps every index on the map.
        unsafe roi_sum_taps(
          plane, Int32(lanes), Int32(groups), Int32(pooling.tapListCount), rows, taps, columns,
          taps, bins)
      }
    }
  }

  func addGradient(
    _ plane: roi_plane, lanes: Int, entry: Int, upstream: UnsafePointer<Float>,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    let startsPerAxis = pooling.tapListCount + 1
    precondition((0..<starts.count / (2 * startsPerAxis)).contains(entry), "no RoI \(entry)")
    unsafe starts.withUnsafeBufferPointer { starts in
      unsafe taps.withUnsafeBufferPointer { taps in
        // Without any tap there is nothing to add to.
        guard let base = starts.baseAddress, let taps = taps.baseAddress else { return }
        // Safety: as in `reduce`.
        let rows = unsafe base + 2 * startsPerAxis * entry
        unsafe roi_sum_gradient(
          plane, Int32(lanes), Int32(pooling.tapListCount), rows, taps, rows + startsPerAxis, taps,
          upstream, gradient)
      }
    }
  }
}

/// The samples of RoICrop: a small map for each RoI, of which the maxima of two by two cells are taken.
struct SampleMaxima: BinTable {
  /// The samples of a group are a map of their own.
  static let reducesGroups = false

  private var taps: AlignedTaps
  private let binCount: Int
  /// First and end of each bin among the samples of an axis.
  private let bounds: [Int32]

  init(_ pooling: RoIPooling, _ layout: ChannelLayout) {
    taps = AlignedTaps(pooling, layout)
    binCount = pooling.outputSize
    bounds = (0..<Int32(pooling.outputSize)).flatMap { [2 * $0, 2 * $0 + 2] }
  }

  mutating func removeAll(reservingCapacity roiCount: Int) {
    taps.removeAll(reservingCapacity: roiCount)
  }

  mutating func append(_ roi: BoundingBox) { taps.append(roi) }

  /// Calls `body` with room for the samples of one group of channels, as a map.
  private func withSamples(
    lanes: Int, _ body: (roi_plane, UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    let side = 2 * binCount
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: side * side * lanes) { samples in
      guard let base = samples.baseAddress else { return }
      unsafe body(
        roi_plane(base: base, row_stride: side * lanes, pixel_stride: lanes, group_stride: 0),
        samples)
    }
  }

  func reduce(_ plane: roi_plane, lanes: Int, groups: Int, entry: Int, into bins: roi_bins) {
    unsafe withSamples(lanes: lanes) { map, samples in
      guard let base = samples.baseAddress else { return }
      unsafe taps.reduce(
        plane, lanes: lanes, groups: 1, entry: entry,
        into: roi_bins(
          base: base, bin_stride: lanes, group_stride: 0, biases: nil, lowest: 0))
      unsafe bounds.withUnsafeBufferPointer { bounds in
        guard let bounds = bounds.baseAddress else { return }
        // Safety: the bins lie within the 2P x 2P samples, all of which were just written.
        unsafe roi_max_bins(map, Int32(lanes), 1, Int32(binCount), bounds, bounds, bins)
      }
    }
  }

  func addGradient(
    _ plane: roi_plane, lanes: Int, entry: Int, upstream: UnsafePointer<Float>,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    unsafe withSamples(lanes: lanes) { map, samples in
      unsafe withSamples(lanes: lanes) { _, sampleGradient in
        guard let base = samples.baseAddress, let above = sampleGradient.baseAddress else { return }
        unsafe taps.reduce(
          plane, lanes: lanes, groups: 1, entry: entry,
          into: roi_bins(
            base: base, bin_stride: lanes, group_stride: 0, biases: nil, lowest: 0))
        unsafe sampleGradient.initialize(repeating: 0)
        unsafe bounds.withUnsafeBufferPointer { bounds in
          guard let bounds = bounds.baseAddress else { return }
          // Safety: as in `reduce`; the gradient of the samples has the strides of their map.
          unsafe roi_max_gradient(
            map, Int32(lanes), Int32(binCount), bounds, bounds, upstream, above)
        }
        unsafe taps.addGradient(plane, lanes: lanes, entry: entry, upstream: above, to: gradient)
      }
    }
  }
}
