internal import CDetectionKernels
public import Tensors

extension RoIPooling {
  /// Pools the RoIs of a batch of feature maps.
  ///
  /// - Parameters:
  ///   - features: The maps, `[N, C, H, W]`.
  ///   - rois: The boxes, in pixels of the network's input.
  ///   - imageIndices: For each box, which image it lies in.
  /// - Returns: The pooled maps, `[R, C, P, P]`.
  public func pool(_ features: Tensor, rois: [BoundingBox], imageIndices: [Int]) -> Tensor {
    let layout = ChannelLayout(features.shape)
    var output = [Float](
      repeating: 0,
      count: outputLayout(roiCount: rois.count, channelCount: layout.channelCount).elementCount)
    // Safety: `pool` checks both counts against the layouts.
    unsafe features.values.withUnsafeBufferPointer { features in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe pool(
          features, layout: layout, rois: rois.span, imageIndices: imageIndices.span,
          chosen: Array(rois.indices).span, into: output)
      }
    }
    return Tensor(
      shape: [rois.count, layout.channelCount, binCount, binCount], values: output)
  }

  /// Pools some of the RoIs, reading and writing the caller's memory.
  ///
  /// Threads share the work of a batch by choosing RoIs that differ, and a feature pyramid's maps by
  /// each map's own: each RoI writes its own part of `output` and nothing else. RoIs of one image
  /// should stand together, as proposals do: each run of them walks the map once. A map in blocks that are a multiple of 8 is read as it is; any
  /// other, plain `[N, C, H, W]` among them, is gathered into vectors of 16 channels, one plane at
  /// a time. Output whose blocks hold the vectors whole is written in place, any other by way of a
  /// small buffer. Memory is allocated once a call: the tables of 512 RoIs at most, and one plane
  /// of 16 channels where the map is gathered.
  ///
  /// Traps where a buffer has another size than its layout, an image index is not below N, or a
  /// chosen index is not one of an RoI.
  ///
  /// - Parameters:
  ///   - features: The maps; as many elements as `layout` has.
  ///   - layout: The extents of the maps and the order of their elements.
  ///   - rois: All boxes of the batch, in pixels of the network's input.
  ///   - imageIndices: For each box, which image it lies in.
  ///   - chosen: Which of the RoIs this call pools, as indices.
  ///   - output: Room for all RoIs, `[R, C, P, P]` in blocks of `outputChannelBlock`; what pads the
  ///     last block becomes zero.
  ///   - outputChannelBlock: How many channels lie side by side in the output.
  ///   - finish: What is added to the sums of an operator that is linear; traps with another one, where it has
  ///     not one number for each channel, and with a map without cells.
  public func pool(
    _ features: UnsafeBufferPointer<Float>, layout: ChannelLayout, rois: Span<BoundingBox>,
    imageIndices: Span<Int>, chosen: Span<Int>, into output: UnsafeMutableBufferPointer<Float>,
    outputChannelBlock: Int = 1, finish: PooledFinish? = nil
  ) {
    precondition(
      finish.map { self.operator.isLinear && $0.biases.count == layout.channelCount } ?? true,
      "\(self.operator) of \(layout.channelCount) channels with \(finish?.biases.count ?? 0) biases"
    )
    let outputLayout = outputLayout(
      roiCount: rois.count, channelCount: layout.channelCount, channelBlock: outputChannelBlock)
    precondition(
      features.count == layout.elementCount,
      "\(features.count) elements are no feature maps of \(layout.elementCount)")
    precondition(
      rois.count == imageIndices.count,
      "\(rois.count) RoIs have \(imageIndices.count) image indices")
    for place in chosen.indices {
      precondition(
        rois.indices.contains(chosen[place]), "RoI \(chosen[place]) is not one of \(rois.count)")
    }
    precondition(
      output.count == outputLayout.elementCount,
      "\(output.count) elements are no room for \(outputLayout.elementCount)")
    guard !chosen.isEmpty, let output = output.baseAddress else { return }
    guard layout.height > 0, layout.width > 0, let features = features.baseAddress else {
      precondition(finish == nil, "biases for a map without cells")
      // A map without cells has nothing in any bin.
      let roiStride = outputLayout.elementCount / outputLayout.imageCount
      for place in chosen.indices {
        // Safety: the index is below R, and `output` holds R times `roiStride` elements.
        unsafe (output + chosen[place] * roiStride).update(repeating: 0, count: roiStride)
      }
      return
    }
    var reader = unsafe LaneReader(features, layout)
    let biases = finish.map { finish in
      let padding = unsafe reader.groupCount * reader.lanes - finish.biases.count
      return padding == 0
        ? finish.biases : finish.biases + [Float](repeating: 0, count: padding)
    }
    unsafe (biases ?? []).withUnsafeBufferPointer { padded in
      var writer = unsafe LaneWriter(
        output, outputLayout, lanes: reader.lanes, biases: biases == nil ? nil : padded.baseAddress,
        lowest: finish?.isRectified == true ? 0 : -.infinity)
      switch self.operator {
      case .pool, .truncatingAdaptiveMax:
        var bins = MaximumBins(self, layout)
        unsafe run(&bins, &reader, &writer, rois, imageIndices, chosen)
      case .align, .alignAverage:
        var taps = AlignedTaps(self, layout)
        unsafe run(&taps, &reader, &writer, rois, imageIndices, chosen)
      case .cropMaximum:
        var samples = SampleMaxima(self, layout)
        unsafe run(&samples, &reader, &writer, rois, imageIndices, chosen)
      }
    }
  }

  /// The most RoIs whose tables are held at once: they fit a second-level cache beside a plane.
  private static let maximumTableCount = 512

  /// Takes the chosen RoIs by runs that lie in one image, and each run by some groups of channels at a time,
  /// so that the plane of a group stays in the cache while all its RoIs are pooled.
  private func run<Table: BinTable>(
    _ table: inout Table, _ reader: inout LaneReader, _ writer: inout LaneWriter,
    _ rois: Span<BoundingBox>, _ imageIndices: Span<Int>, _ chosen: Span<Int>
  ) {
    let (imageCount, lanes) = unsafe (reader.layout.imageCount, reader.lanes)
    var start = 0
    while start < chosen.count {
      let image = imageIndices[chosen[start]]
      precondition(
        (0..<imageCount).contains(image),
        "RoI \(chosen[start]) lies in image \(image) of \(imageCount)")
      var end = start
      table.removeAll(reservingCapacity: min(Self.maximumTableCount, chosen.count - start))
      while end < chosen.count, end - start < Self.maximumTableCount,
        imageIndices[chosen[end]] == image
      {
        table.append(rois[chosen[end]])
        end += 1
      }
      var group = 0
      while unsafe group < reader.groupCount {
        let takesGroups =
          unsafe Table.reducesGroups && reader.hasGroupStride
          && group + Int(roi_most_groups) <= reader.groupCount
        let count = takesGroups ? Int(roi_most_groups) : 1
        unsafe reader.withPlane(image: image, group: group) { plane in
          for place in start..<end {
            unsafe writer.write(roi: chosen[place], group: group, groups: count) { bins in
              unsafe table.reduce(
                plane, lanes: lanes, groups: count, entry: place - start, into: bins)
            }
          }
        }
        group += count
      }
      for place in start..<end {
        unsafe writer.clearPadding(roi: chosen[place], after: reader.groupCount)
      }
      start = end
    }
  }
}
