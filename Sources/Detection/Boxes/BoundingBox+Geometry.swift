extension BoundingBox {
  /// Whether all four edges are finite numbers.
  public var isFinite: Bool {
    yMin.isFinite && xMin.isFinite && yMax.isFinite && xMax.isFinite
  }

  /// The area in square pixels; 0 for a box that is inside out.
  ///
  /// - Parameter sides: how a side is measured.
  /// - Returns: the product of the sides.
  public func area(sides: SideConvention = .halfOpen) -> Float {
    max(height + sides.extra, 0) * max(width + sides.extra, 0)
  }

  /// The box with each edge moved into the frame from (0, 0) to (`yLimit`, `xLimit`).
  ///
  /// A NaN edge stays NaN.
  public func clipped(yLimit: Float, xLimit: Float) -> BoundingBox {
    BoundingBox(
      yMin: min(max(yMin, 0), yLimit), xMin: min(max(xMin, 0), xLimit),
      yMax: min(max(yMax, 0), yLimit), xMax: min(max(xMax, 0), xLimit))
  }

  /// The box with its edges divided by a scale for each axis.
  ///
  /// From the frame of the resized picture it leads back to the original one.
  public func divided(yScale: Float, xScale: Float) -> BoundingBox {
    BoundingBox(
      yMin: yMin / yScale, xMin: xMin / xScale, yMax: yMax / yScale, xMax: xMax / xScale)
  }

  /// The box with its edges multiplied by a factor for each axis.
  func multiplied(y: Float, x: Float) -> BoundingBox {
    BoundingBox(yMin: yMin * y, xMin: xMin * x, yMax: yMax * y, xMax: xMax * x)
  }

  /// Whether one of the sides is 0 or less.
  func isEmpty(sides: SideConvention) -> Bool {
    !(height + sides.extra > 0 && width + sides.extra > 0)
  }

  /// Whether no edge lies outside of the frame from (0, 0) to (`height`, `width`).
  ///
  /// The inside test of AnchorTargetCreator (chainercv's `_get_inside_index`): an edge on the frame's
  /// own edge is inside.
  public func isInside(height: Float, width: Float) -> Bool {
    yMin >= 0 && xMin >= 0 && yMax <= height && xMax <= width
  }
}
