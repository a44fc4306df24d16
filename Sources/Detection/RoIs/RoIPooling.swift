public import Tensors

/// Cuts a region of interest (RoI) out of a feature map and pools it to a square of fixed size, so
/// that a fully connected head can read it.
///
/// A box is given in pixels of the network's input; `spatialScale` takes it to cells of the map.
/// The operators differ in how they share the cells out to the P x P bins; see `Operator`.
///
/// Whatever the boxes are, the work of an RoI is bounded and nothing traps: a box with a NaN, or
/// one wholly outside the map, pools to zeros; infinite and huge coordinates count as
/// `ChannelLayout.maximumSide` cells. Feature values pass through as follows: the maximum of a
/// bin ignores NaN, and starts at the least finite float, so a bin of nothing but NaN and -infinity
/// gives `-Float.greatestFiniteMagnitude`, as torchvision's does; RoIAlign reads only cells whose
/// weight is not zero.
///
/// R counts RoIs, P is the output's side, C the channels.
public struct RoIPooling: Sendable, Hashable {
  /// How cells are shared out to bins.
  public enum Operator: Sendable, Hashable {
    /// RoIPool (Girshick, Fast R-CNN, 2015, section 2.1), as `torchvision.ops.roi_pool` computes
    /// it.
    ///
    /// The scaled corners are rounded by `cornerRounding`, and both belong to the RoI, which is
    /// at least one cell on each axis. Bin p covers `floor(p * size / P) ..< ceil((p + 1) * size /
    /// P)`, in float32, clipped to the map; its maximum is taken, and an empty bin gives 0.
    case pool

    /// RoIAlign (He et al., Mask R-CNN, 2017, section 3), as `torchvision.ops.roi_align` computes
    /// it.
    ///
    /// Nothing is rounded: each bin averages a grid of bilinear samples. `samplingRatio` is the
    /// grid's side, or `nil` for as many samples as a bin has cells, rounded up. `aligned` moves
    /// the box by half a cell, so that a cell's value stands at its centre; without it a box is at
    /// least one cell on each axis.
    case align(samplingRatio: Int?, aligned: Bool)

    /// RoIAlignAvg, as jwyang/faster-rcnn.pytorch computes it.
    ///
    /// One bilinear sample at each corner of a grid of P x P squares that spans the scaled box and
    /// one cell more, then the mean of each square's four corners. A sample off the map counts as 0;
    /// one beyond the last cell's centre is extrapolated from the last two cells.
    case alignAverage

    /// RoICrop, as jwyang/faster-rcnn.pytorch computes it with `CROP_RESIZE_WITH_MAX_POOL`: after "crop and
    /// resize" of TensorFlow's Faster R-CNN (Huang et al. 2017, arXiv:1611.10012).
    ///
    /// 2P bilinear samples along each side of the scaled box, the first at its start and the last at its
    /// end (`affine_grid` and `grid_sample` with aligned corners), then the maximum of each square of
    /// four. A cell off the map counts as 0 in a sample.
    case cropMaximum

    /// What a hand-written pooling with PyTorch's `long()` and `AdaptiveMaxPool2d` gives.
    ///
    /// The scaled corners are cut towards zero, both belong to the RoI, and the region is clipped
    /// to the map *before* it is split: bin p covers `floor(p * size / P) ..< ceil((p + 1) * size /
    /// P)` of what is left. An empty region, on which PyTorch raises an error, gives 0.
    case truncatingAdaptiveMax

    /// Whether what is pooled is a weighted sum of the map's cells, so that a layer of 1x1 windows may as well
    /// come before.
    public var isLinear: Bool {
      switch self {
      case .align, .alignAverage: true
      case .pool, .cropMaximum, .truncatingAdaptiveMax: false
      }
    }
  }

  /// How cells are shared out to bins.
  public let `operator`: Operator

  /// The side P of the output.
  public let outputSize: Int

  /// Of each axis every how many-th bin is computed, from the first: those that a layer with a stride reads.
  public let step: Int

  /// How pixels become cells.
  public let spatialScale: SpatialScale

  /// Where RoIPool takes corners that lie halfway between two cells.
  public let cornerRounding: FloatingPointRoundingRule

  /// Makes an operator; traps unless `outputSize` is 1 to 256, a sampling ratio 1 to 256, and `step` 1 or that
  /// of an operator that is linear.
  public init(
    _ operator: Operator, outputSize: Int, step: Int = 1, spatialScale: SpatialScale,
    cornerRounding: FloatingPointRoundingRule = .toNearestOrAwayFromZero
  ) {
    precondition(
      step == 1 || step > 1 && `operator`.isLinear, "\(`operator`) of every \(step)th bin")
    precondition(
      (1...256).contains(outputSize), "the output's side, \(outputSize), is not in 1...256")
    if case .align(let samplingRatio?, _) = `operator` {
      precondition(
        (1...256).contains(samplingRatio), "the sampling ratio, \(samplingRatio), is not in 1...256"
      )
    }
    self.operator = `operator`
    self.outputSize = outputSize
    self.step = step
    self.spatialScale = spatialScale
    self.cornerRounding = cornerRounding
  }

  /// The bins of each axis that are computed.
  public var binCount: Int { (outputSize + step - 1) / step }

  /// The layout of what pooling RoIs gives.
  ///
  /// - Parameters:
  ///   - roiCount: The number of RoIs.
  ///   - channelCount: The number of channels.
  ///   - channelBlock: How many channels lie side by side in the output.
  /// - Returns: `[R, C, P, P]`, as a layout of R images of P by P cells, or of those that `step` leaves.
  public func outputLayout(
    roiCount: Int, channelCount: Int, channelBlock: Int = 1
  ) -> ChannelLayout {
    ChannelLayout(
      imageCount: roiCount, channelCount: channelCount, height: binCount, width: binCount,
      channelBlock: channelBlock)
  }
}
