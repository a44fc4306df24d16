/// The order in which four numbers of a box, or four offsets, are stored.
public enum CoordinateOrder: Sendable, Hashable {
  /// Boxes (y_min, x_min, y_max, x_max); offsets (dy, dx, dh, dw).
  case yxyx

  /// Boxes (x_min, y_min, x_max, y_max); offsets (dx, dy, dw, dh).
  case xyxy
}

extension BoundingBox {
  /// Makes a box from four stored numbers.
  public init(
    _ first: Float, _ second: Float, _ third: Float, _ fourth: Float, as order: CoordinateOrder
  ) {
    switch order {
    case .yxyx: self.init(yMin: first, xMin: second, yMax: third, xMax: fourth)
    case .xyxy: self.init(yMin: second, xMin: first, yMax: fourth, xMax: third)
    }
  }
}
