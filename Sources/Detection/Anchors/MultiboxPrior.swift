/// Anchors in the manner of SSD: boxes of several sizes and ratios around each pixel.
///
/// Of the n sizes and m ratios only those pairs are used that hold the first size or the first
/// ratio, n + m - 1 for each pixel: first every size with the ratio 1, then the first size with
/// each further ratio. Source: `multibox_prior` of Dive into Deep Learning, section
/// 14.4 (anchor boxes).
///
/// A box is relative to the picture: its coordinates go from 0 to 1 where it lies inside. Three
/// things that its text leaves open are taken as its code has them:
///
/// - a width is `size * sqrt(ratio) * height / width` of the map, so that a box with ratio 1 is
///   square in pixels, where the text has a width of `w s sqrt(r)`;
/// - the first ratio is never read: every size is drawn with a ratio of 1;
/// - sides are halved before they are added to the centre.
public struct MultiboxPrior: Sendable, Hashable {
  /// The sizes, as parts of the picture's height; the first is drawn with every ratio.
  public let sizes: [Float]

  /// The ratios of width to height in pixels; the first counts as 1.
  public let ratios: [Float]

  /// Makes a prior; traps unless there is a size and a ratio, and all are finite and above 0.
  public init(sizes: [Float], ratios: [Float]) {
    precondition(
      !sizes.isEmpty && !ratios.isEmpty
        && (sizes + ratios).allSatisfy { $0 > 0 && $0.isFinite },
      "sizes \(sizes) and ratios \(ratios) must be positive, and at least one each")
    self.sizes = sizes
    self.ratios = ratios
  }

  /// The number of boxes around each pixel: n + m - 1.
  public var boxesPerPixel: Int { sizes.count + ratios.count - 1 }

  /// Places the boxes around every pixel of a map.
  ///
  /// - Parameters:
  ///   - height: The rows of the map, 0 or more.
  ///   - width: The columns of the map, 0 or more.
  /// - Returns: H x W x (n + m - 1) boxes: rows from the top, then pixels from the left.
  public func boxes(height: Int, width: Int) -> [BoundingBox] {
    precondition(height >= 0 && width >= 0, "a map of \(height) x \(width) has no pixels")
    let roots = ratios.dropFirst().map { $0.squareRoot() }
    let halfWidths = (sizes + roots.map { sizes[0] * $0 }).map {
      $0 * Float(height) / Float(width) / 2
    }
    let halfHeights = (sizes + roots.map { sizes[0] / $0 }).map { $0 / 2 }
    var boxes: [BoundingBox] = []
    boxes.reserveCapacity(height * width * boxesPerPixel)
    for y in 0..<height {
      let yCentre = (Float(y) + 0.5) * (1 / Float(height))
      for x in 0..<width {
        let xCentre = (Float(x) + 0.5) * (1 / Float(width))
        for (halfHeight, halfWidth) in zip(halfHeights, halfWidths) {
          boxes.append(
            BoundingBox(
              yMin: yCentre - halfHeight, xMin: xCentre - halfWidth, yMax: yCentre + halfHeight,
              xMax: xCentre + halfWidth))
        }
      }
    }
    return boxes
  }
}
