internal import Compute
internal import Detection
internal import Networks
internal import Families
internal import Tensors

extension Session {
  /// The proposals of each picture, taken back to its own pixels.
  func results(of features: Features) -> [DetectionResult] {
    features.frames.indices.map { index in
      let frame = features.frames[index]
      let range = proposals.range(ofImage: index)
      return DetectionResult(
        proposals: range.map { row in
          let box = proposals.boxes[row]
          return Proposal(
            box: BoundingBox(
              yMin: min(box.yMin / frame.yScale, frame.originalHeight),
              xMin: min(box.xMin / frame.xScale, frame.originalWidth),
              yMax: min(box.yMax / frame.yScale, frame.originalHeight),
              xMax: min(box.xMax / frame.xScale, frame.originalWidth)),
            objectness: proposals.objectness[row])
        }, objects: [], imageSize: features.originalSizes[index])
    }
  }

  /// One picture's features in the order C, H, W; `nil` where only oneDNN can read their layout.
  func featureMap(_ features: Features, image: Int) -> FeatureMap? {
    guard let layout = features.layout.channelLayout else { return nil }
    let (channels, height, width) = (layout.channelCount, layout.height, layout.width)
    // Safety: the features hold the layout's elements, and `offset` stays below their number.
    let source = unsafe UnsafeBufferPointer(
      start: features.values.assumingMemoryBound(to: Float.self), count: layout.elementCount)
    var values: [Float] = []
    values.reserveCapacity(channels * height * width)
    for channel in 0..<channels {
      for y in 0..<height {
        for x in 0..<width {
          unsafe values.append(source[layout.offset(image: image, channel: channel, y: y, x: x)])
        }
      }
    }
    let frame = features.frames[image]
    return FeatureMap(
      values: Tensor(shape: [channels, height, width], values: values),
      imageSize: PictureSize(height: Int(frame.height), width: Int(frame.width)),
      originalSize: features.originalSizes[image], yScale: frame.yScale, xScale: frame.xScale)
  }

  /// Pools every proposal into the head's own layout, the rows shared out over the team.
  func pool(
    _ features: Features, into rows: UnsafeMutableBufferPointer<Float>, head: Plan
  ) throws(DetectorError) {
    guard let layout = features.layout.channelLayout,
      let headBlock = head.inputLayout.channelLayout?.channelBlock
    else {
      throw .compute(
        ComputeError(
          operation: "RoI pooling", reason: "features in a layout that only oneDNN reads"))
    }
    var pooling = PyramidPooling(
      model.blueprint.detection.roi,
      maps: [(layout.height, layout.width, model.networks.levels[0].stride)],
      frame: features.frames[0])
    let used = pooling.poolings[0].outputLayout(
      roiCount: proposals.count, channelCount: layout.channelCount, channelBlock: headBlock
    ).elementCount
    // Safety: the map has the layout's elements, and the head's input has a row for each proposal;
    // the ranges of the team do not overlap, and each range writes its own rows.
    let map = unsafe UnsafeBufferPointer(
      start: features.values.assumingMemoryBound(to: Float.self), count: layout.elementCount)
    let destination = unsafe UnsafeMutableBufferPointer(rebasing: rows[..<used])
    let (boxes, images) = (proposals.boxes, proposals.imageIndices)
    pooling.assign(boxes.span)
    let assigned = pooling
    thread.parallel(boxes.count) { range in
      unsafe assigned.pool(
        [FeatureMapView(map, layout: layout)], rois: boxes.span, imageIndices: images.span,
        range: range, into: destination, outputChannelBlock: headBlock)
    }
  }
}
