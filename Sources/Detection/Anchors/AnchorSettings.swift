internal import Glibc

/// The anchors of one cell of the feature map: sizes, shapes, and where they are centred.
///
/// Ren et al. 2015, section 3.1.1. The families agree on sizes and shapes and differ in the centre,
/// in rounding, in order, and in how the array of coordinates is read. A is the number of anchors
/// in a cell, `ratios.count * scales.count`.
public struct AnchorSettings: Sendable, Hashable {
  /// Where the anchors of the first cell are centred.
  public enum Centre: Sendable, Hashable {
    /// At half of the base size on both axes: 8 pixels with a base size of 16 (chainercv).
    case halfBase
    /// At 0 on both axes (torchvision, Detectron2).
    case origin
  }

  /// How coordinates are rounded, halves to even.
  public enum Rounding: Sendable, Hashable {
    /// Not at all.
    case none
    /// Each coordinate of an anchor centred on 0, as in torchvision's `AnchorGenerator`.
    case coordinates
    /// The sides of each shape at scale 1, as in py-faster-rcnn's `generate_anchors`.
    ///
    /// Sides count both end pixels there: an anchor reaches half of (side - 1) from a centre at
    /// half of (base size - 1).
    case wholeSides
  }

  /// Which of shape and size changes faster from one anchor of a cell to the next.
  public enum Nesting: Sendable, Hashable {
    /// All scales of the first ratio, then those of the next.
    case ratioMajor
    /// All ratios of the first scale, then those of the next (detectron2).
    case scaleMajor
  }

  /// The side in pixels that scales multiply.
  public var baseSize: Float

  /// Height divided by width.
  public var ratios: [Float]

  /// The side of the square of the same area, in base sizes.
  public var scales: [Float]

  /// Where the anchors of the first cell are centred.
  public var centre: Centre

  /// How coordinates are rounded.
  public var rounding: Rounding

  /// Which of shape and size changes faster.
  public var nesting: Nesting

  /// How the array that is built as (y, x, y, x) is read.
  ///
  /// bubbliiiing builds it so and reads it as (x, y, x, y): its tall anchors come first.
  public var coordinateOrder: CoordinateOrder

  /// Makes settings; what is left out is as in chainercv.
  public init(
    baseSize: Float = 16, ratios: [Float] = [0.5, 1, 2], scales: [Float] = [8, 16, 32],
    centre: Centre = .halfBase, rounding: Rounding = .none, nesting: Nesting = .ratioMajor,
    coordinateOrder: CoordinateOrder = .yxyx
  ) {
    self.baseSize = baseSize
    self.ratios = ratios
    self.scales = scales
    self.centre = centre
    self.rounding = rounding
    self.nesting = nesting
    self.coordinateOrder = coordinateOrder
  }

  /// The number of anchors in a cell, A.
  public var anchorsPerCell: Int { ratios.count * scales.count }

  /// The A anchors of the first cell, in pixels of the resized picture.
  ///
  /// Computed in double precision and rounded once.
  public func makeBase() -> [BoundingBox] {
    var boxes: [BoundingBox] = []
    boxes.reserveCapacity(anchorsPerCell)
    switch nesting {
    case .ratioMajor:
      for ratio in ratios {
        for scale in scales { boxes.append(makeAnchor(ratio: ratio, scale: scale)) }
      }
    case .scaleMajor:
      for scale in scales {
        for ratio in ratios { boxes.append(makeAnchor(ratio: ratio, scale: scale)) }
      }
    }
    return boxes
  }

  private func makeAnchor(ratio: Float, scale: Float) -> BoundingBox {
    let (base, ratio, scale) = (Double(baseSize), Double(ratio), Double(scale))
    var middle =
      switch centre {
      case .halfBase: base / 2
      case .origin: 0.0
      }
    var halfHeight = base * scale * ratio.squareRoot() / 2
    var halfWidth = base * scale * (1 / ratio).squareRoot() / 2
    switch rounding {
    case .none:
      break
    case .coordinates:
      halfHeight.round(.toNearestOrEven)
      halfWidth.round(.toNearestOrEven)
    case .wholeSides:
      let width = (base * base / ratio).squareRoot().rounded(.toNearestOrEven)
      let height = (width * ratio).rounded(.toNearestOrEven)
      halfHeight = (height * scale - 1) / 2
      halfWidth = (width * scale - 1) / 2
      middle -= 0.5
    }
    return BoundingBox(
      Float(middle - halfHeight), Float(middle - halfWidth), Float(middle + halfHeight),
      Float(middle + halfWidth), as: coordinateOrder)
  }
}
