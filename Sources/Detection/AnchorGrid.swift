/// All anchors of a feature map, in the order in which the RPN's outputs are stored.
///
/// Rows of cells from the top (y-major), cells of a row from the left, anchors of a cell innermost:
/// anchor `(y * width + x) * A + a` belongs to cell (y, x). Note 002 enumerates x-major, which does
/// not match the predictions that it flattens y-major, and is an erratum.
public struct AnchorGrid: Sendable, Hashable {
  /// The anchors in pixels of the resized picture, H x W x A of them.
  public let anchors: [BoundingBox]

  /// The number of rows of the feature map, H.
  public let height: Int

  /// The number of columns of the feature map, W.
  public let width: Int

  /// The number of anchors in a cell, A.
  public let anchorsPerCell: Int

  /// Shifts the anchors of the first cell to every cell (`_enumerate_shifted_anchor` of the notes).
  ///
  /// - Parameters:
  ///   - base: the A anchors of the first cell.
  ///   - featureStride: the pixels of the resized picture from one cell to the next.
  ///   - height: the number of rows of the feature map, 0 or more.
  ///   - width: the number of columns of the feature map, 0 or more.
  public init(base: [BoundingBox], featureStride: Int, height: Int, width: Int) {
    precondition(
      height >= 0 && width >= 0, "a feature map of \(height) x \(width) cells has no anchors")
    var anchors: [BoundingBox] = []
    anchors.reserveCapacity(height * width * base.count)
    for y in 0..<height {
      let yShift = Float(y * featureStride)
      for x in 0..<width {
        let xShift = Float(x * featureStride)
        for box in base {
          anchors.append(
            BoundingBox(
              yMin: box.yMin + yShift, xMin: box.xMin + xShift,
              yMax: box.yMax + yShift, xMax: box.xMax + xShift))
        }
      }
    }
    self.anchors = anchors
    self.height = height
    self.width = width
    self.anchorsPerCell = base.count
  }

  /// The indices of the anchors of which no edge lies outside of a picture of this size in pixels.
  public func indicesInside(height: Float, width: Float) -> [Int] {
    anchors.indices.filter { anchors[$0].isInside(height: height, width: width) }
  }
}
