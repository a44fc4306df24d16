public import Tensors

extension RoIPooling {
  /// Carries the gradient of a loss back through the pooling, from the pooled maps to the feature
  /// maps.
  ///
  /// A maximum passes its gradient to the cell that it came from, the first one in rows from the
  /// top where several are equal; a bin that found no maximum (empty, or nothing above the least
  /// finite float) passes none. RoIAlign passes to each cell what the cell's weight in the mean is.
  /// Boxes get no gradient, as in torchvision. Traps where not every bin was pooled. Written for clearness: the service never calls it.
  ///
  /// - Parameters:
  ///   - gradient: The gradient of the loss with respect to the pooled maps, `[R, C, P, P]`.
  ///   - features: The maps that were pooled, `[N, C, H, W]`.
  ///   - rois: The boxes, in pixels of the network's input.
  ///   - imageIndices: For each box, which image it lies in.
  /// - Returns: The gradient with respect to `features`, of the same shape.
  public func gradient(
    _ gradient: Tensor, features: Tensor, rois: [BoundingBox], imageIndices: [Int]
  ) -> Tensor {
    precondition(step == 1, "the gradient of every \(step)th bin")
    let layout = ChannelLayout(features.shape)
    let pooledShape: Shape = [rois.count, layout.channelCount, outputSize, outputSize]
    precondition(
      gradient.shape == pooledShape,
      "a gradient of shape \(gradient.shape) is not one of \(pooledShape)")
    precondition(
      rois.count == imageIndices.count,
      "\(rois.count) RoIs have \(imageIndices.count) image indices")
    var result = [Float](repeating: 0, count: features.values.count)
    for (roi, (box, image)) in zip(rois, imageIndices).enumerated() {
      precondition(
        (0..<layout.imageCount).contains(image),
        "RoI \(roi) lies in image \(image) of \(layout.imageCount)")
      for channel in 0..<layout.channelCount {
        let plane = layout.offset(image: image, channel: channel, y: 0, x: 0)
        let pooled = (roi * layout.channelCount + channel) * outputSize * outputSize
        forEachSource(of: box, layout: layout, values: features.values, plane: plane) {
          bin, cell, weight in
          result[plane + cell] += weight * gradient.values[pooled + bin]
        }
      }
    }
    return Tensor(shape: features.shape, values: result)
  }

  /// Calls back with each bin and cell that the bin's value comes from, and its derivative.
  private func forEachSource(
    of box: BoundingBox, layout: ChannelLayout, values: [Float], plane: Int,
    _ body: (_ bin: Int, _ cell: Int, _ weight: Float) -> Void
  ) {
    let (height, width) = (layout.height, layout.width)
    let vertical = spatialScale.vertical(box)
    let horizontal = spatialScale.horizontal(box)
    for p in 0..<outputSize {
      for q in 0..<outputSize {
        let bin = p * outputSize + q
        switch self.operator {
        case .pool, .truncatingAdaptiveMax:
          var best = -Float.greatestFiniteMagnitude
          var bestCell: Int?
          for y in maximumBin(p, of: vertical, size: height) {
            for x in maximumBin(q, of: horizontal, size: width)
            where values[plane + y * width + x] > best {
              bestCell = y * width + x
              best = values[plane + y * width + x]
            }
          }
          if let bestCell { body(bin, bestCell, 1) }
        case .cropMaximum:
          forEachSource(
            ofCropBin: p, q, vertical, horizontal, layout, values: values, plane: plane
          ) { body(bin, $0, $1) }
        case .align, .alignAverage:
          forEachTap(ofAlignedBin: p, of: vertical, size: height) { y, rowWeight in
            forEachTap(ofAlignedBin: q, of: horizontal, size: width) { x, columnWeight in
              body(bin, y * width + x, rowWeight * columnWeight)
            }
          }
        }
      }
    }
  }

  /// The cells of the greatest of four samples, the first of equal ones.
  private func forEachSource(
    ofCropBin p: Int, _ q: Int, _ vertical: AxisExtent, _ horizontal: AxisExtent,
    _ layout: ChannelLayout, values: [Float], plane: Int,
    _ body: (_ cell: Int, _ weight: Float) -> Void
  ) {
    func forEachCell(_ row: Int, _ column: Int, _ body: (Int, Float) -> Void) {
      forEachTap(ofAlignedBin: row, of: vertical, size: layout.height) { y, rowWeight in
        forEachTap(ofAlignedBin: column, of: horizontal, size: layout.width) { x, columnWeight in
          body(y * layout.width + x, rowWeight * columnWeight)
        }
      }
    }
    var best: (row: Int, column: Int)?
    var greatest = -Float.greatestFiniteMagnitude
    for row in 2 * p...2 * p + 1 {
      for column in 2 * q...2 * q + 1 {
        var sample: Float = 0
        forEachCell(row, column) { sample += $1 * values[plane + $0] }
        if sample > greatest {
          greatest = sample
          best = (row, column)
        }
      }
    }
    if let best { forEachCell(best.row, best.column, body) }
  }
}
