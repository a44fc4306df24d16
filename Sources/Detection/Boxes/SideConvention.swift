/// How the side of a box is measured.
public enum SideConvention: Sendable, Hashable {
  /// A side is `max - min`: coordinates are edges, and a picture ends at its own side.
  case halfOpen

  /// A side is `max - min + 1`: coordinates are the first and the last pixel, and a picture ends at
  /// its side less 1.
  ///
  /// The "legacy +1" of py-faster-rcnn and its descendants.
  case inclusive

  /// What is added to the difference of the coordinates, in pixels.
  @inlinable
  public var extra: Float {
    switch self {
    case .halfOpen: 0
    case .inclusive: 1
    }
  }

  /// The greatest coordinate of a box that was clipped to a picture with a side of so many pixels:
  /// the picture's edge, or its last pixel; not below 0.
  public func limit(_ side: Float) -> Float { max(side - extra, 0) }
}
