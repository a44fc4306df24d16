internal import CDetectionKernels
internal import Tensors

extension PyramidPooling {
  /// Carries the gradient of a loss back through the pooling, from the pooled maps to the feature maps.
  ///
  /// As `RoIPooling.gradient`, but in the caller's memory and shared out over threads: each adds up all
  /// RoIs of some channels in their order, so that the result does not depend on how many threads there
  /// are. `assign` has told the levels before.
  ///
  /// - Parameters:
  ///   - upstream: The gradient with respect to the pooled maps, `[R, C, P, P]`, row-major.
  ///   - maps: The maps that were pooled.
  ///   - rois: The boxes of `assign`.
  ///   - imageIndices: For each box, which image it lies in.
  ///   - gradients: What is added to, for each map in its layout.
  ///   - parallel: Calls back with parts of a range, on as many threads as it likes.
  public func addGradient(
    of upstream: UnsafeBufferPointer<Float>, _ maps: [FeatureMapView], rois: [BoundingBox],
    imageIndices: [Int], to gradients: [UnsafeMutableBufferPointer<Float>],
    parallel: (_ count: Int, _ body: (Range<Int>) -> Void) -> Void
  ) {
    precondition(
      unsafe maps.count == poolings.count && gradients.count == maps.count
        && rois.count == levels.count && imageIndices.count == rois.count,
      "\(maps.count) maps and \(rois.count) RoIs are not the \(poolings.count) and "
        + "\(levels.count) that were told")
    precondition(poolings.allSatisfy { $0.step == 1 }, "the gradient of some bins")
    for (level, pooling) in poolings.enumerated() {
      let chosen = rois.indices.filter { levels[$0] == level }
      let layout = maps[level].layout
      guard !chosen.isEmpty, layout.height > 0, layout.width > 0 else { continue }
      let size = pooling.outputSize * pooling.outputSize
      precondition(
        unsafe upstream.count == rois.count * layout.channelCount * size
          && gradients[level].count == layout.elementCount
          && maps[level].values.count == layout.elementCount,
        "\(upstream.count) gradients of \(rois.count) RoIs, a map of \(layout.elementCount)")
      switch pooling.operator {
      case .pool, .truncatingAdaptiveMax:
        unsafe add(
          MaximumBins(pooling, layout), chosen, maps[level], upstream, rois, imageIndices,
          gradients[level], parallel)
      case .align, .alignAverage:
        unsafe add(
          AlignedTaps(pooling, layout), chosen, maps[level], upstream, rois, imageIndices,
          gradients[level], parallel)
      case .cropMaximum:
        unsafe add(
          SampleMaxima(pooling, layout), chosen, maps[level], upstream, rois, imageIndices,
          gradients[level], parallel)
      }
    }
  }

  @unsafe private func add(
    _ empty: some BinTable, _ chosen: [Int], _ map: FeatureMapView,
    _ upstream: UnsafeBufferPointer<Float>, _ rois: [BoundingBox], _ imageIndices: [Int],
    _ gradient: UnsafeMutableBufferPointer<Float>, _ parallel: (Int, (Range<Int>) -> Void) -> Void
  ) {
    var table = empty
    table.removeAll(reservingCapacity: chosen.count)
    for roi in chosen { table.append(rois[roi]) }
    let layout = map.layout
    guard let features = unsafe map.values.baseAddress, let upstream = upstream.baseAddress,
      let gradient = gradient.baseAddress
    else { return }
    let groups = unsafe LaneReader(features, layout).groupCount
    let bins = upstreamCount
    parallel(layout.imageCount * groups) { range in
      var reader = unsafe LaneReader(features, layout)
      let lanes = unsafe reader.lanes
      var vectors = [Float](repeating: 0, count: bins * lanes)
      let isBlocked = layout.channelBlock.isMultiple(of: 8)
      var plane = [Float](
        repeating: 0, count: isBlocked ? 0 : layout.height * layout.width * lanes)
      for part in range {
        let (image, group) = (part / groups, part % groups)
        let channel = group * lanes
        let count = min(lanes, layout.channelCount - channel)
        guard count > 0 else { continue }
        // Safety: a group's channels lie within the map, each RoI has `bins` numbers for each channel, and
        // the table was made for the layout. No two parts have the same channels of an image.
        unsafe reader.withPlane(image: image, group: group) { features in
          unsafe vectors.withUnsafeMutableBufferPointer { vectors in
            unsafe plane.withUnsafeMutableBufferPointer { plane in
              guard let vectors = vectors.baseAddress else { return }
              let start = layout.offset(image: image, channel: channel, y: 0, x: 0)
              unsafe plane.update(repeating: 0)
              let target = unsafe isBlocked ? gradient + start : plane.baseAddress
              guard let target = unsafe target else { return }
              for (entry, roi) in chosen.enumerated() where imageIndices[roi] == image {
                unsafe roi_gather_gradient(
                  upstream + (roi * layout.channelCount + channel) * bins, Int32(count), bins, bins,
                  Int32(lanes), vectors)
                unsafe table.addGradient(
                  features, lanes: lanes, entry: entry, upstream: vectors, to: target)
              }
              if !isBlocked {
                let cells = layout.height * layout.width
                if layout.channelBlock == 1 {
                  unsafe roi_scatter_gradient(
                    target, Int32(count), cells, gradient + start, cells, 1)
                } else {
                  for lane in 0..<count {
                    unsafe roi_scatter_gradient(
                      target + lane, 1, cells,
                      gradient + layout.offset(image: image, channel: channel + lane, y: 0, x: 0),
                      cells, layout.channelBlock)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  /// P x P.
  private var upstreamCount: Int {
    poolings.first.map { $0.outputSize * $0.outputSize } ?? 0
  }
}
