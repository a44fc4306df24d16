internal import CDetectionKernels
internal import Glibc

/// What the network predicts of a box relative to an anchor or RoI: the paper's t, section 3.1.2.
public struct BoxOffset: Sendable, Hashable, BitwiseCopyable {
  /// How far the centre moves down, in heights of the anchor.
  public var dy: Float
  /// How far the centre moves right, in widths of the anchor.
  public var dx: Float
  /// The natural logarithm of the ratio of heights.
  public var dh: Float
  /// The natural logarithm of the ratio of widths.
  public var dw: Float

  /// Makes an offset from its four parts.
  public init(dy: Float, dx: Float, dh: Float, dw: Float) {
    self.dy = dy
    self.dx = dx
    self.dh = dh
    self.dw = dw
  }

  /// Makes an offset from four numbers as a network stores them.
  public init(
    _ first: Float, _ second: Float, _ third: Float, _ fourth: Float, as order: CoordinateOrder
  ) {
    switch order {
    case .yxyx: self.init(dy: first, dx: second, dh: third, dw: fourth)
    case .xyxy: self.init(dy: second, dx: first, dh: fourth, dw: third)
    }
  }

  /// The four numbers as a network stores them.
  public func stored(as order: CoordinateOrder) -> (Float, Float, Float, Float) {
    switch order {
    case .yxyx: (dy, dx, dh, dw)
    case .xyxy: (dx, dy, dw, dh)
    }
  }

  /// Whether all four parts are finite numbers.
  public var isFinite: Bool { dy.isFinite && dx.isFinite && dh.isFinite && dw.isFinite }
}

/// Turns boxes into offsets relative to an anchor, and back.
///
/// Ren et al. 2015 (arXiv:1506.01497), equation 2. It is the one place that knows how a family
/// stores offsets, measures sides and bounds growth: RPN, head and training targets share it.
///
/// With half-open sides, decoding what was encoded gives the box back. With inclusive sides it gives
/// a lower and a right edge one pixel further, as py-faster-rcnn's `bbox_transform_inv` does.
public struct BoxCoder: Sendable, Hashable {
  /// Bounds dh and dw before `exp`: ln(1000 / 16) grows a side of 16 pixels to 1000 pixels.
  ///
  /// torchvision's and detectron2's `bbox_xform_clip`.
  public static let usualMaximumLogScale = Float(log(1000.0 / 16.0))

  /// The least side of an anchor that `encode` divides by: NumPy's float32 epsilon, as chainercv's
  /// `bbox2loc` has it.
  public static let minimumSide = Float.ulpOfOne

  /// The order in which networks store the four offsets of a box.
  public var order: CoordinateOrder

  /// How a side is measured.
  public var sides: SideConvention

  /// The upper bound of dh and dw in `decode`; `nil` for none.
  public var maximumLogScale: Float?

  /// The lower bound of dh and dw in `decode`; `nil` for none (MMDetection has one).
  public var minimumLogScale: Float?

  /// Makes a coder.
  public init(
    order: CoordinateOrder = .yxyx, sides: SideConvention = .halfOpen,
    maximumLogScale: Float? = nil, minimumLogScale: Float? = nil
  ) {
    self.order = order
    self.sides = sides
    self.maximumLogScale = maximumLogScale
    self.minimumLogScale = minimumLogScale
  }

  /// The offset that moves an anchor onto a box.
  ///
  /// An anchor's side below `minimumSide` counts as that. A box with a side of 0 has an offset of
  /// minus infinity: leave such boxes out of training data.
  public func encode(_ box: BoundingBox, relativeTo anchor: BoundingBox) -> BoxOffset {
    let height = anchor.height + sides.extra
    let width = anchor.width + sides.extra
    let yCentre = anchor.yMin + 0.5 * height
    let xCentre = anchor.xMin + 0.5 * width
    let boxHeight = box.height + sides.extra
    let boxWidth = box.width + sides.extra
    let boxYCentre = box.yMin + 0.5 * boxHeight
    let boxXCentre = box.xMin + 0.5 * boxWidth
    let divisorY = max(height, Self.minimumSide)
    let divisorX = max(width, Self.minimumSide)
    return BoxOffset(
      dy: (boxYCentre - yCentre) / divisorY, dx: (boxXCentre - xCentre) / divisorX,
      dh: log(boxHeight / divisorY), dw: log(boxWidth / divisorX))
  }

  /// The box that an offset moves an anchor to, not clipped.
  ///
  /// Offsets that are not finite, and finite ones beyond what `exp` can hold, give edges that are
  /// not finite; ProposalCreator and ClassBoxDecoder drop those.
  public func decode(_ offset: BoxOffset, relativeTo anchor: BoundingBox) -> BoundingBox {
    let height = anchor.height + sides.extra
    let width = anchor.width + sides.extra
    let yCentre = offset.dy * height + (anchor.yMin + 0.5 * height)
    let xCentre = offset.dx * width + (anchor.xMin + 0.5 * width)
    let halfHeight = 0.5 * (detection_exp(bounded(offset.dh)) * height)
    let halfWidth = 0.5 * (detection_exp(bounded(offset.dw)) * width)
    return BoundingBox(
      yMin: yCentre - halfHeight, xMin: xCentre - halfWidth,
      yMax: yCentre + halfHeight, xMax: xCentre + halfWidth)
  }

  /// A dh or dw within its bounds; not by `min`, which would turn a NaN into the bound.
  private func bounded(_ logScale: Float) -> Float {
    if let maximumLogScale, logScale > maximumLogScale { return maximumLogScale }
    if let minimumLogScale, logScale < minimumLogScale { return minimumLogScale }
    return logScale
  }
}
