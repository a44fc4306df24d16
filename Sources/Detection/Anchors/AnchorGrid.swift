/// All anchors of a feature map, in the order in which the RPN's outputs are stored.
///
/// Rows of cells from the top (y-major), cells of a row from the left, anchors of a cell innermost:
/// anchor `(y * width + x) * A + a` belongs to cell (y, x). Only one row of anchors is held; the
/// others differ from it by a shift.
public struct AnchorGrid: Sendable, Hashable {
  /// The number of rows of the feature map, H.
  public let height: Int

  /// The number of columns of the feature map, W.
  public let width: Int

  /// The number of anchors in a cell, A.
  public let anchorsPerCell: Int

  /// The anchors of all cells of one row, moved to their columns and not yet to their row.
  let row: [BoundingBox]

  /// The pixels of the resized picture from one row of cells to the next.
  let yStride: Float

  /// How far down the first row is moved.
  let yOffset: Float

  /// Shifts the anchors of the first cell to every cell.
  ///
  /// - Parameters:
  ///   - base: the A anchors of the first cell.
  ///   - featureStride: the pixels of the resized picture from one cell to the next.
  ///   - height: the number of rows of the feature map, 0 or more.
  ///   - width: the number of columns of the feature map, 0 or more.
  public init(base: [BoundingBox], featureStride: Int, height: Int, width: Int) {
    self.init(
      base: base, yStride: featureStride, xStride: featureStride, height: height, width: width)
  }

  /// Shifts the anchors of the first cell to every cell, by a stride for each axis.
  ///
  /// - Parameters:
  ///   - base: the A anchors of the first cell.
  ///   - yStride: the pixels of the resized picture from one row of cells to the next.
  ///   - xStride: the pixels from one column to the next.
  ///   - offset: where the first cell stands, in strides.
  ///   - height: the number of rows of the feature map, 0 or more.
  ///   - width: the number of columns of the feature map, 0 or more.
  public init(
    base: [BoundingBox], yStride: Int, xStride: Int, offset: Float = 0, height: Int, width: Int
  ) {
    precondition(
      height >= 0 && width >= 0, "a feature map of \(height) x \(width) cells has no anchors")
    var row: [BoundingBox] = []
    row.reserveCapacity(width * base.count)
    let xOffset = offset * Float(xStride)
    for x in 0..<width {
      let shift = Float(x * xStride) + xOffset
      for box in base {
        row.append(
          BoundingBox(
            yMin: box.yMin, xMin: box.xMin + shift, yMax: box.yMax, xMax: box.xMax + shift))
      }
    }
    self.row = row
    self.yStride = Float(yStride)
    self.yOffset = offset * Float(yStride)
    self.height = height
    self.width = width
    self.anchorsPerCell = base.count
  }

  /// The number of anchors, H x W x A.
  public var count: Int { height * row.count }

  /// An anchor, in pixels of the resized picture.
  public subscript(index: Int) -> BoundingBox {
    let (y, place) = index.quotientAndRemainder(dividingBy: row.count)
    let shift = Float(y) * yStride + yOffset
    var box = row[place]
    box.yMin += shift
    box.yMax += shift
    return box
  }

  /// All anchors, made anew at each call, in pixels of the resized picture.
  public var anchors: [BoundingBox] { (0..<count).map { self[$0] } }

  /// The indices of the anchors of which no edge lies outside of a picture of this size in pixels.
  public func indicesInside(height: Float, width: Float) -> [Int] {
    (0..<count).filter { self[$0].isInside(height: height, width: width) }
  }
}
