/// How the stored picture lies in relation to the one that is meant to be seen.
///
/// Source: Exif 2.32 (JEITA CP-3451E), section 4.6.4.A, tag 0x0112. The raw value is the tag's. Each
/// case names what has to be done to the stored picture so that it looks right.
public enum Orientation: Int, Sendable, CaseIterable {
  /// Nothing.
  case identity = 1
  /// Swap left and right.
  case mirrored = 2
  /// Turn by half a turn.
  case rotated180 = 3
  /// Swap top and bottom.
  case flipped = 4
  /// Swap rows and columns.
  case transposed = 5
  /// Turn clockwise by a quarter.
  case rotated90 = 6
  /// Swap rows and columns, and turn by half a turn.
  case transversed = 7
  /// Turn counterclockwise by a quarter.
  case rotated270 = 8

  /// Whether width and height change places.
  public var swapsAxes: Bool { rawValue >= 5 }
}

/// Where the stored pixels of a picture go in an oriented one: pixel (x, y) begins at byte
/// `origin + x * xStep + y * yStep`.
struct OrientedPlacement {
  /// The oriented size.
  var width, height: Int
  var origin, xStep, yStep: Int

  /// Places a stored picture of the given size, 3 bytes a pixel.
  init(width: Int, height: Int, orientation: Orientation) {
    (self.width, self.height) = orientation.swapsAxes ? (height, width) : (width, height)
    let row = 3 * self.width
    let right = 3 * (self.width - 1)
    let bottom = row * (self.height - 1)
    switch orientation {
    case .identity: (origin, xStep, yStep) = (0, 3, row)
    case .mirrored: (origin, xStep, yStep) = (right, -3, row)
    case .rotated180: (origin, xStep, yStep) = (bottom + right, -3, -row)
    case .flipped: (origin, xStep, yStep) = (bottom, 3, -row)
    case .transposed: (origin, xStep, yStep) = (0, row, 3)
    case .rotated90: (origin, xStep, yStep) = (right, row, -3)
    case .transversed: (origin, xStep, yStep) = (bottom + right, -row, -3)
    case .rotated270: (origin, xStep, yStep) = (bottom, -row, 3)
    }
  }
}
