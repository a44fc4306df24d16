internal import Compute
internal import Detection
internal import Networks
internal import Tensors

/// What the networks made of N pictures of one size: the features of every level, and what the RPN
/// says of them.
///
/// All of it lies in the memory of a plan, or of a caller, and is valid until the next run.
@safe struct PictureOutputs {
  /// The feature maps of all levels, from the finest.
  let maps: [FeatureMapView]

  /// The sizes of the pictures, which they have in common.
  let geometry: PictureGeometry

  /// N.
  let imageCount: Int

  /// For each level the offsets, [N, H, W, A x 4].
  private let offsets: [UnsafeBufferPointer<Float>]

  /// For each level the logits, [N, H, W, A] or [N, H, W, A x 2].
  private let scores: [UnsafeBufferPointer<Float>]

  /// Takes over what a plan of the RPN has computed.
  ///
  /// - Parameters:
  ///   - plan: A plan that has just run; its outputs from `firstOutput` on are the offsets of each
  ///     level, and then the logits.
  ///   - firstOutput: The first output of the RPN.
  ///   - maps: The feature maps.
  ///   - geometry: The sizes of the pictures.
  init(
    _ plan: Plan, firstOutput: Int, maps: [FeatureMapView], geometry: PictureGeometry
  ) {
    self.maps = maps
    self.geometry = geometry
    imageCount = maps.first?.layout.imageCount ?? 0
    let count = maps.count
    unsafe offsets = (0..<count).map { unsafe plan.outputValues(firstOutput + $0) }
    unsafe scores = (0..<count).map { unsafe plan.outputValues(firstOutput + count + $0) }
  }

  /// The offsets of one picture in one level, [H, W, A x 4].
  @unsafe func offsets(image: Int, level: Int) -> UnsafeBufferPointer<Float> {
    unsafe part(image, of: offsets[level])
  }

  /// The logits of one picture in one level, [H, W, A] or [H, W, A x 2].
  @unsafe func scores(image: Int, level: Int) -> UnsafeBufferPointer<Float> {
    unsafe part(image, of: scores[level])
  }

  private func part(
    _ image: Int, of values: UnsafeBufferPointer<Float>
  ) -> UnsafeBufferPointer<Float> {
    precondition((0..<imageCount).contains(image), "picture \(image) of \(imageCount)")
    let size = values.count / imageCount
    // Safety: the image is below N, of which `values` holds a part each.
    return unsafe UnsafeBufferPointer(rebasing: values[image * size..<(image + 1) * size])
  }

  /// The features of one picture, copied, each level in the order C, H, W.
  func features(ofImage image: Int) -> FeatureMap {
    FeatureMap(
      levels: maps.map { $0.tensor(ofImage: image) }, imageSize: geometry.resized,
      originalSize: geometry.original, yScale: geometry.frame.yScale,
      xScale: geometry.frame.xScale)
  }
}

/// The sizes of a picture on its way through the networks.
struct PictureGeometry {
  /// The picture.
  let original: PictureSize

  /// What it was resized to.
  let resized: PictureSize

  /// The network's input: the resized picture and the zeros that pad it.
  let input: PictureSize

  /// How boxes go between the resized picture and the original one.
  let frame: ImageFrame
}

extension FeatureMapView {
  /// A view of a plan's output.
  ///
  /// - Throws: `DetectorError` where only oneDNN reads its layout, which features never have.
  init(_ plan: Plan, output index: Int) throws(DetectorError) {
    guard let layout = plan.outputLayouts[index].channelLayout else {
      throw .compute(
        ComputeError(operation: "features", reason: "a layout that only oneDNN reads"))
    }
    unsafe self.init(plan.outputValues(index), layout: layout)
  }

  /// One picture's map, copied, in the order C, H, W.
  fileprivate func tensor(ofImage image: Int) -> Tensor {
    let (channels, cells) = (layout.channelCount, layout.height * layout.width)
    let values = unsafe values
    let copy = unsafe [Float](unsafeUninitializedCapacity: channels * cells) { copy, count in
      count = channels * cells
      for channel in 0..<channels {
        let source = layout.offset(image: image, channel: channel, y: 0, x: 0)
        let stride = layout.channelBlock
        for cell in 0..<cells {
          // Safety: a channel's cells lie `stride` apart from its first one on, all of them within the
          // layout, whose elements `values` has; and the copy has room for all channels.
          unsafe copy.initializeElement(
            at: channel * cells + cell, to: values[source + cell * stride])
        }
      }
    }
    return Tensor(shape: [channels, layout.height, layout.width], values: copy)
  }
}
